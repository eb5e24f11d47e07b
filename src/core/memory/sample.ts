/**
 * What one complete capture of one pod tells: the values every later stage works with. Sizes are bytes. `null` always
 * means "this capture does not tell"; it is never a guess and never 0.
 */
import type { Bytes } from '../quantity.ts';

/** How much a capture could see. `smaps` sees every mapping; `status` only totals (uwsgi.md 6: uid drop). */
export type QualityTier = 'smaps' | 'status';

/** A tier with the reason when it is not the best one. */
export interface SampleQuality {
  readonly tier: QualityTier;
  /** Null in tier smaps; else one sentence: what was denied and what would lift it. */
  readonly reason: string | null;
}

/** What a process of the container is to uWSGI. `other` is a mule, spooler, router, emperor or a foreign program. */
export type ProcessRole = 'master' | 'worker' | 'other';

/** The stacks that uWSGI made for the request cores 1..threads-1 of one process (core 0 runs on the main stack). */
export interface ThreadStacks {
  readonly count: number | null;
  /** The size asked for, without guard and without what merged with it from above. */
  readonly size: Bytes | null;
  /** count x size. */
  readonly mapped: Bytes | null;
  readonly resident: Bytes | null;
  /** The deepest page of any of these stacks ever touched, from the stack's top; from stacks without huge pages. */
  readonly highWater: Bytes | null;
  /** Resident bytes in huge pages inside stack rows. */
  readonly hugePages: Bytes | null;
}

/** No kernel has more threads: PID_MAX_LIMIT. */
export const MOST_THREADS = 4_194_304;
/** Processes that are read of one container: more than any server starts. */
export const MOST_PROCESSES = 4096;

/** One process of the container. */
export interface ProcessFootprint {
  readonly pid: number | null;
  readonly parentPid: number | null;
  /** Clock ticks after boot at which the process started (/proc/PID/stat field 22): tells a respawn from the same pid. */
  readonly startTicks: number | null;
  readonly role: ProcessRole | null;
  readonly threads: number | null;
  readonly threadStacks: ThreadStacks;
  readonly mapped: Bytes | null;
  readonly rss: Bytes | null;
  readonly pss: Bytes | null;
  readonly pssAnon: Bytes | null;
  readonly pssFile: Bytes | null;
  readonly pssShmem: Bytes | null;
  /** Private anonymous bytes (clean and dirty) without those of the thread stacks. In tier status: RssAnon, an upper bound. */
  readonly privateAnon: Bytes | null;
  readonly swap: Bytes | null;
  /** Page tables, /proc/PID/status VmPTE. */
  readonly pageTables: Bytes | null;
  readonly arenas: { readonly count: number | null; readonly resident: Bytes | null };
  /** Threads that used CPU time above that of a thread which only waited: cores that really worked. */
  readonly busyThreads: number | null;
}

/** The container's memory cgroup. */
export interface CgroupMemory {
  readonly version: 1 | 2 | null;
  /** Null when unlimited or unknown. */
  readonly limit: Bytes | null;
  readonly usage: Bytes | null;
  /** Page cache of files: reclaimable, shown outside the sum (memory-model.md 1). Without shmem. */
  readonly fileCache: Bytes | null;
  readonly anon: Bytes | null;
  readonly shmem: Bytes | null;
  /** v1 memory.kmem.usage_in_bytes, v2 memory.stat `kernel` and `sock`. */
  readonly kernel: Bytes | null;
  /** Processes killed for memory since the cgroup was made (v1 oom_control, v2 memory.events `oom_kill`). */
  readonly oomKills: number | null;
}

/** The C library of the processes. */
export interface Libc {
  readonly name: 'glibc' | 'musl';
  readonly version: string | null;
}

/** What the processes run on; decides floors and how rows are read. */
export interface Platform {
  /** `uname -r`. */
  readonly kernel: string | null;
  /** `uname -m`. */
  readonly architecture: string | null;
  readonly pageSize: Bytes | null;
  readonly libc: Libc | null;
  readonly python: { readonly major: number; readonly minor: number } | null;
  readonly transparentHugePages: 'always' | 'madvise' | 'never' | null;
  /** PTHREAD_STACK_MIN as the pod itself reports it. */
  readonly threadStackMinimum: Bytes | null;
}

/** One complete capture of one pod's uWSGI container. */
export interface Sample {
  readonly pod: string;
  readonly podUid: string;
  readonly node: string;
  /** Milliseconds since the epoch, the reader's clock. */
  readonly takenAt: number;
  readonly quality: SampleQuality;
  readonly platform: Platform;
  readonly cgroup: CgroupMemory;
  readonly processes: readonly ProcessFootprint[];
}
