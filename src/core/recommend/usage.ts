/** The digest as the figures that a recommendation is computed from. */
import type { QualityTier } from '../memory/sample.ts';
import type { Bytes } from '../quantity.ts';
import { confidenceOf, stackMargin } from './confidence.ts';
import { imageKey, type Digest, type ImageHistory, type Point } from './history.ts';
import type { MeasuredPoint } from './growth.ts';
import { percentile, type Sketch } from './sketch.ts';
import type { Estimate } from './estimate.ts';

/** Charged against the limit and expected, as shares of the samples' weight (design 5, Statistics). */
const CHARGED_SHARE = 0.95;
const EXPECTED_SHARE = 0.5;
/** A point of fewer samples is no evidence of how memory grows. */
const MIN_POINT_SAMPLES = 3;
/** Stacks of a program in trouble are deep one by one, not all of them. */
const WHOLLY_RESIDENT = 0.95;
const KIB = 1024;

/** Memory of what runs now, per pod; sizes in bytes, null where no capture told. */
export interface Usage {
  /** Null when there is no sample. */
  readonly image: string | null;
  /** Samples, a count. */
  readonly samples: number;
  readonly observedMs: number;
  /** Milliseconds since the newest sample; null when there is none. */
  readonly ageMs: number | null;
  readonly tier: QualityTier;
  /** 0 to 1. */
  readonly confidence: number;
  /** What the stacks' high-water mark is multiplied by: 3 - confidence. */
  readonly margin: number;
  /** What ran in the newest sample: running workers, and threads in each. */
  readonly processes: number;
  readonly threads: number;
  readonly busyThreads: number | null;
  /** Processes killed for memory, a count. */
  readonly oomKills: number;
  readonly stack: {
    readonly size: Bytes | null;
    readonly highWater: Bytes | null;
    /** Resident bytes of the average stack. */
    readonly residentEach: Estimate<number> | null;
    /** Resident bytes of the average stack that are in huge pages. */
    readonly hugeEach: number;
  };
  readonly master: Estimate<number> | null;
  readonly forkShared: Estimate<number> | null;
  readonly others: Estimate<number> | null;
  readonly tmpfs: Estimate<number> | null;
  /** Shown outside the sum: the kernel reclaims it. */
  readonly fileCache: Estimate<number> | null;
  /** Private memory of one worker at `threads`. */
  readonly private: Estimate<number> | null;
  readonly kernelFactor: Estimate<number> | null;
  readonly sharedFactor: Estimate<number> | null;
  /** Private memory of one worker at every count of threads that was measured on this image, `threads` among them. */
  readonly points: readonly MeasuredPoint[];
  /** The most memory of one pod without file cache. */
  readonly peak: Bytes | null;
}

/** What is known of an image: of the one that was sampled last when none is named. */
export function usageOf(digest: Digest, nowMs: number, image?: string): Usage {
  const history =
    image === undefined ? digest.images[0] : digest.images.find((known) => known.image === imageKey(image));
  const [point] = history?.points ?? [];
  if (history === undefined || point === undefined) return NO_USAGE;
  const confidence = confidenceOf(history.observedMs, history.samples, history.tier);
  return {
    image: history.image,
    samples: history.samples,
    observedMs: history.observedMs,
    ageMs: Math.max(0, nowMs - history.lastSeen),
    tier: history.tier,
    confidence,
    margin: stackMargin(confidence),
    oomKills: history.oomKills,
    peak: history.peak,
    ...sizesOf(history),
    ...runningOf(history, point),
  };
}

const NO_USAGE: Usage = {
  image: null,
  samples: 0,
  observedMs: 0,
  ageMs: null,
  tier: 'smaps',
  confidence: 0,
  margin: stackMargin(0),
  processes: 0,
  threads: 0,
  busyThreads: null,
  oomKills: 0,
  stack: { size: null, highWater: null, residentEach: null, hugeEach: 0 },
  master: null,
  forkShared: null,
  others: null,
  tmpfs: null,
  fileCache: null,
  private: null,
  kernelFactor: null,
  sharedFactor: null,
  points: [],
  peak: null,
};

function sizesOf(history: ImageHistory): Pick<Usage, 'master' | 'forkShared' | 'others' | 'tmpfs' | 'fileCache'> {
  return {
    master: estimateOf(history.master, KIB),
    forkShared: estimateOf(history.forkShared, KIB),
    others: estimateOf(history.others, KIB),
    tmpfs: estimateOf(history.tmpfs, KIB),
    fileCache: estimateOf(history.fileCache, KIB),
  };
}

type Running = Pick<
  Usage,
  'processes' | 'threads' | 'busyThreads' | 'stack' | 'private' | 'kernelFactor' | 'sharedFactor' | 'points'
>;

function runningOf(history: ImageHistory, point: Point): Running {
  return {
    processes: point.processes,
    threads: point.threads,
    busyThreads: point.busyThreads,
    stack: {
      size: point.stackSize,
      highWater: isWhollyResident(point) ? null : history.stackHighWater,
      residentEach: estimateOf(point.stackResident, KIB),
      hugeEach: point.stackHuge,
    },
    private: estimateOf(point.private, KIB),
    kernelFactor: estimateOf(point.kernelFactor, 1),
    sharedFactor: estimateOf(point.sharedFactor, 1),
    points: history.points.flatMap((other) => privatePointOf(other, point)),
  };
}

/**
 * Whether the average stack is resident to its end, as under never-swap (mlockall) or where huge pages fill it: then
 * resident pages are no sign of use, and there is no high-water mark.
 */
function isWhollyResident(point: Point): boolean {
  const resident = percentile(point.stackResident, EXPECTED_SHARE);
  return point.stackSize !== null && resident !== null && resident * KIB >= point.stackSize * WHOLLY_RESIDENT;
}

/** A point counts when it runs now, was verified, or has a few samples of the same share of busy threads. */
function privatePointOf(point: Point, running: Point): MeasuredPoint[] {
  const estimate = estimateOf(point.private, KIB);
  if (estimate === null) return [];
  const trusted =
    point === running || point.verified || (point.samples >= MIN_POINT_SAMPLES && wasAsBusy(point, running));
  return trusted ? [{ processes: point.processes, threads: point.threads, private: estimate }] : [];
}

function wasAsBusy(point: Point, running: Point): boolean {
  if (point.busyThreads === null || running.busyThreads === null) return false;
  return point.busyThreads / point.threads >= 0.8 * (running.busyThreads / running.threads);
}

function estimateOf(sketch: Sketch, unit: number): Estimate<number> | null {
  const charged = percentile(sketch, CHARGED_SHARE);
  const expected = percentile(sketch, EXPECTED_SHARE);
  return charged === null || expected === null ? null : { charged: charged * unit, expected: expected * unit };
}
