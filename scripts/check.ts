/** `npm run check`: everything that needs no cluster, in under a minute. Green before every commit. */
import { runSteps, runTests, STATIC_CHECKS } from './steps.ts';

// Side by side: many unit tests wait more than they compute.
const [staticOk, unit] = await Promise.all([runSteps(STATIC_CHECKS, 1), runTests('unit', false)]);
console.log(`${unit.counts.passed} passed, ${unit.counts.failed} failed, ${unit.counts.skipped} skipped`);
process.exitCode = staticOk && unit.ok ? 0 : 1;
