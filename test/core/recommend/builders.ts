/** Samples for tests: a test names only what it is about. Sizes are KiB, as in the measured tables. */
import type { Platform, ProcessFootprint, Sample } from '../../../src/core/memory/sample.ts';
import { kib, type Bytes } from '../../../src/core/quantity.ts';
import { addSample, emptyDigest, usageOf, type Digest, type Usage } from '../../../src/core/recommend/digest.ts';
import type { Policy, RecommendInput } from '../../../src/core/recommend/types.ts';
import { PLATFORM, STACKS_UNSEEN } from '../../support/builders.ts';

export const IMAGE = 'registry.example/shop/web:1.4.2';
export const HOUR = 3_600_000;

export interface PodShape {
  readonly processes?: number;
  readonly threads?: number;
  readonly stackKib?: number | null;
  readonly highWaterKib?: number | null;
  readonly stackResidentKib?: number | null;
  readonly hugeKib?: number;
  /** Private anonymous memory of each worker without stacks. */
  readonly privateKib?: number | null;
  readonly masterKib?: number;
  readonly forkSharedKib?: number;
  readonly kernelKib?: number | null;
  readonly sharedKib?: number;
  readonly tmpfsKib?: number;
  readonly fileCacheKib?: number;
  readonly busyThreads?: number | null;
  readonly oomKills?: number;
  readonly tier?: 'smaps' | 'status';
  readonly pod?: string;
}

const SHAPE = {
  processes: 4,
  threads: 100,
  stackKib: 8192,
  highWaterKib: 64,
  stackResidentKib: 20,
  hugeKib: 0,
  privateKib: 44_200,
  masterKib: 400,
  forkSharedKib: 14_000,
  kernelKib: 12_000,
  sharedKib: 5300,
  tmpfsKib: 0,
  fileCacheKib: 10_000,
  busyThreads: 100,
  oomKills: 0,
  tier: 'smaps',
  pod: 'web-0',
} satisfies Required<PodShape>;

export function python(minor: number): Platform {
  return { ...PLATFORM, python: { major: 3, minor } };
}

function size(value: number | null): Bytes | null {
  return value === null ? null : kib(value);
}

/** One sample of a pod with a master and equal workers. */
export function sampleOf(shape: PodShape = {}, platform: Platform = PLATFORM): Sample {
  const pod = { ...SHAPE, ...shape };
  const stacks = pod.threads - 1;
  const resident = pod.stackResidentKib === null ? null : stacks * pod.stackResidentKib;
  const own = (pod.privateKib ?? 0) + (resident ?? 0);
  const sharedEach = pod.forkSharedKib / (pod.processes + 1);
  const process = { ...PROCESS, pssShmem: kib(pod.sharedKib / (pod.processes + 1)) };
  const worker = (index: number): ProcessFootprint => ({
    ...process,
    pid: 10 + index,
    role: 'worker',
    threads: pod.threads,
    threadStacks: {
      count: pod.tier === 'status' ? null : stacks,
      size: size(pod.stackKib),
      mapped: pod.stackKib === null ? null : kib(stacks * pod.stackKib),
      resident: size(resident),
      highWater: size(stacks === 0 ? null : pod.highWaterKib),
      hugePages: kib(stacks * pod.hugeKib),
    },
    pssAnon: kib(own + sharedEach),
    privateAnon: size(pod.privateKib),
    busyThreads: pod.busyThreads,
  });
  const master: ProcessFootprint = {
    ...process,
    pid: 1,
    role: 'master',
    pssAnon: kib(pod.masterKib + sharedEach),
    privateAnon: kib(pod.masterKib),
  };
  const anon = pod.masterKib + pod.forkSharedKib + pod.processes * own;
  const shmem = pod.sharedKib + pod.tmpfsKib;
  return {
    pod: pod.pod,
    podUid: `uid-${pod.pod}`,
    node: 'node-1',
    takenAt: 0,
    quality: { tier: pod.tier, reason: pod.tier === 'smaps' ? null : 'smaps was denied' },
    platform,
    cgroup: {
      version: 2,
      limit: null,
      usage: kib(anon + shmem + (pod.kernelKib ?? 0) + pod.fileCacheKib),
      fileCache: kib(pod.fileCacheKib),
      anon: kib(anon),
      shmem: kib(shmem),
      kernel: size(pod.kernelKib),
      oomKills: pod.oomKills,
    },
    processes: [master, ...Array.from({ length: pod.processes }, (_, index) => worker(index))],
  };
}

const PROCESS: ProcessFootprint = {
  pid: null,
  parentPid: null,
  startTicks: null,
  role: null,
  threads: 1,
  threadStacks: { ...STACKS_UNSEEN, count: 0 },
  mapped: null,
  rss: null,
  pss: null,
  pssAnon: null,
  pssFile: null,
  pssShmem: null,
  privateAnon: null,
  swap: null,
  pageTables: null,
  arenas: { count: null, resident: null },
  busyThreads: null,
};

/** The digest after `count` equal samples spread over `hours`. */
export function digestOf(
  shape: PodShape = {},
  { count = 12, hours = 1, image = IMAGE, digest = emptyDigest(), from = 0 } = {},
): Digest {
  let result = digest;
  for (let index = 0; index < count; index += 1) {
    const nowMs = from + (count === 1 ? 0 : (index * hours * HOUR) / (count - 1));
    result = addSample(result, sampleOf(shape), { image, nowMs });
  }
  return result;
}

export function usageFor(shape: PodShape = {}, options: { count?: number; hours?: number } = {}): Usage {
  return usageOf(digestOf(shape, options), (options.hours ?? 1) * HOUR);
}

export const POLICY: Policy = {
  objective: 'PreserveConcurrency',
  bounds: {
    processes: { min: null, max: null },
    threads: { min: null, max: null },
    threadStackSize: { min: null, max: null, allowBelowFloor: false },
  },
  controlled: ['Processes', 'Threads', 'ThreadStackSize'],
  headroomPercent: 15,
  stackCharge: 'HighWater',
};

/** The default policy within other bounds. */
export function within(bounds: Partial<Policy['bounds']>): Partial<Policy> {
  return { bounds: { ...POLICY.bounds, ...bounds } };
}

/** An input around a pod: 4 x 100 with default stacks under 1 GiB unless told otherwise. */
export function inputOf(
  shape: PodShape = {},
  overrides: Partial<Omit<RecommendInput, 'policy'>> & { policy?: Partial<Policy>; limitMib?: number | null } = {},
): RecommendInput {
  const { policy, limitMib = 1024, ...rest } = overrides;
  const usage = usageFor(shape);
  return {
    usage,
    current: { processes: usage.processes, threads: usage.threads, threadStackSize: null },
    cheaper: null,
    limit: limitMib === null ? null : { bytes: kib(limitMib * 1024), source: 'cgroup' },
    platform: PLATFORM,
    policy: { ...POLICY, ...policy },
    lessons: [],
    threadsTunable: true,
    ...rest,
  };
}
