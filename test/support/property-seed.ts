/**
 * Property tests take a new seed each run on a developer's machine, where a find is welcome. Under CI the seed is fixed,
 * so that a red run is the change's and not the dice's.
 */
import fc from 'fast-check';

if (process.env['CI'] === 'true') fc.configureGlobal({ seed: 20_261_124 });
