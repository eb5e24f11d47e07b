/** Two tunings of one workload container would undo each other: the older one wins. */
import { validateTuning, withoutSpec } from '../api/validate.ts';
import type { Change, UwsgiTuning } from '../api/uwsgi-tuning.ts';

/** The name of an older tuning of the same container in the same namespace; null when this one is the oldest. */
export function olderTwin(tuning: UwsgiTuning, all: Iterable<UwsgiTuning>): string | null {
  for (const other of all) {
    if (sameTarget(tuning, other) && isOlder(other, tuning)) return other.metadata.name;
  }
  return null;
}

/** A change that another tuning has in flight on the workload that this one changes; null when there is none. */
export function changeOfOther(
  tuning: UwsgiTuning,
  all: Iterable<UwsgiTuning>,
): { readonly tuning: string; readonly startedAt: string } | null {
  const workload = tuning.status?.change?.workload?.name ?? tuning.spec.targetRef.name;
  for (const { metadata, status } of all) {
    if (metadata.namespace !== tuning.metadata.namespace || metadata.uid === tuning.metadata.uid) continue;
    const { change } = status ?? {};
    if (change?.workload?.name !== workload) continue;
    return { tuning: metadata.name, startedAt: change.startedAt ?? '' };
  }
  return null;
}

/**
 * Whether a change of a tuning is news. A new status is not: it is our own, and looking at everything again because of it
 * would double the work. The generation counts the spec's changes, and the deletion.
 */
export function isNews(before: UwsgiTuning | undefined, after: UwsgiTuning | undefined): boolean {
  if (before === undefined || after === undefined || before.metadata.uid !== after.metadata.uid) return true;
  return before.metadata.generation !== after.metadata.generation;
}

/**
 * What the watch keeps of each tuning: enough to find twins, to count, and to tell news. One that does not validate stays in it and is
 * nobody's twin: a single malformed object must not stop the watch of all.
 */
export function tuningSkeleton(object: UwsgiTuning): UwsgiTuning {
  const { apiVersion, kind, metadata } = object;
  const validation = validateTuning(object);
  const { spec, status } = validation.ok ? validation.tuning : withoutSpec(object);
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp } = metadata;
  const ready = status?.conditions?.filter((condition) => condition.type === 'Ready') ?? [];
  const change = status?.change && changeSkeleton(status.change);
  return {
    apiVersion: apiVersion ?? '',
    kind: kind ?? '',
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(generation === undefined ? {} : { generation }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    spec: {
      targetRef: spec.targetRef,
      config: spec.config,
      ...(spec.containerName === undefined ? {} : { containerName: spec.containerName }),
      ...(spec.updatePolicy?.mode === undefined ? {} : { updatePolicy: { mode: spec.updatePolicy.mode } }),
    },
    status: { conditions: ready, ...(change === undefined ? {} : { change }) },
  };
}

function changeSkeleton({ startedAt, workload }: Change): Change {
  const name = workload?.name;
  return { ...(startedAt === undefined ? {} : { startedAt }), workload: name === undefined ? {} : { name } };
}

function sameTarget(left: UwsgiTuning, right: UwsgiTuning): boolean {
  if (left.metadata.namespace !== right.metadata.namespace || left.metadata.uid === right.metadata.uid) return false;
  const [a, b] = [left.spec, right.spec];
  if (a.targetRef.name !== b.targetRef.name || a.targetRef.name === '') return false;
  return a.containerName === undefined || b.containerName === undefined || a.containerName === b.containerName;
}

function isOlder(left: UwsgiTuning, right: UwsgiTuning): boolean {
  const [a = '', b = ''] = [left.metadata.creationTimestamp, right.metadata.creationTimestamp];
  return a === b ? left.metadata.name < right.metadata.name : a < b;
}
