/** The search for processes and threads (design 5, Search). */
import { bytes, formatSize, type Bytes } from '../quantity.ts';
import { budgetFor, type BudgetBasis } from './budget.ts';
import { imageKey } from './history.ts';
import type { Budget, Lesson, Range, RecommendInput, Refusal } from './types.ts';

/** Where the search ends when nothing else ends it. */
const MOST_PROCESSES = 1000;
/** From one measurement, threads are raised at most this much: private memory is known up to there (memory-model.md 4). */
const MOST_THREAD_GROWTH = 2;
/**
 * Concurrency is raised only when this share of the threads has worked: an idle thread's memory says nothing about a
 * busy one's, and (1 / 0.8)^0.68 = 1.16 is what the head room covers.
 */
const BUSY_ENOUGH = 0.8;

export interface Concurrency {
  readonly processes: number;
  readonly threads: number;
  readonly budget: Budget;
  /** Sentences on what was changed or held back and why. */
  readonly notes: readonly string[];
}

export type ConcurrencyRefusal = Pick<Refusal, 'reason' | 'message' | 'budget'>;

interface Limits {
  readonly processes: { readonly min: number; readonly max: number };
  readonly threads: { readonly min: number; readonly max: number };
}

interface Search {
  readonly input: RecommendInput;
  readonly basis: BudgetBasis;
  readonly stack: Bytes;
  readonly limits: Limits;
  /** P x T must stay below; null when no failure taught that. */
  readonly ceiling: number | null;
}

/** Processes and threads for a stack of a given size. */
export function searchConcurrency(
  input: RecommendInput,
  basis: BudgetBasis,
  stack: Bytes,
): Concurrency | ConcurrencyRefusal {
  const limits = limitsOf(input);
  if ('reason' in limits) return limits;
  const search = { input, basis, stack, limits, ceiling: memoryCeiling(input.lessons, input.usage.image) };
  const start = {
    processes: clamp(input.current.processes, limits.processes),
    threads: clamp(input.current.threads, limits.threads),
  };
  const kept = keepOrLower(search, start);
  if ('reason' in kept || input.policy.objective === 'PreserveConcurrency') return kept;
  return raise(search, start, kept);
}

/** PreserveConcurrency: what runs, where it fits; else fewer processes, then fewer threads. */
function keepOrLower(search: Search, start: { processes: number; threads: number }): Concurrency | ConcurrencyRefusal {
  const { limits } = search;
  const asked = at(search, start.processes, start.threads);
  const notes = boundNotes(search, start);
  if (fits(search, asked)) return { ...asked, notes: [...notes, fitNote(search, asked)] };
  const why = misfit(search, asked);
  const processes = highest(limits.processes.min, start.processes, (count) =>
    fits(search, at(search, count, start.threads)),
  );
  if (processes !== null) {
    const found = at(search, processes, start.threads);
    const lowered = `Processes go from ${start.processes} to ${processes}: ${why}.`;
    return { ...found, notes: [...notes, lowered, fitNote(search, found)] };
  }
  const threads = highest(limits.threads.min, start.threads, (count) =>
    fits(search, at(search, limits.processes.min, count)),
  );
  if (threads === null) return doesNotFit(search);
  const found = at(search, limits.processes.min, threads);
  const lowered = `Processes go to ${limits.processes.min} and threads from ${start.threads} to ${threads}: ${why}.`;
  const bound = 'Fewer threads are charged no less private memory than was measured, until such a point is measured.';
  return { ...found, notes: [...notes, lowered, bound, fitNote(search, found)] };
}

/** MaximizeConcurrency: more processes at the same threads first; threads only up to a bound that the user set. */
function raise(search: Search, start: { processes: number; threads: number }, kept: Concurrency): Concurrency {
  const { input, limits } = search;
  if (kept.processes < start.processes || kept.threads < start.threads || search.basis.limit === null) return kept;
  const idle = idleThreads(input);
  if (idle !== null) return { ...kept, notes: [...kept.notes, idle] };
  const most = Math.min(limits.processes.max, Math.max(MOST_PROCESSES, kept.processes));
  const processes = highest(kept.processes, most, (count) => fits(search, at(search, count, kept.threads)));
  let found = at(search, processes ?? kept.processes, kept.threads);
  const { max } = input.policy.bounds.threads;
  if (found.processes === limits.processes.max && max !== null) {
    const ceiling = Math.max(kept.threads, Math.min(limits.threads.max, input.usage.threads * MOST_THREAD_GROWTH));
    const threads = highest(kept.threads, ceiling, (count) => fits(search, at(search, found.processes, count)));
    found = at(search, found.processes, threads ?? kept.threads);
  }
  if (found.processes === kept.processes && found.threads === kept.threads) return kept;
  const raised = `Concurrency goes from ${kept.processes} x ${kept.threads} to ${found.processes} x ${found.threads}.`;
  return { ...found, notes: [...kept.notes.slice(0, -1), raised, fitNote(search, found)] };
}

type Tried = Pick<Concurrency, 'processes' | 'threads' | 'budget'>;

function at({ basis, stack }: Search, processes: number, threads: number): Tried {
  return { processes, threads, budget: budgetFor({ processes, threads, stack }, basis) };
}

