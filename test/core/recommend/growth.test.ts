import { describe, expect, it } from 'vitest';
import { kib } from '../../../src/core/quantity.ts';
import {
  kernelFormula,
  chargeForFewerWorkers,
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

describe('chargeForFewerWorkers', () => {
  it('covers what workers grew on a machine short of CPU, within 10 %, and charges more workers no more', () => {
    // One table, private MiB of a worker: 8 x 50 took 25, 4 x 50 took 33.5, 2 x 50 took 35.7 on 2 cores.
    expect(25 * chargeForFewerWorkers(8, 4)).toBeGreaterThan(33.5 * 0.88);
    expect(25 * chargeForFewerWorkers(8, 2)).toBeGreaterThan(35.7 * 0.98);
    expect(chargeForFewerWorkers(4, 10)).toBe(1);
  });

  it('never makes fewer workers cost more in all', () => {
    for (let processes = 1; processes < 16; processes += 1) {
      const fewer = processes * chargeForFewerWorkers(16, processes);
      expect(fewer).toBeLessThan((processes + 1) * chargeForFewerWorkers(16, processes + 1));
    }
  });
});
