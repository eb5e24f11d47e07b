/**
 * One sample as the terms of the sum (design 6), in PSS terms, normalised so that samples of different process counts
 * can be pooled: per worker, per stack, or as a factor of a formula.
 */
import type { ProcessFootprint, Sample } from '../memory/sample.ts';
import { bytes, type Bytes } from '../quantity.ts';
import { kernelFormula, sharedMemoryFormula } from './growth.ts';

/** Where a thread's stack lives in one sample. */
export interface StackTerms {
  /** Stacks of request threads in the pod, a count. */
  readonly count: number;
  readonly size: Bytes | null;
  readonly highWater: Bytes | null;
  /** Resident bytes of the average stack. */
  readonly residentEach: number | null;
  /** Resident bytes of the average stack that are in huge pages. */
  readonly hugeEach: number;
}

export interface SumTerms {
  /** Workers and threads that were running, counts. */
  readonly processes: number;
  readonly threads: number;
  /** Private anonymous bytes of the average worker without its thread stacks. */
  readonly privateEach: number | null;
  readonly master: number | null;
  readonly forkShared: number | null;
  /** Mules, spoolers, foreign programs, and charged anonymous memory that no captured process shows. */
  readonly others: number | null;
  readonly tmpfs: number | null;
  readonly fileCache: number | null;
  /** Measured kernel memory over what kernelFormula gives, a factor. */
  readonly kernelFactor: number | null;
  /** Measured shared memory of the processes over what sharedMemoryFormula gives, a factor. */
  readonly sharedFactor: number | null;
  /** The most threads of one worker that ever worked, a count. */
  readonly busyThreads: number | null;
  readonly stacks: StackTerms;
}

/** The workers of a sample. Where no process has a role (a bare pmap text), those of which that is unknown are taken. */
export function workersOf(sample: Sample): readonly ProcessFootprint[] {
  const workers = sample.processes.filter((process) => process.role === 'worker');
  if (workers.length > 0) return workers;
  return sample.processes.filter((process) => process.role === null);
}

/**
 * Threads of each worker, a count: uWSGI makes threads - 1 stacks, core 0 runs on the main stack (rightsizers.md F5).
 * Null when the sample has no worker or does not tell.
 */
export function threadsOf(sample: Sample): number | null {
  let most: number | null = null;
  for (const worker of workersOf(sample)) {
    const count = worker.threadStacks.count;
    const threads = count === null ? worker.threads : count + 1;
    if (threads !== null) most = Math.max(most ?? 1, threads);
  }
  return most;
}

/** What the cgroup is charged without file cache: the number a prediction is compared with. Null when unknown. */
export function workingSetOf(sample: Sample): Bytes | null {
  const { usage, fileCache } = sample.cgroup;
  return usage === null || fileCache === null ? null : bytes(Math.max(0, usage - fileCache));
}

/** The terms of one sample; null when it shows no worker. `threads`: the configured count where it is known. */
export function sumTermsOf(sample: Sample, threads: number | null): SumTerms | null {
  const workers = workersOf(sample);
  const running = threads ?? threadsOf(sample) ?? 1;
  if (workers.length === 0) return null;
  const stacks = stackTermsOf(workers);
  const shape = { processes: workers.length, threads: running };
  const kernel = kernelOf(sample);
  const shared = sumOf(sample.processes, (process) => process.pssShmem);
  const shmem = sample.cgroup.shmem;
  return {
    ...shape,
    ...(sample.quality.tier === 'smaps' ? anonymousOf(sample, workers, stacks) : totalsOnlyOf(sample, workers)),
    tmpfs: shmem === null || shared === null ? null : Math.max(0, shmem - shared),
    fileCache: sample.cgroup.fileCache,
    kernelFactor: kernel === null ? null : kernel / kernelFormula(shape),
    sharedFactor: (shared ?? shmem) === null ? null : (shared ?? shmem ?? 0) / sharedMemoryFormula(shape),
    busyThreads: maxOf(workers, (worker) => worker.busyThreads),
    stacks,
  };
}

type Anonymous = Pick<SumTerms, 'privateEach' | 'master' | 'forkShared' | 'others'>;

