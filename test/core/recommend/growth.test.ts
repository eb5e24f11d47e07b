import { describe, expect, it } from 'vitest';
import { kib } from '../../../src/core/quantity.ts';
import {
  chargeForOtherWorkers,
  kernelFormula,
  privateAt,
  scaleByFormula,
  sharedMemoryFormula,
  type PrivatePoint,
} from '../../../src/core/recommend/growth.ts';

/** docs of the memory model, KiB: processes, threads, kernel memory, shared memory. Runs under full load. */
const TABLE: readonly (readonly [number, number, number, number])[] = [
  [1, 50, 1824, 940],
  [2, 50, 3376, 1559],
  [4, 50, 6516, 2787],
  [1, 100, 3128, 1552],
  [1, 200, 5704, 2772],
  [10, 10, 5348, 2329],
  [8, 50, 12_436, 5260],
];

/** Private memory of one worker by threads, KiB, from the same table. */
const PRIVATE: readonly (readonly [number, number])[] = [
  [10, 8932],
  [25, 16_998],
  [50, 27_100],
  [100, 45_260],
  [200, 71_578],
];

const point = (threads: number, size: number): PrivatePoint => ({
  threads,
  private: { charged: size, expected: size },
});

describe('formulas of the measured table', () => {
  it('gives kernel memory within 8 % and shared memory within 11 % of every loaded run', () => {
    for (const [processes, threads, kernel, shared] of TABLE) {
      expect(Math.abs(kernelFormula({ processes, threads }) / kib(kernel) - 1)).toBeLessThan(0.08);
      expect(Math.abs(sharedMemoryFormula({ processes, threads }) / kib(shared) - 1)).toBeLessThan(0.11);
    }
  });

  it('grows what follows the formula and keeps what is above it fixed', () => {
    const scale = (factor: number): number =>
      scaleByFormula(({ processes }) => processes * 10, factor, {
        from: { processes: 4, threads: 1 },
        to: { processes: 8, threads: 1 },
        cap: 2,
      });
    expect(scale(1)).toBe(80);
    expect(scale(0.5)).toBe(40);
    // 5 x 40 = 200 measured: 80 of it follows the formula and doubles, 120 is a cache and stays.
    expect(scale(5)).toBe(160 + 120);
  });
});

describe('privateAt', () => {
  it('returns the measurement itself at the measured threads', () => {
    expect(privateAt(100, point(100, 45_260), [])).toEqual({ charged: 45_260, expected: 45_260 });
  });

  it('charges never below the truth of the table from any one point', () => {
    for (const [known, size] of PRIVATE) {
      for (const [threads, truth] of PRIVATE) {
        expect(privateAt(threads, point(known, size), []).charged).toBeGreaterThanOrEqual(truth);
      }
    }
  });

  it('expects within 12 % of the truth from one point, up to twice or half its threads', () => {
    for (const [known, size] of PRIVATE) {
      for (const [threads, truth] of PRIVATE) {
        if (threads > known * 2 || threads < known / 2) continue;
        expect(Math.abs(privateAt(threads, point(known, size), []).expected / truth - 1)).toBeLessThan(0.12);
      }
    }
  });

  it('is refined by a second point: the charge at 50 threads falls to what 50 threads were measured to need', () => {
    const anchor = point(100, 45_260);
    expect(privateAt(50, anchor, [anchor, point(50, 27_100)]).charged).toBe(27_100);
    expect(privateAt(50, anchor, [anchor, point(50, 27_100)]).expected).toBeCloseTo(27_100, 0);
    // Between two points: no more than at the higher one, and no more than growth in proportion from the lower one.
    expect(privateAt(75, anchor, [anchor, point(50, 27_100)]).charged).toBe(40_650);
    expect(privateAt(75, anchor, [anchor, point(50, 27_100)]).expected).toBeGreaterThan(34_500);
    expect(privateAt(75, anchor, [anchor, point(50, 27_100)]).expected).toBeLessThan(38_000);
  });

  it('does not let a point that was measured idle pull the charge below three quarters of the law', () => {
    const anchor = point(100, 44_000);
    const charged = privateAt(50, anchor, [anchor, point(50, 3000)]).charged;
    expect(charged).toBeCloseTo(44_000 * 0.5 ** 0.68 * 0.75, 0);
  });

  it('never charges fewer threads more than the highest point nor less than a lower one', () => {
    const anchor = point(100, 20_000);
    const heavier = point(50, 27_000);
    expect(privateAt(60, anchor, [anchor, heavier]).charged).toBe(27_000);
  });
});

