/** The saved copy of a config: an own ConfigMap that outlives the tuning, so it has no owner reference. */
import type { ConfigMap } from '../api/objects.ts';
import { GROUP, MANAGED_BY } from '../api/uwsgi-tuning.ts';
import type { RawObject } from '../cluster/writers.ts';
import type { SavedConfig } from '../core/decide/snapshot.ts';

const HASH = `${GROUP}/saved-hash`;
const KEY = `${GROUP}/saved-key`;
const UID = `${GROUP}/saved-configmap-uid`;

export function savedConfigName(tuning: string): string {
  return `${tuning}-uwsgi-saved`;
}

export function savedConfigObject(namespace: string, tuning: string, saved: SavedConfig): RawObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: savedConfigName(tuning),
      namespace,
      labels: { 'app.kubernetes.io/managed-by': MANAGED_BY },
      annotations: { [HASH]: saved.hash, [KEY]: saved.key, [UID]: saved.configMapUid },
    },
    data: { [saved.key]: saved.text },
  };
}

/** Null when the object is not one that the operator saved. */
export function readSavedConfig(object: ConfigMap): SavedConfig | null {
  const annotations = object.metadata.annotations ?? {};
  const { [HASH]: hash, [KEY]: key, [UID]: configMapUid } = annotations;
  if (hash === undefined || key === undefined || configMapUid === undefined) return null;
  const text = object.data?.[key];
  return text === undefined ? null : { text, hash, key, configMapUid };
}
