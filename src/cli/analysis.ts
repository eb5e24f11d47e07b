/** Captures to attribution, budget and recommendation, as data that every form of output is rendered from. Pure. */
import type { Platform, ProcessFootprint, Sample } from '../core/memory/sample.ts';
import { bytes, computedBytes, kib, sumBytes, type Bytes } from '../core/quantity.ts';
import { addSample, emptyDigest, threadsOf, usageOf, workersOf, type Digest } from '../core/recommend/digest.ts';
import { recommend } from '../core/recommend/recommend.ts';
import { stackRisk, type StackRisk } from '../core/recommend/stack-risk.ts';
import type { MemoryLimit, Policy, Recommendation, Refusal, Values } from '../core/recommend/types.ts';

/** What the config says where one was given; null where it does not tell. */
export interface ConfigValues {
  readonly processes: number | null;
  readonly threads: number | null;
  /** Null: not set, the C library's default holds. */
  readonly threadStackSize: Bytes | null;
  readonly cheaper: number | null;
  /** False for gevent and other async loops. */
  readonly threadsTunable: boolean;
  /** Sentences on what the config hides or misses. */
  readonly notes: readonly string[];
}

export interface AnalysisInput {
  /** Of one workload; of several samples of one pod the newest is shown. At least one. */
  readonly samples: readonly Sample[];
  /** From the command line; otherwise the smallest limit that a capture shows counts. */
  readonly limit: Bytes | null;
  readonly config: ConfigValues | null;
}

export interface Totals {
  readonly mapped: Bytes | null;
  readonly rss: Bytes | null;
  readonly pss: Bytes | null;
  readonly stackCount: number | null;
  readonly stackMapped: Bytes | null;
  readonly stackResident: Bytes | null;
  readonly stackHighWater: Bytes | null;
  /** Huge pages inside thread stacks. */
  readonly stackHuge: Bytes | null;
}

/** One size of the table that the blog made by hand. */
export interface StackRow {
  readonly size: Bytes;
  readonly mapped: Bytes;
  /** Measured in a capture with stacks of this size, or count x size. */
  readonly provenance: 'measured' | 'calculated';
  /** The blog's own figure for its 4 x 100; null for other sizes and other shapes. */
  readonly blog: string | null;
  readonly risk: StackRisk | null;
}

export interface Analysis {
  readonly pods: readonly Sample[];
  readonly platform: Platform;
  readonly totals: Totals;
  readonly current: Values;
  readonly limit: MemoryLimit | null;
  readonly headroomPercent: number;
  readonly stackTable: readonly StackRow[];
  readonly result: Recommendation | Refusal;
  readonly reasons: readonly string[];
}

/** The blog's table: KiB of a stack, and what it says its 400 threads took. */
const BLOG: readonly (readonly [number, string])[] = [
  [8192, '3.2 GB'],
  [1024, '400 MB'],
  [512, '200 MB'],
  [256, '100 MB'],
  [128, '50 MB'],
  [64, '25 MB'],
];
const BLOG_SHAPE = { processes: 4, threads: 100 };
const BLOG_VALUE = kib(64);

/** All samples are taken as of one image: a capture does not name it. */
const IMAGE = 'capture';

