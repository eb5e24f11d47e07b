/**
 * `npm test`: the checks, then the tests with a real uWSGI, on a real control plane, on a real node, then whether these used
 * just the rights that the chart gives. Beside them all, at the lowest priority, those on other kernels.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePackages } from '../test/cluster/packages.ts';
import { runSteps, runTests, STATIC_CHECKS, type Counts, type TestRun } from './steps.ts';

await ensurePackages(['unit']);
const kernels = runTests('kernels', false);
let ok = await runSteps(STATIC_CHECKS);
let total: Counts = { passed: 0, failed: ok ? 0 : 1, skipped: 0 };
process.env['RIGHTS_RECORD'] = join(mkdtempSync(join(tmpdir(), 'uwsgi-tuner-rights-')), 'uses.json');
for (const project of ['unit', 'uwsgi', 'control-plane', 'e2e', 'rights']) count(await runTests(project, true));
const onKernels = await kernels;
count(onKernels);
for (const line of onKernels.output.split('\n')) if (line.startsWith('kernel ')) console.log(line);
// Under CI nothing that matters may skip.
if (process.env['CI'] === 'true' && total.skipped > 0) ok = false;
process.exitCode = ok ? 0 : 1;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);

function count(result: TestRun): void {
  ok &&= result.ok;
  total = {
    passed: total.passed + result.counts.passed,
    failed: total.failed + result.counts.failed,
    skipped: total.skipped + result.counts.skipped,
  };
}