/** Every mapping was seen. fork-shared is what is left of the PSS when each process's own part is taken away. */
function anonymousOf(sample: Sample, workers: readonly ProcessFootprint[], stacks: StackTerms): Anonymous {
  const own = sumOf(workers, privateOf);
  const master = sumOf(ofRole(sample, 'master'), privateOf);
  const other = sumOf(ofRole(sample, 'other'), privateOf);
  const pss = sumOf(sample.processes, (process) => process.pssAnon);
  const stackResident = (stacks.residentEach ?? 0) * stacks.count;
  const privates = (own ?? 0) + (master ?? 0) + (other ?? 0) + stackResident;
  const unseen = sample.cgroup.anon === null || pss === null ? 0 : Math.max(0, sample.cgroup.anon - pss);
  return {
    privateEach: own === null ? null : own / workers.length,
    master,
    forkShared: pss === null || own === null ? null : Math.max(0, pss - privates),
    others: other === null ? null : other + unseen,
  };
}

/**
 * Only totals were seen: RssAnon counts what was shared by fork in every process. The cgroup counts it once, so what the
 * workers add is its anonymous total less the master's. Without a cgroup the workers' RssAnon stands, which is too much.
 */
function totalsOnlyOf(sample: Sample, workers: readonly ProcessFootprint[]): Anonymous {
  const own = sumOf(workers, privateOf);
  const master = sumOf(ofRole(sample, 'master'), privateOf) ?? 0;
  const anon = sample.cgroup.anon;
  if (anon === null) {
    return { privateEach: own === null ? null : own / workers.length, master, forkShared: 0, others: 0 };
  }
  const added = Math.min(own ?? Infinity, Math.max(0, anon - master));
  return { privateEach: added / workers.length, master: Math.min(master, anon), forkShared: 0, others: 0 };
}

/**
 * A process's own anonymous memory. What was swapped out is its own as well and comes back when it is touched. Where a
 * capture does not split pages by sharing, the resident size is the bound that remains.
 */
function privateOf(process: ProcessFootprint): number | null {
  const resident = process.privateAnon ?? process.pssAnon ?? process.rss;
  return resident === null ? null : resident + (process.swap ?? 0);
}

function ofRole(sample: Sample, role: ProcessFootprint['role']): readonly ProcessFootprint[] {
  return sample.processes.filter((process) => process.role === role);
}

/**
 * Memory that is charged and that no process shows: what the cgroup reports as kernel memory; on v1 what is left of the
 * usage where that is more. On v2, where all kinds are told apart, the rest of the usage is what each processor holds
 * ready, up to 64 pages: it grows with the node, not with the pod, and the kernel takes it back before it kills.
 */
function kernelOf(sample: Sample): number | null {
  const { version, usage, fileCache, anon, shmem, kernel } = sample.cgroup;
  if (version === 2 && kernel !== null) return kernel;
  if (usage === null || fileCache === null || anon === null || shmem === null) return kernel;
  return Math.max(kernel ?? 0, usage - fileCache - anon - shmem);
}

function stackTermsOf(workers: readonly ProcessFootprint[]): StackTerms {
  const stacks = workers.map((worker) => worker.threadStacks);
  const count = stacks.reduce((sum, stack) => sum + (stack.count ?? 0), 0);
  const resident = sumOf(stacks, (stack) => stack.resident);
  const huge = sumOf(stacks, (stack) => stack.hugePages);
  return {
    count,
    size: maxOf(stacks, (stack) => stack.size) as Bytes | null,
    highWater: maxOf(stacks, (stack) => stack.highWater) as Bytes | null,
    residentEach: resident === null || count === 0 ? null : resident / count,
    hugeEach: huge === null || count === 0 ? 0 : huge / count,
  };
}

/** The sum, or null when any addend is unknown: half a sum would be a guess. */
function sumOf<T>(items: readonly T[], read: (item: T) => number | null): number | null {
  const values = items.map(read);
  if (values.includes(null)) return null;
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

function maxOf<T>(items: readonly T[], read: (item: T) => number | null): number | null {
  const known = items.map(read).filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}