const POLICY: Policy = {
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

export function analyseSamples(input: AnalysisInput): Analysis {
  const [first] = input.samples;
  if (first === undefined) throw new RangeError('an analysis needs at least one sample');
  const { platform } = first;
  const pods = newestOfEachPod(input.samples);
  const limit = limitOf(input);
  const current = currentOf(pods, input.config);
  const usage = usageOf(digestOf(input.samples, current.threads), Math.max(...input.samples.map(takenAt)));
  const result = recommend({
    usage,
    current,
    cheaper: input.config?.cheaper ?? null,
    limit,
    platform,
    policy: POLICY,
    lessons: [],
    threadsTunable: input.config?.threadsTunable ?? true,
  });
  const totals = totalsOf(pods);
  const stackTable = stackTableOf(pods, totals, { current, result, platform });
  return {
    pods,
    platform,
    totals,
    current,
    limit,
    headroomPercent: POLICY.headroomPercent,
    stackTable,
    result,
    reasons: [...reasonsOf(result), ...warningsOf(platform, totals), ...(input.config?.notes ?? [])],
  };
}

function takenAt(sample: Sample): number {
  return sample.takenAt;
}

function newestOfEachPod(samples: readonly Sample[]): readonly Sample[] {
  const newest = new Map<string, Sample>();
  for (const sample of samples) {
    const known = newest.get(sample.podUid);
    if (known === undefined || sample.takenAt >= known.takenAt) newest.set(sample.podUid, sample);
  }
  return [...newest.values()];
}

/**
 * Where no process has a role (bare smaps or pmap text), those with thread stacks are taken as workers and the others
 * as the rest, for the sum only: what is printed of a process keeps its null.
 */
export function assumeRoles(sample: Sample): Sample {
  const { processes } = sample;
  if (processes.some(({ role }) => role !== null)) return sample;
  if (!processes.some(({ threadStacks }) => (threadStacks.count ?? 0) > 0)) return sample;
  const assume = (process: ProcessFootprint): ProcessFootprint => ({
    ...process,
    role: (process.threadStacks.count ?? 0) > 0 ? 'worker' : 'master',
  });
  return { ...sample, processes: processes.map(assume) };
}

function digestOf(samples: readonly Sample[], threads: number): Digest {
  let digest = emptyDigest();
  for (const sample of [...samples].sort((a, b) => a.takenAt - b.takenAt)) {
    const assumed = assumeRoles(sample);
    const counted = threadsOf(assumed) ?? threads;
    digest = addSample(digest, assumed, { image: IMAGE, nowMs: sample.takenAt, threads: counted });
  }
  return digest;
}

function limitOf({ limit, samples }: AnalysisInput): MemoryLimit | null {
  if (limit !== null) return { bytes: limit, source: 'override' };
  const seen = samples.map(({ cgroup }) => cgroup.limit).filter((value) => value !== null);
  return seen.length === 0 ? null : { bytes: bytes(Math.min(...seen)), source: 'cgroup' };
}

/** What runs: the config where it tells, else what was captured of the pod with the most workers. */
function currentOf(pods: readonly Sample[], config: ConfigValues | null): Values {
  const assumed = pods.map(assumeRoles);
  const workers = Math.max(1, ...assumed.map((sample) => workersOf(sample).length));
  const threads = Math.max(1, ...assumed.map((sample) => threadsOf(sample) ?? 1));
  const sizes = pods.flatMap(({ processes }) => processes.map(({ threadStacks }) => threadStacks.size));
  const size = sizes.find((value) => value !== null) ?? null;
  return {
    processes: Math.max(1, config?.processes ?? workers),
    threads: Math.max(1, config?.threads ?? threads),
    threadStackSize: config === null ? size : config.threadStackSize,
  };
}

function totalsOf(pods: readonly Sample[]): Totals {
  const processes = pods.flatMap((pod) => pod.processes);
  const stacks = processes.map(({ threadStacks }) => threadStacks);
  const highWater = stacks.map((stack) => stack.highWater).filter((value) => value !== null);
  const counts = stacks.map(({ count }) => count).filter((value) => value !== null);
  return {
    mapped: totalOf(processes.map(({ mapped }) => mapped)),
    rss: totalOf(processes.map(({ rss }) => rss)),
    pss: totalOf(processes.map(({ pss }) => pss)),
    stackCount: counts.length < stacks.length ? null : counts.reduce((sum, count) => sum + count, 0),
    stackMapped: totalOf(stacks.map(({ mapped, count }) => (count === 0 ? bytes(0) : mapped))),
    stackResident: totalOf(stacks.map(({ resident, count }) => (count === 0 ? bytes(0) : resident))),
    stackHighWater: highWater.length === 0 ? null : bytes(Math.max(...highWater)),
    stackHuge: totalOf(stacks.map(({ hugePages, count }) => (count === 0 ? bytes(0) : hugePages))),
  };
}

/** Null when any part is not known: half a total would be a guess. */
function totalOf(values: readonly (Bytes | null)[]): Bytes | null {
  const known = values.filter((value) => value !== null);
  return known.length < values.length || known.length === 0 ? null : sumBytes(known);
}

interface TableBasis {
  readonly current: Values;
  readonly result: Recommendation | Refusal;
  readonly platform: Platform;
}

/** The blog's sizes, the sizes that were captured, and the recommended one, for the stacks of one pod. */
function stackTableOf(pods: readonly Sample[], totals: Totals, basis: TableBasis): readonly StackRow[] {
  const count = Math.max(0, ...pods.map(({ processes }) => stackCountOf(processes)));
  if (count === 0 || totals.stackCount === null) return [];
  const captured = capturedStacks(pods);
  const recommended = basis.result.kind === 'Recommendation' ? basis.result.threadStackSize : null;
  const sizes = new Set<Bytes>([...BLOG.map(([size]) => kib(size)), ...captured.keys()]);
  if (recommended !== null) sizes.add(recommended);
  const isBlog = basis.current.processes === BLOG_SHAPE.processes && basis.current.threads === BLOG_SHAPE.threads;
  return [...sizes]
    .sort((a, b) => b - a)
    .map((size) => ({
      size,
      mapped: captured.get(size) ?? computedBytes(count * size),
      provenance: captured.has(size) ? 'measured' : 'calculated',
      blog: isBlog ? (BLOG.find(([known]) => kib(known) === size)?.[1] ?? null) : null,
      risk: stackRisk(size, basis.platform),
    }));
}

function stackCountOf(processes: readonly ProcessFootprint[]): number {
  return processes.reduce((sum, { threadStacks }) => sum + (threadStacks.count ?? 0), 0);
}

/** What the stacks of each captured size map in the pod that has the most of them. */
function capturedStacks(pods: readonly Sample[]): ReadonlyMap<Bytes, Bytes> {
  const found = new Map<Bytes, Bytes>();
  for (const { processes } of pods) {
    const ofPod = new Map<Bytes, number>();
    for (const { threadStacks } of processes) {
      const { size, mapped } = threadStacks;
      if (size !== null && mapped !== null) ofPod.set(size, (ofPod.get(size) ?? 0) + mapped);
    }
    for (const [size, mapped] of ofPod) found.set(size, computedBytes(Math.max(found.get(size) ?? 0, mapped)));
  }
  return found;
}

function reasonsOf(result: Recommendation | Refusal): readonly string[] {
  return result.kind === 'Recommendation' ? result.reasons : [`${result.reason}: ${result.message}.`];
}

/** What the blog's advice would do here. */
function warningsOf(platform: Platform, totals: Totals): readonly string[] {
  const risk = stackRisk(BLOG_VALUE, platform);
  if (risk === null || totals.stackCount === 0) return [];
  const { python } = platform;
  const runtime = python === null ? 'this unknown runtime' : `Python ${python.major}.${python.minor}`;
  return [`Warning: threads-stacksize = 64, the blog's value, is not safe on ${runtime}: ${risk.text}.`];
}
