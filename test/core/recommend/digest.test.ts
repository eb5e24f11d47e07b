import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kib } from '../../../src/core/quantity.ts';
import {
  addSample,
  addVerifiedPoint,
  decodeDigest,
  encodeDigest,
  emptyDigest,
  isMaterial,
  isWorthKeeping,
  MAX_DIGEST_CHARACTERS,
  usageOf,
  workingSetOf,
  type Digest,
} from '../../../src/core/recommend/digest.ts';
import { STACKS_UNSEEN } from '../../support/builders.ts';
import { digestOf, HOUR, IMAGE, sampleOf, usageFor, type PodShape } from './builders.ts';

const add = (digest: Digest, shape: PodShape, nowMs = 2 * HOUR, image = IMAGE): Digest =>
  addSample(digest, sampleOf(shape), { image, nowMs });

describe('usage of a digest', () => {
  it('is nothing before the first sample', () => {
    expect(usageOf(emptyDigest(), 0)).toMatchObject({ samples: 0, image: null, confidence: 0, private: null });
  });

  it('takes the terms of the sum apart in PSS terms', () => {
    const usage = usageFor({ masterKib: 400, forkSharedKib: 14_000, privateKib: 44_000, stackResidentKib: 20 });
    expect(usage.master?.expected).toBe(kib(400));
    expect(usage.forkShared?.expected).toBeCloseTo(kib(14_000), -4);
    expect(usage.private?.expected).toBe(kib(44_000));
    expect(usage.stack.residentEach?.expected).toBe(kib(20));
    expect(usage).toMatchObject({ processes: 4, threads: 100, busyThreads: 100, samples: 12 });
  });

  it('grows confidence with days and samples and takes the smaller of the two', () => {
    expect(usageFor({}, { count: 400, hours: 24 }).confidence).toBe(0.14);
    expect(usageFor({}, { count: 100, hours: 7 * 24 }).confidence).toBe(0.5);
    expect(usageFor({}, { count: 300, hours: 7 * 24 })).toMatchObject({ confidence: 1, margin: 2 });
  });

  it('counts a gap as one hour: a week without samples is not observed', () => {
    const digest = add(digestOf({}, { count: 1 }), {}, 7 * 24 * HOUR);
    expect(usageOf(digest, 7 * 24 * HOUR).observedMs).toBe(HOUR);
  });

  it('caps confidence at a half when the pods show totals only', () => {
    expect(usageFor({ tier: 'status' }, { count: 300, hours: 7 * 24 }).confidence).toBe(0.5);
  });

  it('keeps the deepest stack for ever, however much time passes', () => {
    let digest = digestOf({ highWaterKib: 148 }, { count: 1 });
    for (let day = 1; day < 60; day += 1) digest = add(digest, { highWaterKib: 16 }, day * 24 * HOUR);
    expect(usageOf(digest, 60 * 24 * HOUR).stack.highWater).toBe(kib(148));
  });

  it('pools samples of different process counts: a change of processes does not blur the history', () => {
    const four = digestOf({ processes: 4 });
    const ten = digestOf({ processes: 10, kernelKib: 28_600, sharedKib: 13_000 }, { digest: four, from: 2 * HOUR });
    const usage = usageOf(ten, 3 * HOUR);
    expect(usage).toMatchObject({ processes: 10, samples: 24 });
    expect(usage.private?.expected).toBe(kib(44_200));
    expect(usage.points).toHaveLength(1);
  });

  it('takes from cgroup v2 what it calls kernel memory, not what processors hold ready of its usage', () => {
    const sample = sampleOf({ kernelKib: 12_000 });
    const factorWith = (usageKib: number, version: 1 | 2): number | undefined => {
      const usage = kib((sample.cgroup.usage ?? NaN) / 1024 + usageKib);
      const cgroup = { ...sample.cgroup, version, usage };
      const digest = addSample(emptyDigest(), { ...sample, cgroup }, { image: IMAGE, nowMs: 0 });
      return usageOf(digest, 0).kernelFactor?.expected;
    };
    expect(factorWith(64 * 256, 2)).toBe(factorWith(0, 2));
    expect(factorWith(64 * 256, 1)).toBeGreaterThan(2 * (factorWith(0, 1) ?? NaN));
  });

  it('keeps one point per count of threads, and trusts the former one because its threads were as busy', () => {
    const hundred = digestOf({ threads: 100, privateKib: 44_000 });
    const both = digestOf({ threads: 50, privateKib: 26_000, busyThreads: 50 }, { digest: hundred, from: 2 * HOUR });
    expect(usageOf(both, 3 * HOUR).points.map(({ threads }) => threads)).toEqual([50, 100]);
    const idle = digestOf({ threads: 100, busyThreads: 3, privateKib: 3400 });
    const after = digestOf({ threads: 50, busyThreads: 50 }, { digest: idle, from: 2 * HOUR });
    expect(usageOf(after, 3 * HOUR).points.map(({ threads }) => threads)).toEqual([50]);
    const verified = addVerifiedPoint(after, IMAGE, 100);
    expect(usageOf(verified, 3 * HOUR).points.map(({ threads }) => threads)).toEqual([50, 100]);
  });

  it('starts anew for another image and remembers the one before', () => {
    const first = digestOf({ highWaterKib: 148 });
    const second = add(first, { highWaterKib: 16 }, 2 * HOUR, 'web:2');
    expect(usageOf(second, 2 * HOUR)).toMatchObject({ image: 'web:2', samples: 1, confidence: 0 });
    expect(usageOf(second, 2 * HOUR).stack.highWater).toBe(kib(16));
    expect(usageOf(second, 2 * HOUR, IMAGE)).toMatchObject({ image: IMAGE, samples: 12 });
    expect(usageOf(second, 2 * HOUR, 'web:3')).toMatchObject({ image: null, samples: 0 });
    const back = add(second, { highWaterKib: 20 }, 3 * HOUR);
    expect(usageOf(back, 3 * HOUR)).toMatchObject({ image: IMAGE, samples: 13 });
    expect(usageOf(back, 3 * HOUR).stack.highWater).toBe(kib(148));
  });

  it('counts a kill of one pod once, and again when its counter grows or starts anew', () => {
    let digest = add(emptyDigest(), { oomKills: 1 });
    digest = add(digest, { oomKills: 1 });
    expect(usageOf(digest, 0).oomKills).toBe(1);
    digest = add(digest, { oomKills: 3 });
    expect(usageOf(digest, 0).oomKills).toBe(3);
    digest = add(digest, { oomKills: 1 });
    expect(usageOf(digest, 0).oomKills).toBe(4);
  });

  it('tells nothing from a sample without a worker', () => {
    expect(addSample(emptyDigest(), { ...sampleOf(), processes: [] }, { image: IMAGE, nowMs: 0 })).toEqual(
      emptyDigest(),
    );
  });

  it('in tier status takes the anonymous total apart without counting shared pages twice', () => {
    const sample = sampleOf({
      tier: 'status',
      processes: 4,
      privateKib: 20_000,
      forkSharedKib: 15_000,
      masterKib: 400,
    });
    const totals = sample.processes.map((process) => ({
      ...process,
      // RssAnon: own pages and everything shared by fork.
      privateAnon: kib(process.role === 'master' ? 15_400 : 37_000),
      pssAnon: null,
      pssShmem: null,
      threadStacks: STACKS_UNSEEN,
    }));
    const digest = addSample(emptyDigest(), { ...sample, processes: totals }, { image: IMAGE, nowMs: 0 });
    const usage = usageOf(digest, 0);
    const sum = (usage.master?.expected ?? 0) + 4 * (usage.private?.expected ?? 0);
    expect(sum / (sample.cgroup.anon ?? 1)).toBeCloseTo(1, 4);
    expect(usage.stack.highWater).toBeNull();
  });
});

