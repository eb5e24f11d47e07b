/** Whether a changed pod really runs the new values: uWSGI ignores a bad stack size and lost threads in silence. */
import type { Change } from '../../api/uwsgi-tuning.ts';
import type { Sample } from '../memory/sample.ts';
import { formatQuantity, parseQuantity, type Bytes } from '../quantity.ts';
import type { LogCounts } from './log-patterns.ts';
import { kib } from '../quantity.ts';

export type Applied =
  | { readonly state: 'Applied' }
  /** The pod still runs the old values: its mount was stale when it started. */
  | { readonly state: 'Stale'; readonly message: string }
  | { readonly state: 'Wrong'; readonly message: string };

/** Values that a rollout replaces by others: a change forward, or the same change turned round. */
export type Replacement = Pick<Change, 'from' | 'to'>;

/** Values as a pod shows them; null where this capture does not tell. */
export interface RunningValues {
  readonly processes: number;
  readonly threads: number | null;
  readonly threadStackSize: Bytes | null;
}

/** What runs in a sampled pod: the fewest threads of any worker, so that lost threads show. */
export function runningValues(sample: Sample): RunningValues {
  const workers = sample.processes.filter((process) => process.role === 'worker');
  const counts = workers.map((worker) => worker.threadStacks.count);
  const known = counts.filter((count) => count !== null);
  const sizes = workers.map((worker) => worker.threadStacks.size).filter((size) => size !== null);
  return {
    processes: workers.length,
    threads: known.length === workers.length && known.length > 0 ? Math.min(...known) + 1 : null,
    threadStackSize: sizes[0] ?? null,
  };
}

/**
 * Compares a changed pod with the change. `hasCheaper`: fewer workers than asked for are then normal. In tier status
 * uWSGI's own log line proves the stack.
 */
export function checkApplied(change: Replacement, sample: Sample, log: LogCounts | null, hasCheaper: boolean): Applied {
  const running = runningValues(sample);
  const stack = running.threadStackSize ?? (log?.stackKib == null ? null : kib(log.stackKib));
  const shown = { ...running, threadStackSize: stack };
  const wrong = differences(shown, change.to, hasCheaper);
  if (wrong.length === 0) return { state: 'Applied' };
  const stale = differences(shown, change.from, hasCheaper).length === 0;
  const message = `pod ${sample.pod} runs ${wrong.join(', ')}`;
  return stale ? { state: 'Stale', message } : { state: 'Wrong', message };
}

function differences(running: RunningValues, want: Change['to'], hasCheaper: boolean): string[] {
  const found: string[] = [];
  const { processes, threads, threadStackSize } = want ?? {};
  if (processes !== undefined && (hasCheaper ? running.processes > processes : running.processes !== processes)) {
    found.push(`${running.processes} workers instead of ${processes}`);
  }
  if (threads !== undefined && running.threads !== null && running.threads !== threads) {
    found.push(`${running.threads} threads instead of ${threads}`);
  }
  const size = threadStackSize === undefined ? null : parseQuantity(threadStackSize);
  const hasStacks = (threads ?? 2) > 1;
  if (size !== null && hasStacks && running.threadStackSize !== null && running.threadStackSize !== size) {
    found.push(`stacks of ${formatQuantity(running.threadStackSize)} instead of ${formatQuantity(size)}`);
  }
  return found;
}
