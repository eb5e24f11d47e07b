/**
 * What was seen of a workload, bounded and serialisable as JSON: it lives in status.sample.digest and survives restarts.
 *
 * Every term is normalised before it is kept: private memory per worker, stack memory per stack, kernel and shared
 * memory as a factor of their formulas. So samples taken under other process counts pool, and a change of processes
 * does not blur the history. What depends on threads is kept per count of threads (a point). Everything is kept per
 * image, because another image is another program; a few are kept for an image that comes back.
 */
import type { QualityTier, Sample } from '../memory/sample.ts';
import { computedBytes, type Bytes } from '../quantity.ts';
import { addToSketch, condense, type Sketch } from './sketch.ts';
import { sumTermsOf, threadsOf, workersOf, workingSetOf, type SumTerms } from './sum-terms.ts';

/** Samples of one count of threads. Sketches of memory are in KiB, of factors plain. */
export interface Point {
  /** Threads in each worker, a count. */
  readonly threads: number;
  /** Workers in the newest sample, a count. */
  readonly processes: number;
  /** Samples, a count. */
  readonly samples: number;
  /** Milliseconds since the epoch. */
  readonly lastSeen: number;
  /** The most threads of one worker that ever worked, a count; null when no capture told. */
  readonly busyThreads: number | null;
  /** A change to this point was verified. */
  readonly verified: boolean;
  /** Bytes; null when no capture told. */
  readonly stackSize: Bytes | null;
  /** Bytes of the average stack in huge pages, newest sample. */
  readonly stackHuge: Bytes;
  /** Private anonymous memory of the average worker, KiB. */
  readonly private: Sketch;
  /** Resident memory of the average stack, KiB. */
  readonly stackResident: Sketch;
  readonly kernelFactor: Sketch;
  readonly sharedFactor: Sketch;
}

/** Samples of one image. */
export interface ImageHistory {
  readonly image: string;
  /** Samples, a count. */
  readonly samples: number;
  /** Time that samples cover: gaps of more than an hour count as one hour, milliseconds. */
  readonly observedMs: number;
  /** Milliseconds since the epoch. */
  readonly lastSeen: number;
  /** Of the newest sample. */
  readonly tier: QualityTier;
  /** The deepest touch of any thread stack, bytes: a maximum, it never decays. Null when no capture told. */
  readonly stackHighWater: Bytes | null;
  /** The most memory of one pod without file cache, bytes. Null when no capture told. */
  readonly peak: Bytes | null;
  /** Processes killed for memory, a count. */
  readonly oomKills: number;
  readonly master: Sketch;
  readonly forkShared: Sketch;
  readonly others: Sketch;
  readonly tmpfs: Sketch;
  readonly fileCache: Sketch;
  /** Newest first. */
  readonly points: readonly Point[];
}

/** The out-of-memory counter of one pod's cgroup, so that a kill counts once. */
export interface PodCounter {
  readonly uid: string;
  readonly oomKills: number;
}

export interface Digest {
  /** Newest first. */
  readonly images: readonly ImageHistory[];
  readonly pods: readonly PodCounter[];
}

export interface SampleContext {
  readonly image: string;
  readonly nowMs: number;
  /** Threads that the config asks for where that is known; otherwise counted from the stacks. */
  readonly threads?: number | null;
  /** Milliseconds between two samples of the workload; a gap of up to twice that was observed. */
  readonly intervalMs?: number;
}

export const MAX_IMAGES = 3;
export const MAX_POINTS = 4;
export const MAX_PODS = 5;
export const MAX_DIGEST_CHARACTERS = 6000;
/** Counts stop here: what is above says nothing more and would lengthen the text. */
export const MAX_COUNT = 1_000_000;
const MAX_IMAGE_NAME = 160;
export const MAX_OBSERVED_MS = 365 * 24 * 60 * 60 * 1000;
/** A longer gap between samples was not observed, unless samples are meant to be that rare. */
const MAX_GAP_MS = 60 * 60 * 1000;
const KIB = 1024;

