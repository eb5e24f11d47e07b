/**
 * Who else writes a ConfigMap. A config is one text under one key, so field ownership cannot keep our three values
 * apart from Git's: writing to an object that Git or Helm owns would be undone, or would break the next upgrade
 * (operators.md 4).
 */
import type { ObjectMeta } from '../../api/object-meta.ts';

const MANAGERS: Readonly<Record<string, string>> = {
  'argocd-controller': 'Argo CD',
  'argocd-application-controller': 'Argo CD',
  'kustomize-controller': 'Flux',
  'helm-controller': 'Flux',
  helm: 'Helm',
};

/** "Argo CD", "Flux", "Helm" or the controlling owner's kind and name; null when nobody is recognised. */
export function configOwner(metadata: ObjectMeta, coordinates: { kind: string; namespace: string }): string | null {
  const labels = metadata.labels ?? {};
  const annotations = metadata.annotations ?? {};
  const tracking = annotations['argocd.argoproj.io/tracking-id'];
  if (tracking !== undefined && namesObject(tracking, coordinates, metadata.name)) return 'Argo CD';
  if (labels['argocd.argoproj.io/instance'] !== undefined) return 'Argo CD';
  const has = (prefix: string): boolean => Object.keys(labels).some((label) => label.startsWith(prefix));
  if (has('kustomize.toolkit.fluxcd.io/') || has('helm.toolkit.fluxcd.io/')) return 'Flux';
  if (labels['app.kubernetes.io/managed-by'] === 'Helm' || annotations['meta.helm.sh/release-name'] !== undefined) {
    return 'Helm';
  }
  for (const field of metadata.managedFields ?? []) {
    const owner = MANAGERS[field.manager ?? ''];
    if (owner !== undefined) return owner;
  }
  const controller = metadata.ownerReferences?.find((reference) => reference.controller === true);
  return controller === undefined ? null : `${controller.kind} ${controller.name}`;
}

/**
 * Argo CD's tracking id is "app:group/kind:namespace/name". One that names another object is a copied annotation and
 * says nothing about this one.
 */
function namesObject(tracking: string, coordinates: { kind: string; namespace: string }, name: string): boolean {
  return tracking.endsWith(`/${coordinates.kind}:${coordinates.namespace}/${name}`);
}
