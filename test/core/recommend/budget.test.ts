/** The workers' line of the sum, for other counts of workers than were measured. */
import { describe, expect, it } from 'vitest';
import { kib } from '../../../src/core/quantity.ts';
import { usageOf } from '../../../src/core/recommend/digest.ts';
import { recommend } from '../../../src/core/recommend/recommend.ts';
import type { BudgetLine, RecommendInput } from '../../../src/core/recommend/types.ts';
import { digestOf, HOUR, inputOf, within } from './builders.ts';

function workersLine(input: RecommendInput, processes: number, threads: number): BudgetLine | undefined {
  const exactly = (count: number): { min: number; max: number } => ({ min: count, max: count });
  const policy = { ...input.policy, ...within({ processes: exactly(processes), threads: exactly(threads) }) };
  const { budget } = recommend({ ...input, policy });
  return budget.find(({ name }) => name === 'workers');
}

describe('the workers line', () => {
  const one = inputOf({ processes: 1, threads: 20, privateKib: 10_000 }, { limitMib: 8192 });
  const four = inputOf({ processes: 4, threads: 20, privateKib: 10_000 }, { limitMib: 8192 });

  it('is what was measured for what was measured', () => {
    expect(workersLine(four, 4, 20)).toMatchObject({
      bytes: 4 * kib(10_000),
      expectedBytes: 4 * kib(10_000),
      detail: '4 x 9.8Mi private at 20 threads',
    });
  });

  it('expects more workers in proportion, and charges for their differences, less where more were measured', () => {
    const fromOne = workersLine(one, 8, 20);
    const fromFour = workersLine(four, 8, 20);
    expect([fromOne?.expectedBytes, fromFour?.expectedBytes]).toEqual([8 * kib(10_000), 8 * kib(10_000)]);
    expect((fromOne?.bytes ?? 0) / (8 * kib(10_000))).toBeCloseTo(1.062, 3);
    expect((fromFour?.bytes ?? 0) / (8 * kib(10_000))).toBeCloseTo(1.023, 3);
    expect(fromOne?.detail).toBe('8 x 10Mi private at 20 threads, 6 % more because workers differ and 1 was measured');
  });

  it('charges fewer workers for what each may grow by, and says so', () => {
    expect(workersLine(four, 2, 20)?.detail).toBe(
      '2 x 12Mi private at 20 threads, 19 % more because fewer workers may each serve more',
    );
  });

  it('takes a point of fewer workers as one of fewer workers, whatever runs now', () => {
    const narrow = digestOf({ processes: 1, threads: 20, privateKib: 10_000, busyThreads: 20 });
    const wide = digestOf(
      { processes: 4, threads: 40, privateKib: 16_000, busyThreads: 40 },
      { digest: narrow, from: 2 * HOUR },
    );
    const input = {
      ...four,
      usage: usageOf(wide, 3 * HOUR),
      current: { processes: 4, threads: 40, threadStackSize: null },
    };
    const line = workersLine(input, 4, 20);
    expect((line?.bytes ?? 0) / (4 * kib(10_000))).toBeCloseTo(1.057, 3);
  });
});
