import { describe, expect, it } from 'vitest';
import { bytes, kib, mib } from '../../../src/core/quantity.ts';
import { recommend } from '../../../src/core/recommend/recommend.ts';
import type { Policy, Recommendation, RecommendInput, Refusal } from '../../../src/core/recommend/types.ts';
import { PLATFORM } from '../../support/builders.ts';
import { IMAGE, inputOf, POLICY, usageFor, within } from './builders.ts';

const MAXIMIZE = (bounds: Partial<Policy['bounds']>): Partial<Policy> => ({
  objective: 'MaximizeConcurrency',
  ...within(bounds),
});

function accept(input: RecommendInput): Recommendation {
  const result = recommend(input);
  if (result.kind === 'Refusal') throw new Error(result.message);
  return result;
}

function refuse(input: RecommendInput): Refusal {
  const result = recommend(input);
  if (result.kind === 'Recommendation') throw new Error('a recommendation');
  return result;
}

const shape = ({ processes, threads }: Recommendation): string => `${processes}x${threads}`;

describe('the blog: 4 x 100 with default stacks under 1 GiB', () => {
  const result = accept(inputOf());

  it('keeps 4 x 100 and takes 512 KiB stacks', () => {
    expect(result).toMatchObject({ processes: 4, threads: 100, threadStackSize: kib(512), confidence: 0 });
    expect(result.uncapped).toEqual({ processes: 4, threads: 100, threadStackSize: kib(512) });
  });

  it('saves 2.9 GiB of address space and no memory', () => {
    expect(result.savings).toEqual({ mapped: 396 * (kib(8192) - kib(512)), resident: 0 });
  });

  it('shows the sum', () => {
    expect(result.budget.map(({ name, bytes: charged, provenance }) => [name, charged, provenance])).toEqual([
      ['master', kib(400), 'measured'],
      ['fork-shared', kib(14_000), 'measured'],
      ['workers', kib(4 * 44_200), 'measured'],
      ['thread stacks', kib(396 * 192), 'calculated'],
      ['shared memory', expect.any(Number), 'measured'],
      ['kernel', expect.any(Number), 'measured'],
    ]);
    expect(result.budgetLimit).toBe(Math.floor(mib(1024) * 0.85));
    expect(result.worstCase - result.charged).toBe(396 * (kib(512) - kib(192)));
  });

  it('says why, with numbers and units', () => {
    expect(result.reasons).toEqual([
      'From 12 samples over 0.0 days: confidence 0; limit 1Gi (cgroup) less 15 % head room.',
      '4 x 100 fits: 278Mi charged of 870Mi, 210Mi expected.',
      'Stack: 512Ki for Python 3.11; above 192Ki for high-water mark 64Ki x margin 3.',
      'Thread stacks map 2.9Gi less address space; memory that the limit charges stays the same, because untouched stack was never resident.',
    ]);
  });
});

describe('PreserveConcurrency', () => {
  it('lowers processes first, at the same threads', () => {
    const result = accept(inputOf({}, { limitMib: 200 }));
    expect(shape(result)).toBe('2x100');
    expect(result.reasons).toContain(
      'Processes go from 4 to 2: 4 x 100 needs 278Mi of 170Mi, short by 108Mi; largest: workers 173Mi, thread stacks 74Mi, fork-shared 14Mi.',
    );
  });

  it('lowers threads when processes are at their minimum', () => {
    const processes = { min: 2, max: null };
    const result = accept(inputOf({}, { limitMib: 160, policy: within({ processes }) }));
    expect(result.processes).toBe(2);
    expect(result.threads).toBeGreaterThan(1);
    expect(result.threads).toBeLessThan(100);
    expect(result.charged).toBeLessThanOrEqual(result.budgetLimit ?? 0);
  });

  it('stays within bounds, and above cheaper', () => {
    const processes = { min: null, max: 3 };
    expect(shape(accept(inputOf({}, { policy: within({ processes }) })))).toBe('3x100');
    const tight = inputOf({}, { limitMib: 200, cheaper: 1 });
    expect(shape(accept(tight))).toBe('2x100');
    expect(accept(inputOf({}, { limitMib: 260, cheaper: 2 })).processes).toBeGreaterThan(2);
  });

  it('keeps threads that mean nothing, and values that are not controlled', () => {
    const processes = { min: 4, max: 4 };
    const policy = within({ processes });
    expect(refuse(inputOf({}, { limitMib: 200, threadsTunable: false, policy })).reason).toBe('DoesNotFit');
    const controlled = ['ThreadStackSize'] as const;
    expect(shape(accept(inputOf({}, { policy: { controlled } })))).toBe('4x100');
    expect(refuse(inputOf({}, { limitMib: 200, policy: { controlled } })).reason).toBe('DoesNotFit');
  });
});