function fits({ ceiling }: Search, { processes, threads, budget }: Tried): boolean {
  if (ceiling !== null && processes * threads >= ceiling) return false;
  return budget.limit === null || budget.charged <= budget.limit;
}

/** The highest whole number from..to that passes, null when none does. What passes is a range that begins at `from`. */
function highest(from: number, to: number, passes: (value: number) => boolean): number | null {
  if (from > to || !passes(from)) return null;
  let [low, high] = [from, to];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (passes(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** An out-of-memory kill at P x T caps that product below what failed, on that image. */
function memoryCeiling(lessons: readonly Lesson[], image: string | null): number | null {
  let ceiling: number | null = null;
  for (const lesson of lessons) {
    if (lesson.kind !== 'OutOfMemory' || imageKey(lesson.image) !== image) continue;
    const failed = lesson.processes * lesson.threads;
    // Counts that were not recorded teach nothing.
    if (failed === 0) continue;
    ceiling = Math.min(ceiling ?? failed, failed);
  }
  return ceiling;
}

/** The ranges that may be searched: bounds for what is controlled, the value that runs for what is not. */
function limitsOf(input: RecommendInput): Limits | ConcurrencyRefusal {
  const { current, policy, cheaper } = input;
  const processes = policy.controlled.includes('Processes')
    ? rangeOf(policy.bounds.processes, cheaper === null ? 1 : cheaper + 1)
    : { min: current.processes, max: current.processes };
  const threads =
    policy.controlled.includes('Threads') && input.threadsTunable
      ? rangeOf(policy.bounds.threads, 1)
      : { min: current.threads, max: current.threads };
  const range = rangeOf(policy.bounds.processes, 1);
  if (processes.min > processes.max) {
    const cause =
      range.min > range.max
        ? `bounds.processes.min ${range.min}`
        : `cheaper ${cheaper ?? 0}, which must stay below processes and so asks for ${processes.min},`;
    return impossible(`${cause} is above bounds.processes.max ${processes.max} by ${processes.min - processes.max}`);
  }
  if (threads.min > threads.max) {
    const by = threads.min - threads.max;
    return impossible(`bounds.threads.min ${threads.min} is above bounds.threads.max ${threads.max} by ${by}`);
  }
  return { processes, threads };
}

function rangeOf(range: Range, least: number): { min: number; max: number } {
  return { min: Math.max(least, range.min ?? 1), max: range.max ?? Infinity };
}

function impossible(message: string): ConcurrencyRefusal {
  return { reason: 'BoundsImpossible', message, budget: [] };
}

function clamp(value: number, { min, max }: { readonly min: number; readonly max: number }): number {
  return Math.min(max, Math.max(min, value));
}

/** The least that the bounds allow is too much: names what is missing and the largest lines. */
function doesNotFit(search: Search): ConcurrencyRefusal {
  const least = at(search, search.limits.processes.min, search.limits.threads.min);
  return { reason: 'DoesNotFit', message: misfit(search, least), budget: least.budget.lines };
}

function misfit({ ceiling }: Search, { processes, threads, budget }: Tried): string {
  const name = `${processes} x ${threads}`;
  if (budget.limit !== null && budget.charged > budget.limit) {
    const short = formatSize(bytes(budget.charged - budget.limit));
    const largest = [...budget.lines].sort((a, b) => b.bytes - a.bytes).slice(0, 3);
    const lines = largest.map((line) => `${line.name} ${formatSize(line.bytes)}`).join(', ');
    return `${name} needs ${formatSize(budget.charged)} of ${formatSize(budget.limit)}, short by ${short}; largest: ${lines}`;
  }
  return `${name} reaches the ${ceiling ?? 0} threads in all at which this image ran out of memory`;
}

function fitNote({ basis }: Search, { processes, threads, budget }: Tried): string {
  const name = `${processes} x ${threads}`;
  if (basis.limit === null) return `${name} charges ${formatSize(budget.charged)}.`;
  return `${name} fits: ${formatSize(budget.charged)} charged of ${formatSize(basis.limit)}, ${formatSize(budget.expected)} expected.`;
}

function boundNotes({ input }: Search, start: { processes: number; threads: number }): readonly string[] {
  const { current, cheaper } = input;
  const notes: string[] = [];
  if (start.processes !== current.processes) {
    const cause = cheaper !== null && start.processes === cheaper + 1 ? `cheaper ${cheaper}` : 'bounds.processes';
    notes.push(`Processes start from ${start.processes} instead of ${current.processes}: ${cause}.`);
  }
  if (start.threads !== current.threads) {
    notes.push(`Threads start from ${start.threads} instead of ${current.threads}: bounds.threads.`);
  }
  return notes;
}

/** Why concurrency is not raised although memory would allow it; null when it may be. */
function idleThreads({ usage }: RecommendInput): string | null {
  const { busyThreads, threads } = usage;
  if (busyThreads === null || busyThreads >= threads * BUSY_ENOUGH) return null;
  return `Concurrency is not raised: at most ${busyThreads} of ${threads} threads of a worker have worked, and idle threads do not show what busy ones need.`;
}
