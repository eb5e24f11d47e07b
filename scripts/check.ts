/** `npm run check`: everything that needs no cluster. Green before every commit. */
import { runSteps, runTests, STATIC_CHECKS } from './steps.ts';

const staticOk = await runSteps(STATIC_CHECKS);
const unit = await runTests('unit', false);
console.log(`${unit.counts.passed} passed, ${unit.counts.failed} failed, ${unit.counts.skipped} skipped`);
process.exitCode = staticOk && unit.ok ? 0 : 1;