describe('MaximizeConcurrency', () => {
  it('raises processes to what the limit holds, up to the bound', () => {
    const policy = MAXIMIZE({ processes: { min: null, max: 10 } });
    const wide = accept(inputOf({}, { limitMib: 1024, policy }));
    expect(shape(wide)).toBe('10x100');
    expect(wide.charged).toBeLessThanOrEqual(wide.budgetLimit ?? 0);
    expect(wide.uncapped?.processes).toBeGreaterThan(10);
    expect(shape(accept(inputOf({}, { limitMib: 512, policy })))).toBe('6x100');
  });

  it('raises threads only after processes, only with a bound, and at most twofold', () => {
    const processes = { min: null, max: 4 };
    const threads = { min: null, max: 1000 };
    expect(shape(accept(inputOf({}, { limitMib: 8192, policy: MAXIMIZE({ processes }) })))).toBe('4x100');
    expect(shape(accept(inputOf({}, { limitMib: 8192, policy: MAXIMIZE({ processes, threads }) })))).toBe('4x200');
  });

  it('does not raise while most threads have never worked', () => {
    const policy = MAXIMIZE({ processes: { min: null, max: 10 } });
    const result = accept(inputOf({ busyThreads: 20 }, { policy }));
    expect(shape(result)).toBe('4x100');
    expect(result.reasons.join(' ')).toContain('at most 20 of 100 threads of a worker have worked');
  });

  it('lowers what does not fit', () => {
    const policy = MAXIMIZE({ processes: { min: null, max: 10 } });
    expect(shape(accept(inputOf({}, { limitMib: 200, policy })))).toBe('2x100');
  });

  it('needs a bound', () => {
    expect(refuse(inputOf({}, { policy: MAXIMIZE({}) })).reason).toBe('InvalidPolicy');
  });
});

describe('what failures taught', () => {
  const lesson = { kind: 'OutOfMemory', image: IMAGE, processes: 4, threads: 100 } as const;
  it('caps processes x threads below an out-of-memory kill on this image', () => {
    expect(shape(accept(inputOf({}, { lessons: [lesson] })))).toBe('3x100');
    expect(shape(accept(inputOf({}, { lessons: [{ ...lesson, image: 'web:other' }] })))).toBe('4x100');
  });

  it('refuses when even the least is capped', () => {
    const processes = { min: 4, max: null };
    const threads = { min: 100, max: null };
    const bounds = { ...POLICY.bounds, processes, threads };
    expect(refuse(inputOf({}, { lessons: [lesson], policy: { bounds } })).message).toBe(
      '4 x 100 reaches the 400 threads in all at which this image ran out of memory',
    );
  });
});

