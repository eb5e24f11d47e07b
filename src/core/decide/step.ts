/** One step of a change in flight, and the words that all steps share. */
import type { Change, FinishedChange, RejectedConfiguration, TuningStatus } from '../../api/uwsgi-tuning.ts';
import { shortened } from '../../api/sentence.ts';
import type { Action } from './decision.ts';
import type { Harm } from './evidence.ts';
import { summarize, valuesOf } from './values.ts';

export type Verdict = 'Verified' | 'PutBack' | 'Superseded' | 'Dropped' | 'Failed';

export interface Step {
  /** The change as status shall carry it; null when it has ended. */
  readonly change: Change | null;
  readonly finished: FinishedChange | null;
  readonly rejected: RejectedConfiguration | null;
  readonly action: Action | null;
  /** What the change waits for or does, for the Reconciling condition. */
  readonly reason: string;
  readonly message: string;
  /** The change cannot go on without somebody. */
  readonly stalled: boolean;
}

type Progress = Pick<Step, 'reason' | 'message'> & Partial<Step>;

/** The change goes on, with an action or waiting. */
export function goOn(change: Change, progress: Progress): Step {
  return { change, finished: null, rejected: null, action: null, stalled: false, ...progress };
}

/** The change has ended. */
export function finish(
  change: Change,
  verdict: Verdict,
  reason: string,
  message: string,
  now: number,
  measured?: string,
): Step {
  const finished: FinishedChange = {
    id: change.id ?? '',
    ...(change.startedAt === undefined ? {} : { startedAt: change.startedAt }),
    finishedAt: new Date(now).toISOString(),
    generation: change.generation ?? 0,
    image: change.workload?.image ?? '',
    from: summarize(valuesOf(change.from)),
    to: summarize(valuesOf(change.to)),
    verdict,
    reason,
    message: shortened(message, 512),
    ...(change.expectedMemory === undefined ? {} : { expectedMemory: change.expectedMemory }),
    ...(measured === undefined ? {} : { measuredMemory: measured }),
  };
  return { change: null, finished, rejected: null, action: null, reason, message, stalled: false };
}

/** Finished changes, and rejected configurations, that status keeps. */
export const HISTORY_LENGTH = 10;

/** The history with one more change that has ended; nothing when none has. */
export function withFinished(status: TuningStatus, finished: FinishedChange | null): Pick<TuningStatus, 'history'> {
  return finished === null ? {} : { history: [finished, ...(status.history ?? [])].slice(0, HISTORY_LENGTH) };
}

/** Least time that a put-back may take before it counts as failed. */
export const PUT_BACK_TIMEOUT_MS = 600_000;

/** The change turns round: status only; the writes follow once the stored status says so. */
export function turnBack(change: Change, harm: Harm, now: number, lesson = true): Step {
  const since = new Date(now).toISOString();
  const next: Change = {
    ...change,
    direction: 'PutBack',
    putBack: {
      reason: harm.reason,
      message: shortened(harm.message, 1024),
      since,
      deadline: new Date(now + PUT_BACK_TIMEOUT_MS).toISOString(),
    },
  };
  const values = valuesOf(change.to);
  const rejected: RejectedConfiguration = {
    time: since,
    image: change.workload?.image ?? '',
    generation: change.generation ?? 0,
    lesson: harm.lesson,
    reason: harm.reason,
    message: shortened(harm.message, 512),
    processes: values.processes,
    threads: values.threads,
    ...(change.to?.threadStackSize === undefined ? {} : { threadStackSize: change.to.threadStackSize }),
  };
  return {
    ...goOn(next, { reason: 'PuttingBack', message: `${harm.reason}: ${harm.message}` }),
    rejected: lesson ? rejected : null,
  };
}
