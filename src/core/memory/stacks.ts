/**
 * Which of a process's stacks are those of uWSGI's request cores 1..threads-1. Other threads have stacks too: offload
 * threads (512 KiB always), Python's own and uWSGI's logger (the default size), small ones (uwsgi.md 1.4). They are told
 * apart by size, and by how many threads block all signals, which only cores and offload threads do.
 */
import type { Bytes } from '../quantity.ts';
import { bytes, computedBytes, kib, mib, sumBytes } from '../quantity.ts';
import type { Region } from './classify.ts';
import type { StackExtent } from './parse-pagemap.ts';
import { MOST_THREADS, type ThreadStacks } from './sample.ts';

/** What is known from elsewhere. Everything may be null: rows alone are enough where all stacks are cores'. */
export interface StackHints {
  /** Option `threads` and the stack size as configured. */
  readonly threads: number | null;
  readonly stackSize: Bytes | null;
  /** Threads of the process, from status. */
  readonly processThreads: number | null;
  /** Threads that can be cores (roles.ts); 0 says that the process has none, whatever its stacks look like. */
  readonly coreCandidates: number | null;
  /** The process's stack limit: what glibc gives to a thread for which no size was asked. */
  readonly stackLimit: Bytes | null;
  /** musl puts a thread's own block on top of the size asked for: one page. */
  readonly musl: boolean;
  /** Nothing tells cores from other threads: then no answer is given, where rows alone would make a guess. */
  readonly undecided: boolean;
}

export const NO_HINTS: StackHints = {
  threads: null,
  stackSize: null,
  processThreads: null,
  coreCandidates: null,
  stackLimit: null,
  musl: false,
  undecided: false,
};

/** uWSGI's own threads for offloading, alarms and stats (core/utils.c:3838). */
const OFFLOAD_STACK = kib(512);
const DEFAULT_STACK = mib(8);
const PAGE = kib(4);

const NONE: ThreadStacks = {
  count: 0,
  size: null,
  mapped: bytes(0),
  resident: bytes(0),
  highWater: null,
  hugePages: bytes(0),
};
const UNKNOWN: ThreadStacks = {
  count: null,
  size: null,
  mapped: null,
  resident: null,
  highWater: null,
  hugePages: null,
};

/** Stacks of one asked size. */
interface StackClass {
  readonly size: number;
  readonly stacks: readonly StackExtent[];
}

/** The core stacks of one process. */
export function coreStacks(regions: readonly Region[], hints: StackHints): ThreadStacks {
  if (hints.undecided) return UNKNOWN;
  if (hints.coreCandidates === 0 || hints.threads === 1) return NONE;
  const stacks = regions.flatMap((region) => region.stacks ?? []);
  const merged = regions.filter((region) => region.stacks === null);
  if (merged.length > 0) return mergedStacks(merged, stacks, hints);
  if (stacks.length === 0) return NONE;
  const classes = classesOf(stacks, hints);
  const core = coreClass(classes, hints);
  return core === null ? UNKNOWN : totals(core, countOf(core, classes, hints), hints.musl);
}

/** Sorts stacks by the size asked for. A row that merged with its neighbour above belongs to the class below it. */
function classesOf(stacks: readonly StackExtent[], hints: StackHints): StackClass[] {
  const bySize = Map.groupBy(stacks, (stack): number => stack.size);
  const usual = [...bySize.values()].reduce((most, group) => (group.length > most.length ? group : most));
  const known: (number | null | undefined)[] = [usual[0]?.size, OFFLOAD_STACK, DEFAULT_STACK, hints.stackLimit];
  known.push(askedRow(hints));
  const asked = known.filter((size): size is number => typeof size === 'number' && bySize.has(size));
  const classes = Map.groupBy(stacks, (stack): number => {
    if (stack.exact) return stack.size;
    return asked.reduce((best, size) => (size <= stack.size && size > best ? size : best), 0) || stack.size;
  });
  return [...classes].map(([size, members]) => ({ size, stacks: members }));
}

/** The row that a stack of the configured size has. */
function askedRow(hints: StackHints): number | null {
  if (hints.stackSize === null) return null;
  return Math.ceil(hints.stackSize / PAGE) * PAGE + (hints.musl ? PAGE : 0);
}

