/** Metrics of what tunings do, taken where their status changes. */
import type { TuningStatus, UwsgiTuning } from '../api/uwsgi-tuning.ts';
import type { Metrics } from './metrics.ts';

export function recordStatus(metrics: Metrics, before: TuningStatus, after: TuningStatus): void {
  const finished = after.history?.[0];
  if (finished !== undefined && finished.id !== before.history?.[0]?.id) {
    metrics.changes.inc({ verdict: finished.verdict ?? 'Unknown' });
  }
  if (after.change?.direction === 'PutBack' && before.change?.direction !== 'PutBack') {
    metrics.putBacks.inc({ reason: after.change.putBack?.reason ?? 'Unknown' });
  }
}

export function countTunings(metrics: Metrics, tunings: Iterable<UwsgiTuning>): void {
  metrics.tunings.reset();
  for (const { spec, status } of tunings) {
    const ready = status?.conditions?.find((condition) => condition.type === 'Ready')?.status ?? 'Unknown';
    metrics.tunings.inc({ mode: spec.updatePolicy?.mode ?? 'Recommend', ready });
  }
}
