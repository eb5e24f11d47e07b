/** `npm run fuzz`: by hand, as many damaged inputs as one likes, with the seed that finds a failure again. */
import { parseArgs } from 'node:util';
import { fuzz } from '../test/fuzz/run.ts';
import { SUBJECTS } from '../test/fuzz/subjects.ts';

const HELP = `npm run fuzz -- [--count N] [--seed S] [--only NAME]... [--path P]

  --count N   inputs in all (100000); each subject gets its part
  --seed S    of the first batch (by the clock); the same seed makes the same inputs
  --only NAME ${SUBJECTS.map(({ name }) => name).join(', ')}
  --path P    with the seed of a failure and --only: that input alone`;

/** On a machine that does nothing else an input takes a few milliseconds. */
const DEADLINE_MS = 20_000;

/** Inputs between two lines on how far it is. */
const PROGRESS = 20_000;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() & 0x7fffffff) },
    only: { type: 'string', multiple: true },
    path: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const [count, seed] = [Number(values.count), Number(values.seed)];
const chosen = SUBJECTS.filter(({ name }) => values.only?.includes(name) ?? true);
if (values.help || chosen.length === 0 || !Number.isInteger(count) || count < 1 || !Number.isInteger(seed)) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}

console.log(`seed ${seed}, ${count} inputs`);
const started = performance.now();
const seconds = (): string => ((performance.now() - started) / 1000).toFixed(0);
const reports = await fuzz(chosen, {
  count,
  seed,
  deadlineMs: DEADLINE_MS,
  onBatch: (subject, done) => {
    if (done % PROGRESS === 0) console.log(`       ${subject}: ${done} inputs after ${seconds()} s`);
  },
  ...(values.path === undefined ? {} : { path: values.path }),
});
for (const { subject, inputs, slowestMs, failure } of reports) {
  console.log(
    `${failure === null ? 'ok    ' : 'FAILED'} ${subject}: ${inputs} inputs, slowest ${slowestMs.toFixed(0)} ms`,
  );
  if (failure !== null) console.log(failure);
}
const total = reports.reduce((sum, { inputs }) => sum + inputs, 0);
console.log(`${total} inputs in ${seconds()} s`);
process.exitCode = reports.every(({ failure }) => failure === null) ? 0 : 1;