describe('stacks in the sum', () => {
  it('Reserved charges whole stacks', () => {
    const result = accept(inputOf({}, { policy: { stackCharge: 'Reserved' } }));
    expect(result.budget.find(({ name }) => name === 'thread stacks')).toMatchObject({
      bytes: 396 * kib(512),
      provenance: 'user',
    });
    expect(result.worstCase).toBe(result.charged);
  });

  it('is charged whole where huge pages can make it resident, and the pages that go away are a measured saving', () => {
    const platform = { ...PLATFORM, kernel: '6.1.0', transparentHugePages: 'always' } as const;
    const pod = { stackResidentKib: 2068, hugeKib: 2048 };
    const result = accept(inputOf(pod, { platform, limitMib: 2048 }));
    expect(result.threadStackSize).toBe(kib(512));
    expect(result.savings.resident).toBe(396 * kib(2048));
    expect(result.budget.find(({ name }) => name === 'thread stacks')?.expectedBytes).toBe(396 * kib(20));
    const python13 = { ...platform, python: { major: 3, minor: 13 } };
    const deep = accept(inputOf(pod, { platform: python13, limitMib: 4096 }));
    expect(deep.threadStackSize).toBe(kib(3072));
    expect(deep.budget.find(({ name }) => name === 'thread stacks')?.bytes).toBe(396 * kib(3072));
    expect(deep.savings.resident).toBe(0);
  });

  it('a raised stack is a negative saving of address space', () => {
    const current = { processes: 4, threads: 100, threadStackSize: kib(64) };
    const result = accept(inputOf({ stackKib: 64 }, { current }));
    expect(result.savings.mapped).toBe(396 * (kib(64) - kib(512)));
  });
});

describe('without', () => {
  it('a memory limit only the stack is sized, and it says why', () => {
    const result = accept(inputOf({}, { limitMib: null, policy: MAXIMIZE({ processes: { min: null, max: 10 } }) }));
    expect(shape(result)).toBe('4x100');
    expect(result).toMatchObject({ threadStackSize: kib(512), budgetLimit: null });
    expect(result.reasons.join(' ')).toContain('No memory limit is known');
  });

  it('a sample there is no recommendation', () => {
    const usage = usageFor({}, { count: 0 });
    expect(refuse(inputOf({}, { usage })).reason).toBe('NoSample');
  });

  it('resident memory there is none either, and the message tells what to capture', () => {
    const usage = { ...usageFor(), private: null };
    expect(refuse(inputOf({}, { usage }))).toMatchObject({ reason: 'NoResidentMemory' });
  });

  it('a reading of kernel memory the formula stands in and says so', () => {
    const input = inputOf({ kernelKib: null });
    const usage = { ...input.usage, kernelFactor: null };
    const result = accept({ ...input, usage });
    expect(result.budget.find(({ name }) => name === 'kernel')).toMatchObject({ provenance: 'default' });
  });
});

describe('a refusal', () => {
  it('names the shortfall and the largest lines', () => {
    const refusal = refuse(inputOf({}, { limitMib: 20 }));
    expect(refusal).toMatchObject({ reason: 'DoesNotFit' });
    expect(refusal.message).toBe(
      '1 x 1 needs 76Mi of 17Mi, short by 59Mi; largest: workers 61Mi, fork-shared 14Mi, kernel 597Ki',
    );
    expect(refusal.budget.length).toBeGreaterThan(3);
  });

  it.each([
    [{ processes: { min: 5, max: 3 } }, 'bounds.processes.min 5 is above bounds.processes.max 3 by 2'],
    [{ threads: { min: 9, max: 8 } }, 'bounds.threads.min 9 is above bounds.threads.max 8 by 1'],
  ])('names impossible bounds %#', (bounds, message) => {
    expect(refuse(inputOf({}, { policy: within(bounds) })).message).toBe(message);
  });

  it('names cheaper when it asks for more than the bound allows', () => {
    const processes = { min: null, max: 3 };
    const refusal = refuse(inputOf({}, { cheaper: 3, policy: within({ processes }) }));
    expect(refusal.message).toBe(
      'cheaper 3, which must stay below processes and so asks for 4, is above bounds.processes.max 3 by 1',
    );
  });
});

describe('in tier status', () => {
  it('no stack is made smaller', () => {
    const result = accept(inputOf({ tier: 'status', highWaterKib: null, stackKib: null, stackResidentKib: null }));
    expect(result).toMatchObject({ threadStackSize: null, processes: 4, threads: 100 });
    expect(result.savings).toEqual({ mapped: 0, resident: 0 });
    expect(bytes(result.worstCase - result.charged)).toBe(396 * kib(8192));
  });
});