/** The cores' class; null when it cannot be told from the stacks of other threads. */
function coreClass(classes: readonly StackClass[], hints: StackHints): StackClass | null {
  const configured = classes.find((one) => one.size === askedRow(hints));
  if (configured !== undefined) return configured;
  if (hints.coreCandidates !== null || hints.threads !== null) {
    const fitting = classes.filter((one) => one.stacks.length >= expected(one, classes, hints));
    const exact = fitting.filter((one) => one.stacks.length === expected(one, classes, hints));
    return (exact.length > 0 ? exact : fitting).reduce<StackClass | null>(moreStacks, null);
  }
  const rivals = classes.length === 1 ? classes : classes.filter((one) => one.size !== OFFLOAD_STACK);
  const most = rivals.reduce<StackClass | null>(moreStacks, null);
  const others = rivals.filter((one) => one !== most).reduce((sum, one) => sum + one.stacks.length, 0);
  return most !== null && most.stacks.length > 2 * others ? most : null;
}

function moreStacks(best: StackClass | null, one: StackClass): StackClass {
  return best === null || one.stacks.length > best.stacks.length ? one : best;
}

/** How many stacks the cores have if this is their class: those that block signals, less the offload threads. */
function expected(one: StackClass, classes: readonly StackClass[], hints: StackHints): number {
  if (hints.coreCandidates === null) return hints.threads === null ? one.stacks.length : hints.threads - 1;
  if (hints.threads !== null && hints.threads - 1 < hints.coreCandidates) return hints.threads - 1;
  const offload = classes.find((other) => other.size === OFFLOAD_STACK && other !== one)?.stacks.length ?? 0;
  return Math.max(0, hints.coreCandidates - offload);
}

/** The class may hold stacks of other threads, and cached ones of threads that have ended. */
function countOf(core: StackClass, classes: readonly StackClass[], hints: StackHints): number {
  const others = classes.filter((one) => one !== core).reduce((sum, one) => sum + one.stacks.length, 0);
  const running = hints.processThreads === null ? Infinity : Math.max(0, hints.processThreads - 1 - others);
  return Math.min(core.stacks.length, expected(core, classes, hints), running);
}

function totals(core: StackClass, count: number, musl: boolean): ThreadStacks {
  // Which of several stacks of one size are cores' is not told: the most touched are taken, an upper bound.
  const stacks = core.stacks.toSorted((a, b) => (b.resident ?? 0) - (a.resident ?? 0)).slice(0, count);
  const size = bytes(Math.max(0, core.size - (musl ? PAGE : 0)));
  return {
    count,
    size,
    mapped: computedBytes(count * size),
    resident: sumOrNull(stacks.map((stack) => stack.resident)),
    highWater: highWater(stacks, core.size),
    hugePages: sumOrNull(stacks.map((stack) => stack.hugePages)),
  };
}

/** The deepest of stacks whose depth is known. Of a row with a neighbour in it, the neighbour is taken to be touched. */
function highWater(stacks: readonly StackExtent[], size: number): Bytes | null {
  const known = stacks.filter((stack) => stack.touched !== null);
  if (!known.some((stack) => stack.size === size)) return null;
  return bytes(known.reduce((most, stack) => Math.max(most, (stack.touched ?? 0) - (stack.size - size)), 0));
}

/**
 * Stacks merged by guard markers, without pagemap: a row is n x (stack + guard). Known when every such row divides by the
 * configured size or the default, and there are no more stacks than threads.
 */
function mergedStacks(merged: readonly Region[], apart: readonly StackExtent[], hints: StackHints): ThreadStacks {
  const resident = sumOrNull(merged.map((region) => region.mapping.rss));
  const limit = Math.min(hints.coreCandidates ?? MOST_THREADS, (hints.processThreads ?? MOST_THREADS) - 1);
  for (const size of [hints.stackSize, hints.stackLimit, DEFAULT_STACK]) {
    if (size === null) continue;
    const counts = merged.map((region) => region.mapping.size / (size + PAGE));
    const count = counts.reduce((sum, n) => sum + n, 0);
    if (!counts.every((n) => Number.isInteger(n)) || count > limit) continue;
    if (apart.some((stack) => stack.size === size)) continue;
    return { count, size, mapped: computedBytes(count * size), resident, highWater: null, hugePages: bytes(0) };
  }
  return UNKNOWN;
}

function sumOrNull(sizes: readonly (Bytes | null)[]): Bytes | null {
  const known = sizes.filter((size) => size !== null);
  return known.length === sizes.length ? sumBytes(known) : null;
}