describe('the law outside of two points', () => {
  const at = (known: readonly (readonly [number, number])[], threads: number): number => {
    const [first = point(1, 1), ...others] = known.map(([count, size]) => point(count, size));
    return privateAt(threads, first, [first, ...others]).expected;
  };
  const exponent = (known: readonly (readonly [number, number])[], from: number, to: number): number =>
    Math.log(at(known, to) / at(known, from)) / Math.log(to / from);

  it('is nearly theirs where they are far apart', () => {
    const linear = [
      [80, 80_000],
      [10, 10_000],
    ] as const;
    expect(exponent(linear, 80, 160)).toBeGreaterThan(0.98);
    expect(exponent(linear, 5, 10)).toBeGreaterThan(0.98);
  });

  it('is nearly the default where they are as close as two workers differ anyway', () => {
    // No growth from 90 to 100 threads: that may be chance, and no sign that 200 need no more.
    const close = [
      [100, 45_000],
      [90, 45_000],
    ] as const;
    expect(exponent(close, 100, 200)).toBeGreaterThan(0.5);
    expect(exponent(close, 45, 90)).toBeGreaterThan(0.5);
    // Between them the points themselves count.
    expect(at(close, 95)).toBeCloseTo(45_000, 5);
  });

  it('meets the points from outside', () => {
    const two = [
      [40, 26_000],
      [20, 18_000],
    ] as const;
    expect(at(two, 20)).toBeCloseTo(18_000, 5);
    expect(at(two, 19) / at(two, 20)).toBeCloseTo(1, 1);
    expect(at(two, 41) / at(two, 40)).toBeCloseTo(1, 1);
  });
});

describe('chargeForOtherWorkers', () => {
  it('covers what workers grew on a machine short of CPU, within 10 %', () => {
    // One table, private MiB of a worker: 8 x 50 took 25, 4 x 50 took 33.5, 2 x 50 took 35.7 on 2 cores.
    expect(25 * chargeForOtherWorkers(8, 4)).toBeGreaterThan(33.5 * 0.88);
    expect(25 * chargeForOtherWorkers(8, 2)).toBeGreaterThan(35.7 * 0.98);
  });

  it('covers, within 3 %, that the measured workers were the small ones of those that follow', () => {
    // Private MiB of each worker of one pod, 4 x 10, 6 x 20 and 4 x 20 threads, in the order in which they started.
    const pods = [
      [35.3, 33.8, 35.2, 38.6],
      [47.8, 47.6, 51, 48.5, 44, 49.4],
      [43.7, 45.6, 49.8, 49.3],
    ];
    const mean = (sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    for (const workers of pods) {
      for (let first = 1; first < workers.length; first += 1) {
        const charged = mean(workers.slice(0, first)) * chargeForOtherWorkers(first, workers.length);
        expect(charged).toBeGreaterThan(mean(workers) * 0.97);
      }
    }
  });

  it('charges nothing for the count that was measured, and little for one more of many', () => {
    expect(chargeForOtherWorkers(4, 4)).toBe(1);
    expect(chargeForOtherWorkers(16, 17)).toBeLessThan(1.005);
  });

  it('never makes fewer workers cost more in all', () => {
    for (let processes = 1; processes < 40; processes += 1) {
      const fewer = processes * chargeForOtherWorkers(16, processes);
      expect(fewer).toBeLessThan((processes + 1) * chargeForOtherWorkers(16, processes + 1));
    }
  });
});