describe('the digest as text', () => {
  const shapes: fc.Arbitrary<PodShape> = fc.record({
    processes: fc.integer({ min: 1, max: 12 }),
    threads: fc.integer({ min: 1, max: 300 }),
    privateKib: fc.integer({ min: 0, max: 10 ** 9 }),
    highWaterKib: fc.integer({ min: 4, max: 8192 }),
    kernelKib: fc.integer({ min: 0, max: 10 ** 7 }),
    tmpfsKib: fc.integer({ min: 0, max: 10 ** 7 }),
    fileCacheKib: fc.integer({ min: 0, max: 10 ** 9 }),
    oomKills: fc.integer({ min: 0, max: 10 ** 6 }),
    pod: fc.uuid(),
  });

  it('stays short whatever the workload is, and reads back as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(shapes, fc.string({ maxLength: 300 })), { maxLength: 40 }), (entries) => {
        let digest = emptyDigest();
        entries.forEach(([shape, image], index) => {
          digest = add(digest, shape, index * HOUR, image === '' ? 'web' : image);
          expect(JSON.stringify(encodeDigest(digest)).length).toBeLessThanOrEqual(MAX_DIGEST_CHARACTERS);
        });
        expect(decodeDigest(JSON.parse(JSON.stringify(encodeDigest(digest))))).toEqual(digest);
      }),
      { numRuns: 40 },
    );
  });

  it('is never an error to read, whatever stands there', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const digest = decodeDigest({ images: [value, { image: 'web', points: [value], master: value }], pods: value });
        expect(usageOf(digest, 0).samples).toBe(0);
      }),
    );
    expect(decodeDigest(null)).toEqual(emptyDigest());
  });
});

