/** What is promised of every recommendation, whatever the pods show and the user asks for. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { kib, type Bytes } from '../../../src/core/quantity.ts';
import { libcMinimum, runtimeFloor } from '../../../src/core/recommend/floor.ts';
import { recommend } from '../../../src/core/recommend/recommend.ts';
import type { Controlled, Policy, RecommendInput } from '../../../src/core/recommend/types.ts';
import { PLATFORM } from '../../support/builders.ts';
import { IMAGE, inputOf, POLICY, python, usageFor } from './builders.ts';

// Thousands of inputs, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const pods = fc.record({
  processes: fc.integer({ min: 1, max: 16 }),
  threads: fc.integer({ min: 1, max: 200 }),
  stackKib: fc.constantFrom(8192, 1024, 512, 64),
  highWaterKib: fc.option(fc.integer({ min: 4, max: 2000 }), { nil: null }),
  stackResidentKib: fc.integer({ min: 4, max: 64 }),
  privateKib: fc.integer({ min: 100, max: 400_000 }),
  masterKib: fc.integer({ min: 0, max: 50_000 }),
  forkSharedKib: fc.integer({ min: 0, max: 200_000 }),
  kernelKib: fc.integer({ min: 300, max: 60_000 }),
  sharedKib: fc.integer({ min: 300, max: 200_000 }),
  tmpfsKib: fc.integer({ min: 0, max: 100_000 }),
  busyThreads: fc.option(fc.integer({ min: 0, max: 200 })),
  tier: fc.constantFrom('smaps' as const, 'status' as const),
});

const range = (most: number): fc.Arbitrary<{ min: number | null; max: number | null }> =>
  fc.record({ min: fc.option(fc.integer({ min: 1, max: most })), max: fc.option(fc.integer({ min: 1, max: most })) });

const stackBound = fc.option(fc.integer({ min: 16, max: 9000 }).map(kib));

const policies: fc.Arbitrary<Policy> = fc.record({
  objective: fc.constantFrom('PreserveConcurrency' as const, 'MaximizeConcurrency' as const),
  bounds: fc.record({
    processes: range(20),
    threads: range(300),
    threadStackSize: fc.record({ min: stackBound, max: stackBound, allowBelowFloor: fc.boolean() }),
  }),
  controlled: fc.subarray<Controlled>(['Processes', 'Threads', 'ThreadStackSize']),
  headroomPercent: fc.integer({ min: 0, max: 60 }),
  stackCharge: fc.constantFrom('HighWater' as const, 'Reserved' as const),
});

const inputs: fc.Arbitrary<RecommendInput> = fc
  .record({
    pod: pods,
    policy: policies,
    limitMib: fc.option(fc.integer({ min: 16, max: 16_384 })),
    cheaper: fc.option(fc.integer({ min: 1, max: 8 })),
    explicit: fc.boolean(),
    platform: fc.constantFrom(
      PLATFORM,
      python(13),
      python(14),
      { ...python(13), kernel: '6.1.0', transparentHugePages: 'always' as const },
      { ...PLATFORM, architecture: 'aarch64', threadStackMinimum: null },
    ),
    failedStackKib: fc.option(fc.integer({ min: 64, max: 4096 })),
    failedShape: fc.option(
      fc.record({ processes: fc.integer({ min: 1, max: 20 }), threads: fc.integer({ min: 1, max: 200 }) }),
    ),
    threadsTunable: fc.boolean(),
  })
  .map(({ pod, explicit, failedStackKib, failedShape, ...rest }) => {
    const usage = usageFor(pod, { count: 3 });
    return inputOf(pod, {
      ...rest,
      usage,
      current: {
        processes: usage.processes,
        threads: usage.threads,
        threadStackSize: explicit ? kib(pod.stackKib) : null,
      },
      lessons: [
        ...(failedStackKib === null
          ? []
          : [{ kind: 'StackTooSmall' as const, image: IMAGE, stackSize: kib(failedStackKib) }]),
        ...(failedShape === null ? [] : [{ kind: 'OutOfMemory' as const, image: IMAGE, ...failedShape }]),
      ],
    });
  });

const RUNS = { numRuns: 250 };
const inside = (value: number, { min, max }: { min: number | null; max: number | null }): boolean =>
  value >= (min ?? -Infinity) && value <= (max ?? Infinity);

describe('every recommendation', () => {
  it('adds up: the printed lines are the added lines, and fit the limit less head room', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const result = recommend(input);
        fc.pre(result.kind === 'Recommendation');
        const charged = result.budget.reduce((sum, line) => sum + line.bytes, 0);
        expect(charged).toBe(result.charged);
        expect(result.budget.reduce((sum, line) => sum + line.expectedBytes, 0)).toBe(result.expectedUsage);
        expect(result.expectedUsage).toBeLessThanOrEqual(charged);
        expect(result.worstCase).toBeGreaterThanOrEqual(charged);
        expect(new Set(result.budget.map(({ name }) => name)).size).toBe(result.budget.length);
        if (input.limit === null) return;
        expect(charged).toBeLessThanOrEqual(input.limit.bytes * (1 - input.policy.headroomPercent / 100));
      }),
      RUNS,
    );
  });

  it('has processes and threads of at least 1, within bounds, above cheaper, below what ran out of memory', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const result = recommend(input);
        fc.pre(result.kind === 'Recommendation');
        const { controlled, bounds } = input.policy;
        expect(result.processes).toBeGreaterThanOrEqual(1);
        expect(result.threads).toBeGreaterThanOrEqual(1);
        if (controlled.includes('Processes')) {
          expect(inside(result.processes, bounds.processes)).toBe(true);
          if (input.cheaper !== null) expect(input.cheaper).toBeLessThan(result.processes);
        } else {
          expect(result.processes).toBe(input.current.processes);
        }
        if (controlled.includes('Threads') && input.threadsTunable) {
          expect(inside(result.threads, bounds.threads)).toBe(true);
        } else {
          expect(result.threads).toBe(input.current.threads);
        }
        for (const lesson of input.lessons) {
          if (lesson.kind !== 'OutOfMemory') continue;
          expect(result.processes * result.threads).toBeLessThan(lesson.processes * lesson.threads);
        }
      }),
      RUNS,
    );
  });

  it('has a stack of whole pages, not below any floor or high-water x margin, and within bounds', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const result = recommend(input);
        fc.pre(result.kind === 'Recommendation');
        const stack = result.threadStackSize;
        const { threadStackSize: bound } = input.policy.bounds;
        if (!input.policy.controlled.includes('ThreadStackSize')) {
          expect(stack).toBe(input.current.threadStackSize);
          return;
        }
        if (stack === null) {
          expect(input.current.threadStackSize).toBeNull();
          return;
        }
        expect(stack).toBeGreaterThanOrEqual(libcMinimum(input.platform).size);
        expect(stack).toBeGreaterThanOrEqual((input.usage.stack.highWater ?? 0) * input.usage.margin);
        const failed = input.lessons.some(({ kind, image }) => kind === 'StackTooSmall' && image === input.usage.image);
        if (!bound.allowBelowFloor || bound.min === null || failed) {
          expect(stack).toBeGreaterThanOrEqual(runtimeFloor(input.platform).size);
        }
        for (const lesson of input.lessons) {
          if (lesson.kind === 'StackTooSmall') expect(stack).toBeGreaterThanOrEqual(lesson.stackSize * 2);
        }
        expect(stack % 4096).toBe(0);
        // Where there are no stacks the value that is set is left alone.
        if (result.stack.decidedBy !== 'NoStacks') expect(inside(stack, bound)).toBe(true);
        if (input.usage.stack.highWater === null) {
          expect(stack).toBeGreaterThanOrEqual(input.current.threadStackSize ?? 0);
        }
      }),
      RUNS,
    );
  });

  it('never has fewer workers for more memory', () => {
    fc.assert(
      fc.property(inputs, fc.integer({ min: 1, max: 4096 }), (input, moreMib) => {
        fc.pre(input.limit !== null);
        const less = recommend(input);
        const limit = { ...input.limit, bytes: (input.limit.bytes + moreMib * 1024 * 1024) as Bytes };
        const more = recommend({ ...input, limit });
        fc.pre(less.kind === 'Recommendation');
        expect(more.kind).toBe('Recommendation');
        if (more.kind !== 'Recommendation') return;
        expect(more.processes).toBeGreaterThanOrEqual(less.processes);
        expect(more.processes * more.threads).toBeGreaterThanOrEqual(less.processes * less.threads);
      }),
      RUNS,
    );
  });

  it('settles: applied, it is recommended again as long as the pods show the same', () => {
    fc.assert(
      fc.property(pods, fc.integer({ min: 64, max: 4096 }), (pod, limitMib) => {
        const first = recommend(inputOf(pod, { limitMib }));
        fc.pre(first.kind === 'Recommendation' && first.threads === pod.threads);
        const { processes, threads, threadStackSize } = first;
        const again = recommend(inputOf(pod, { limitMib, current: { processes, threads, threadStackSize } }));
        expect(again).toMatchObject({ processes, threads, threadStackSize });
      }),
      { numRuns: 150 },
    );
  });

  it('is explained in a bounded number of bounded sentences', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const result = recommend(input);
        const sentences = result.kind === 'Recommendation' ? result.reasons : [result.message];
        expect(sentences.length).toBeLessThanOrEqual(16);
        for (const sentence of sentences) {
          expect(sentence.length).toBeLessThanOrEqual(512);
          expect(sentence).not.toMatch(/NaN|undefined|Infinity|null/);
        }
      }),
      RUNS,
    );
  });

  it('a refusal names a shortfall when memory or a bound is what lacks', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const result = recommend(input);
        fc.pre(result.kind === 'Refusal');
        if (result.reason === 'BoundsImpossible') expect(result.message).toMatch(/\d/);
        if (result.reason === 'DoesNotFit') expect(result.message).toMatch(/short by|ran out of memory/);
      }),
      RUNS,
    );
  });
});

describe('the policy default', () => {
  it('keeps what runs when memory is plenty', () => {
    fc.assert(
      fc.property(pods, (pod) => {
        const result = recommend(inputOf(pod, { limitMib: 64_000, policy: POLICY }));
        expect(result).toMatchObject({ kind: 'Recommendation', processes: pod.processes, threads: pod.threads });
      }),
      { numRuns: 100 },
    );
  });
});
