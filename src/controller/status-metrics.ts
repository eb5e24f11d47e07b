/** Metrics of what tunings do, taken where their status changes. */
import type { TuningStatus, UwsgiTuning } from '../api/uwsgi-tuning.ts';
import type { Metrics, TuningLabels } from './metrics.ts';

export function recordStatus(metrics: Metrics, before: TuningStatus, after: TuningStatus): void {
  const finished = after.history?.[0];
  if (finished !== undefined && finished.id !== before.history?.[0]?.id) {
    metrics.changes.inc({ verdict: finished.verdict ?? 'Unknown' });
  }
  if (after.change?.direction === 'PutBack' && before.change?.direction !== 'PutBack') {
    metrics.putBacks.inc({ reason: after.change.putBack?.reason ?? 'Unknown' });
  }
}

/** How one tuning counts in `uwsgi_tuner_tunings`. */
export function labelsOf({ spec, status }: UwsgiTuning): TuningLabels {
  const ready = status?.conditions?.find((condition) => condition.type === 'Ready')?.status ?? 'Unknown';
  return { mode: spec.updatePolicy?.mode ?? 'Recommend', ready };
}
