/** The UwsgiTuning resource: names for the parts of the generated type, and its place in the API. */
import type { UwsgiTuningObject } from './generated/uwsgi-tuning.ts';
import type { ObjectMeta } from './object-meta.ts';

export const GROUP = 'uwsgi-tuner.dev';
export const VERSION = 'v1alpha1';
export const PLURAL = 'uwsgitunings';
export const KIND = 'UwsgiTuning';

/** Annotation on the workload's pod template: the hash of the config text that its pods should run. */
export const CONFIG_HASH_ANNOTATION = `${GROUP}/config-hash`;
/** Annotation on the workload that switches changes off. */
export const IGNORE_ANNOTATION = `${GROUP}/ignore`;
/** Annotation on the namespace that switches changes off. */
export const FREEZE_ANNOTATION = `${GROUP}/freeze`;
/** Finalizer that a tuning has while a change is in flight, and only then. */
export const CHANGE_FINALIZER = `${GROUP}/change-in-flight`;
/** Label of the objects that the operator made. */
export const MANAGED_BY = 'uwsgi-tuner';

export type UwsgiTuning = UwsgiTuningObject & { readonly metadata: ObjectMeta };
export type TuningSpec = UwsgiTuningObject['spec'];
export type TuningStatus = NonNullable<UwsgiTuningObject['status']>;
export type Condition = NonNullable<TuningStatus['conditions']>[number];
export type Change = NonNullable<TuningStatus['change']>;
export type RejectedConfiguration = NonNullable<TuningStatus['rejected']>[number];
export type FinishedChange = NonNullable<TuningStatus['history']>[number];

/** "namespace/name" of an object, the key of queues and stores. */
export function keyOf(metadata: ObjectMeta): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