describe('what is worth a write', () => {
  const stored = digestOf({}, { count: 300, hours: 8 * 24 });
  const later = 8 * 24 * HOUR + 300_000;

  it('is nothing when a fully known workload stays as it is', () => {
    let digest = stored;
    for (let index = 1; index < 500; index += 1) digest = add(digest, {}, later + index * 300_000);
    expect(isMaterial(stored, digest)).toBe(false);
    expect(isWorthKeeping(stored, digest)).toBe(false);
  });

  it('is not an ordinary sample at once, but hourly while confidence grows', () => {
    const young = digestOf({}, { count: 12, hours: 24 });
    const digest = digestOf({}, { digest: young, count: 30, hours: 4, from: 25 * HOUR });
    expect(isMaterial(young, digest)).toBe(false);
    expect(isWorthKeeping(young, digest)).toBe(true);
  });

  it.each([
    ['a deeper stack', { highWaterKib: 68 }, true],
    ['a shallower stack', { highWaterKib: 60 }, false],
    ['a kill for memory', { oomKills: 1 }, true],
    ['a peak that grew by 5 %', { privateKib: 47_000 }, true],
    ['a peak that grew by 1 %', { privateKib: 44_600 }, false],
    ['threads not seen before', { threads: 50 }, true],
    ['totals only', { tier: 'status' as const }, true],
  ])('%s', (_name, shape, material) => {
    expect(isMaterial(stored, add(stored, shape, later))).toBe(material);
  });

  it('of kills that go on is written at once only when they doubled, else hourly', () => {
    const killed = add(stored, { oomKills: 4 }, later);
    const [more, twice] = [add(killed, { oomKills: 7 }, later), add(killed, { oomKills: 8 }, later)];
    expect([isMaterial(killed, more), isWorthKeeping(killed, more)]).toEqual([false, true]);
    expect(isMaterial(killed, twice)).toBe(true);
  });

  it('is another image, the first sample and a verified point at once', () => {
    expect(isMaterial(stored, add(stored, {}, later, 'web:2'))).toBe(true);
    expect(isMaterial(emptyDigest(), stored)).toBe(true);
    expect(isMaterial(stored, addVerifiedPoint(stored, IMAGE, 100))).toBe(true);
  });
});

describe('workingSetOf', () => {
  it('is what the cgroup is charged without file cache', () => {
    expect(workingSetOf(sampleOf({ fileCacheKib: 10_000 }))).toBe(
      kib(400 + 14_000 + 4 * (44_200 + 99 * 20) + 5300 + 12_000),
    );
  });
});
