/** A bounded share of the fuzzing in every run of the unit tests; by hand as much as one likes: `npm run fuzz`. */
import { expect, it } from 'vitest';
import { fuzz } from './run.ts';
import { SUBJECTS } from './subjects.ts';

/** Inputs of all subjects together. */
const COUNT = 10_000;
/** Of one input, on a machine that runs all other tests beside it. An input takes a few milliseconds. */
const DEADLINE_MS = 60_000;
/** Under CI the dice are fixed; elsewhere a find is welcome. */
const SEED = process.env['CI'] === 'true' ? 20_261_124 : Date.now() & 0x7fffffff;

it.each(SUBJECTS)('no damaged input breaks a law of $name', { timeout: 300_000 }, async (subject) => {
  const weights = SUBJECTS.reduce((sum, { weight }) => sum + weight, 0);
  const count = Math.ceil((COUNT * subject.weight) / weights);
  console.log(`${subject.name}: ${count} inputs, seed ${SEED}`);
  const [report] = await fuzz([subject], { count, seed: SEED, deadlineMs: DEADLINE_MS });
  expect(report?.failure).toBeNull();
  expect(report?.inputs).toBe(count);
});
