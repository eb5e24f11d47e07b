/** Sends a transition's events to the tuning and, where its pods are concerned, to the workload. */
import { GROUP, KIND, VERSION, type UwsgiTuning } from '../api/uwsgi-tuning.ts';
import type { EventObject, EventRecorder } from '../cluster/events.ts';
import type { EventIntent } from '../core/decide/transitions.ts';

export function publishEvents(
  recorder: EventRecorder,
  events: readonly EventIntent[],
  tuning: UwsgiTuning,
  target: { readonly name: string; readonly uid: string } | null,
): void {
  const { name, namespace = '', uid = '' } = tuning.metadata;
  const about: EventObject = { apiVersion: `${GROUP}/${VERSION}`, kind: KIND, namespace, name, uid };
  // The workload that was looked at: a spec that was edited meanwhile may name another.
  const workload: EventObject = {
    ...tuning.spec.targetRef,
    namespace,
    name: target?.name ?? '',
    uid: target?.uid ?? '',
  };
  for (const { type, reason, message, onWorkload } of events) {
    const note = { type, reason, action: 'Tune', note: message };
    void recorder.record({ ...note, regarding: about });
    if (onWorkload && target !== null) void recorder.record({ ...note, regarding: workload, related: about });
  }
}
