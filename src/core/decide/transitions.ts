/** The events that a status change is worth: once per transition, none when nothing happened. */
import type { TuningStatus } from '../../api/uwsgi-tuning.ts';
import { summarize, valuesOf } from './values.ts';

export interface EventIntent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** Also on the workload: what happens to its pods. */
  readonly onWorkload: boolean;
}

/** Compares a status with the one that replaces it. */
export function eventsBetween(before: TuningStatus, after: TuningStatus): readonly EventIntent[] {
  return [...changeEvents(before, after), ...recommendationEvents(before, after), ...stalledEvents(before, after)];
}

function changeEvents(before: TuningStatus, after: TuningStatus): EventIntent[] {
  const events: EventIntent[] = [];
  const { change } = after;
  const former = before.change;
  if (change !== undefined && former?.id !== change.id) {
    const message = `changes ${summarize(valuesOf(change.from))} to ${summarize(valuesOf(change.to))}`;
    events.push({ type: 'Normal', reason: 'ChangeStarted', message, onWorkload: true });
  }
  if (change?.rolledOutAt !== undefined && former?.rolledOutAt === undefined) {
    const message = `the pods run ${summarize(valuesOf(change.to))}; watches them for ${change.verifySeconds ?? 0} s`;
    events.push({ type: 'Normal', reason: 'RolledOut', message, onWorkload: false });
  }
  if (change?.direction === 'PutBack' && former?.direction !== 'PutBack') {
    const message = `puts ${summarize(valuesOf(change.from))} back: ${change.putBack?.reason ?? ''}: ${change.putBack?.message ?? ''}`;
    events.push({ type: 'Warning', reason: 'PuttingBack', message, onWorkload: true });
  }
  const finished = after.history?.[0];
  if (finished !== undefined && finished.id !== before.history?.[0]?.id) {
    const good = finished.verdict === 'Verified';
    const message = `${finished.from ?? ''} to ${finished.to ?? ''}: ${finished.message ?? ''}`;
    events.push({
      type: good ? 'Normal' : 'Warning',
      reason: finished.verdict ?? 'Settled',
      message,
      onWorkload: true,
    });
  }
  return events;
}

function recommendationEvents(before: TuningStatus, after: TuningStatus): EventIntent[] {
  const summary = after.recommendation?.summary;
  if (summary === undefined || summary === before.recommendation?.summary) return [];
  const message = `recommends ${summary}; ${after.current?.summary ?? ''} runs`;
  return [{ type: 'Normal', reason: 'Recommended', message, onWorkload: false }];
}

function stalledEvents(before: TuningStatus, after: TuningStatus): EventIntent[] {
  const find = (status: TuningStatus): { status: string; reason: string; message: string } | undefined =>
    status.conditions?.find((entry) => entry.type === 'Stalled');
  const stalled = find(after);
  if (stalled?.status !== 'True') return [];
  const former = find(before);
  if (former?.status === 'True' && former.reason === stalled.reason) return [];
  return [{ type: 'Warning', reason: stalled.reason, message: stalled.message, onWorkload: false }];
}
