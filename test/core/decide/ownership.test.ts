import { expect, test } from 'vitest';
import type { ObjectMeta } from '../../../src/api/object-meta.ts';
import { configOwner } from '../../../src/core/decide/ownership.ts';

const TRACKING = 'argocd.argoproj.io/tracking-id';

const cases: [string, Partial<ObjectMeta>, string | null][] = [
  ['nobody', {}, null],
  ['kubectl', { managedFields: [{ manager: 'kubectl-client-side-apply', operation: 'Update' }] }, null],
  ['our own field manager', { managedFields: [{ manager: 'uwsgi-tuner', operation: 'Update' }] }, null],
  ['Argo CD by its tracking id', { annotations: { [TRACKING]: 'shop:/ConfigMap:shop/web-uwsgi' } }, 'Argo CD'],
  [
    'nobody: a tracking id copied from another object',
    { annotations: { [TRACKING]: 'shop:/ConfigMap:shop/other' } },
    null,
  ],
  [
    'nobody: a tracking id copied from another namespace',
    { annotations: { [TRACKING]: 'a:/ConfigMap:blog/web-uwsgi' } },
    null,
  ],
  ['Argo CD by its label', { labels: { 'argocd.argoproj.io/instance': 'shop' } }, 'Argo CD'],
  ['Flux by a Kustomization', { labels: { 'kustomize.toolkit.fluxcd.io/name': 'shop' } }, 'Flux'],
  ['Flux by a HelmRelease', { labels: { 'helm.toolkit.fluxcd.io/name': 'shop' } }, 'Flux'],
  ['Helm by its label', { labels: { 'app.kubernetes.io/managed-by': 'Helm' } }, 'Helm'],
  ['nobody by another managed-by', { labels: { 'app.kubernetes.io/managed-by': 'kustomize' } }, null],
  ['Helm by its annotation', { annotations: { 'meta.helm.sh/release-name': 'shop' } }, 'Helm'],
  ['Argo CD by a field manager', { managedFields: [{ manager: 'argocd-controller', operation: 'Apply' }] }, 'Argo CD'],
  ['Flux by a field manager', { managedFields: [{ manager: 'kustomize-controller' }] }, 'Flux'],
  ['a controller', { ownerReferences: [{ kind: 'Shop', name: 'main', controller: true }] }, 'Shop main'],
  ['nobody by an owner that does not control', { ownerReferences: [{ kind: 'Shop', name: 'main' }] }, null],
];

test.each(cases)('%s', (_name, metadata, expected) => {
  const owner = configOwner(
    { name: 'web-uwsgi', namespace: 'shop', ...metadata },
    { kind: 'ConfigMap', namespace: 'shop' },
  );
  expect(owner).toBe(expected);
});
