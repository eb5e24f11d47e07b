/**
 * Ordinary captures leave out the stat of every thread. What it told of a process holds for the process's whole life, so
 * it is taken from an earlier sample of the same container. Where that does not reach, the answer is null, never a guess,
 * and the sample is to be taken again with threads.
 */
import type { ProcessSection } from './capture.ts';
import type { Depth } from './capture-script.ts';
import { threadCount } from './parse-status.ts';
import type { Platform, ProcessFootprint, Sample } from './sample.ts';
import type { StackHints } from './stacks.ts';

/** The newest sample with threads of each container, by container id, and how many were taken without since. */
export type ThreadSamples = ReadonlyMap<string, { readonly sample: Sample; readonly used: number }>;

/** Every so many samples of a container one is taken with threads: it is the one that tells how many of them work. */
const SAMPLES_PER_THREAD_SAMPLE = 12;

/** The sample that lets the next one of a container do without threads; null when it is their turn. */
export function earlierOf(known: ThreadSamples, containerId: string): Sample | null {
  const entry = known.get(containerId);
  return entry === undefined || entry.used + 1 >= SAMPLES_PER_THREAD_SAMPLE ? null : entry.sample;
}

/** What is known after a round: of containers that are still there. */
export function afterRound(
  known: ThreadSamples,
  live: readonly string[],
  taken: readonly { readonly containerId: string; readonly sample: Sample }[],
): ThreadSamples {
  const next = new Map([...known].filter(([containerId]) => live.includes(containerId)));
  for (const { containerId, sample } of taken) {
    const entry = next.get(containerId);
    if (hasThreads(sample)) next.set(containerId, { sample, used: 0 });
    else if (entry !== undefined) next.set(containerId, { ...entry, used: entry.used + 1 });
  }
  return next;
}

/** How deep to capture a container of which an earlier sample is known. */
export function depthAfter(earlier: Sample | null): Depth {
  if (earlier === null) return 'threads';
  return mergesStacks(earlier.platform) ? 'merged' : 'rows';
}

/** Whether a sample without threads leaves open what one with threads could tell. */
export function leavesOpen(sample: Sample, earlier: Sample): boolean {
  return sample.processes.some((process) => {
    const before = sameProcess(earlier, process);
    if (process.role === null) return before === undefined;
    if (!isUnread(process) || process.threadStacks.count !== null) return false;
    return before === undefined || before.threadStacks.count !== null;
  });
}

function hasThreads(sample: Sample): boolean {
  return !sample.processes.some(isUnread);
}

/** The footprint of the same process in an earlier sample: a pid that starts anew is another process. */
export function sameProcess(
  earlier: Sample | null,
  { pid, startTicks }: Pick<ProcessFootprint, 'pid' | 'startTicks'>,
): ProcessFootprint | undefined {
  if (startTicks === null) return undefined;
  return earlier?.processes.find((process) => process.pid === pid && process.startTicks === startTicks);
}

/** Whether each thread's stat was read; of a process with one thread its own is all there is. */
export function threadsWereRead({ files }: ProcessSection): boolean {
  return files.threads.length > 1 || threadCount(files.fields) === 1;
}

/**
 * The hints of a worker whose threads were not read: the cores that it had. They are made when the worker starts and
 * stay; that its number of threads is the same says that the earlier sample did not meet it while it started.
 */
export function hintsFrom(
  before: ProcessFootprint | undefined,
  threads: number | null,
): Partial<Pick<StackHints, 'threads' | 'stackSize' | 'undecided'>> {
  const cores = before?.threadStacks;
  if (cores?.count == null || before?.threads !== threads) return { undecided: true };
  return { threads: cores.count + 1, stackSize: cores.size };
}

function isUnread({ role, threads, busyThreads }: ProcessFootprint): boolean {
  return role !== 'other' && threads !== 1 && busyThreads === null;
}

/** From kernel 6.13 and glibc 2.42 on guards are markers inside a row. A libc that tells no version may do it. */
function mergesStacks({ kernel, libc }: Platform): boolean {
  if (kernel === null || ordinal(kernel) < 6013) return false;
  return libc?.name !== 'glibc' || libc.version === null || ordinal(libc.version) >= 2042;
}

function ordinal(version: string): number {
  const [, major = 0, minor = 0] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) * 1000 + Number(minor);
}