export function emptyDigest(): Digest {
  return { images: [], pods: [] };
}

/** The name under which an image is kept: printable ASCII, the end kept where it is too long (there the digest is). */
export function imageKey(image: string): string {
  const printable = image.replace(/[^\x21-\x7e]|["\\]/g, '?');
  return printable.length <= MAX_IMAGE_NAME ? printable : printable.slice(-MAX_IMAGE_NAME);
}

/** Adds one sample of one pod. A sample without a worker tells nothing and changes nothing. */
export function addSample(digest: Digest, sample: Sample, context: SampleContext): Digest {
  const threads = context.threads ?? threadsOf(sample);
  const terms = sumTermsOf(sample, threads);
  if (terms === null || workersOf(sample).length === 0) return digest;
  const name = imageKey(context.image);
  const known = digest.images.find((history) => history.image === name) ?? newHistory(name, context.nowMs);
  const counted = countOomKills(digest.pods, sample);
  const history = addToHistory(known, sample, terms, context);
  const current = { ...history, oomKills: Math.min(MAX_COUNT, history.oomKills + counted.newKills) };
  const former = digest.images.filter((other) => other.image !== name).map(condenseHistory);
  return bounded({ images: [current, ...former].slice(0, MAX_IMAGES), pods: counted.pods });
}

/** Marks what runs now as a point that a verified change reached: its measurements refine the growth curve. */
export function addVerifiedPoint(digest: Digest, image: string, threads: number): Digest {
  const name = imageKey(image);
  const mark = (point: Point): Point => (point.threads === threads ? { ...point, verified: true } : point);
  return {
    ...digest,
    images: digest.images.map((history) =>
      history.image === name ? { ...history, points: history.points.map(mark) } : history,
    ),
  };
}

function newHistory(image: string, nowMs: number): ImageHistory {
  const nothing: Sketch = [];
  return {
    image,
    samples: 0,
    observedMs: 0,
    lastSeen: nowMs,
    tier: 'smaps',
    stackHighWater: null,
    peak: null,
    oomKills: 0,
    master: nothing,
    forkShared: nothing,
    others: nothing,
    tmpfs: nothing,
    fileCache: nothing,
    points: [],
  };
}

function addToHistory(history: ImageHistory, sample: Sample, terms: SumTerms, context: SampleContext): ImageHistory {
  const { nowMs, intervalMs = 0 } = context;
  const elapsed = Math.max(0, nowMs - history.lastSeen);
  const add = (sketch: Sketch, size: number | null): Sketch =>
    size === null ? sketch : addToSketch(sketch, size / KIB, elapsed);
  return {
    ...history,
    samples: Math.min(MAX_COUNT, history.samples + 1),
    observedMs: Math.min(MAX_OBSERVED_MS, history.observedMs + Math.min(elapsed, Math.max(MAX_GAP_MS, 2 * intervalMs))),
    lastSeen: Math.max(history.lastSeen, nowMs),
    tier: sample.quality.tier,
    stackHighWater: highest(history.stackHighWater, terms.stacks.highWater),
    peak: highest(history.peak, workingSetOf(sample)),
    master: add(history.master, terms.master),
    forkShared: add(history.forkShared, terms.forkShared),
    others: add(history.others, terms.others),
    tmpfs: add(history.tmpfs, terms.tmpfs),
    fileCache: add(history.fileCache, terms.fileCache),
    points: addToPoints(history.points, terms, nowMs),
  };
}

/** The point that runs comes first; the one before stays exact (a rollout mixes the two), older ones are condensed. */
function addToPoints(points: readonly Point[], terms: SumTerms, nowMs: number): readonly Point[] {
  const known = points.find((point) => point.threads === terms.threads);
  const others = points.filter((point) => point !== known);
  const older = others.map((point, index) => (index === 0 ? point : condensePoint(point)));
  // When there are too many, the oldest goes, a verified one last.
  const kept = [...older.filter((point) => point.verified), ...older.filter((point) => !point.verified)];
  const allowed = new Set(kept.slice(0, MAX_POINTS - 1));
  return [addToPoint(known, terms, nowMs), ...older.filter((point) => allowed.has(point))];
}

function addToPoint(known: Point | undefined, terms: SumTerms, nowMs: number): Point {
  const elapsed = known === undefined ? 0 : Math.max(0, nowMs - known.lastSeen);
  const add = (sketch: Sketch | undefined, value: number | null): Sketch =>
    value === null ? (sketch ?? []) : addToSketch(sketch ?? [], value, elapsed);
  const inKib = (size: number | null): number | null => (size === null ? null : size / KIB);
  const busy = Math.max(known?.busyThreads ?? -1, terms.busyThreads ?? -1);
  return {
    threads: terms.threads,
    processes: terms.processes,
    samples: Math.min(MAX_COUNT, (known?.samples ?? 0) + 1),
    lastSeen: nowMs,
    busyThreads: busy < 0 ? null : busy,
    verified: known?.verified ?? false,
    stackSize: terms.stacks.size ?? known?.stackSize ?? null,
    stackHuge: computedBytes(terms.stacks.hugeEach),
    private: add(known?.private, inKib(terms.privateEach)),
    stackResident: add(known?.stackResident, inKib(terms.stacks.residentEach)),
    kernelFactor: add(known?.kernelFactor, terms.kernelFactor),
    sharedFactor: add(known?.sharedFactor, terms.sharedFactor),
  };
}

/** A counter above the last one seen of that pod is new kills; below it, the container was made anew. */
function countOomKills(pods: readonly PodCounter[], sample: Sample): { pods: readonly PodCounter[]; newKills: number } {
  const oomKills = sample.cgroup.oomKills;
  if (oomKills === null) return { pods, newKills: 0 };
  const uid = imageKey(sample.podUid).slice(0, 36);
  const before = pods.find((pod) => pod.uid === uid)?.oomKills ?? 0;
  const newKills = oomKills >= before ? oomKills - before : oomKills;
  // A pod that was never killed needs no counter.
  const counter = oomKills === 0 ? [] : [{ uid, oomKills: Math.min(MAX_COUNT, oomKills) }];
  return { pods: [...counter, ...pods.filter((pod) => pod.uid !== uid)].slice(0, MAX_PODS), newKills };
}

function condensePoint(point: Point): Point {
  return {
    ...point,
    private: condense(point.private),
    stackResident: condense(point.stackResident),
    kernelFactor: condense(point.kernelFactor),
    sharedFactor: condense(point.sharedFactor),
  };
}

function condenseHistory(history: ImageHistory): ImageHistory {
  return {
    ...history,
    master: condense(history.master),
    forkShared: condense(history.forkShared),
    others: condense(history.others),
    tmpfs: condense(history.tmpfs),
    fileCache: condense(history.fileCache),
    points: history.points.slice(0, 2).map(condensePoint),
  };
}

/** Gives up detail, then old images, then old points, until the text is short enough. */
export function bounded(digest: Digest): Digest {
  if (JSON.stringify(digest).length <= MAX_DIGEST_CHARACTERS) return digest;
  const [current] = digest.images;
  if (current === undefined) return emptyDigest();
  const condensed = { ...digest, images: digest.images.map(condenseHistory) };
  if (JSON.stringify(condensed).length <= MAX_DIGEST_CHARACTERS) return condensed;
  return { pods: digest.pods, images: [condenseHistory({ ...current, points: current.points.slice(0, 1) })] };
}

function highest(known: Bytes | null, seen: Bytes | null): Bytes | null {
  if (known === null) return seen;
  return seen !== null && seen > known ? seen : known;
}
