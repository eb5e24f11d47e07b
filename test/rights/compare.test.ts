import { describe, expect, test } from 'vitest';
import type { AuditEntry } from '../support/audit.ts';
import { compareRights, rightsIn, usesIn, type Right, type Use } from '../support/rights.ts';

const everywhere = (action: string): Right => ({ namespace: null, action, names: [] });
const use = (action: string, more: Partial<Use> = {}): Use => ({
  namespace: 'shop',
  action,
  name: 'web',
  refused: false,
  ...more,
});

function entry(verb: string, objectRef: AuditEntry['objectRef'], more: Partial<AuditEntry> = {}): AuditEntry {
  return {
    stage: 'ResponseComplete',
    verb,
    user: { username: 'operator' },
    requestURI: '/',
    requestReceivedTimestamp: '2026-01-01T00:00:00Z',
    annotations: { 'authorization.k8s.io/decision': 'allow' },
    ...(objectRef === undefined ? {} : { objectRef }),
    ...more,
  };
}

describe('rights and uses', () => {
  const rights = [everywhere('get pods/log'), everywhere('list pods')];

  test('that are the same do not differ', () => {
    const uses = [use('get pods/log'), use('list pods', { namespace: '' })];
    expect(compareRights(rights, uses)).toEqual({ missing: [], unused: [] });
  });

  test('differ by a use that no right covers', () => {
    const uses = [use('get pods/log'), use('list pods'), use('list secrets')];
    expect(compareRights(rights, uses).missing).toEqual(['list secrets shop/web']);
  });

  test('differ by a use that was refused, although the chart gives the right', () => {
    const uses = [use('get pods/log'), use('list pods'), use('list pods', { refused: true })];
    expect(compareRights(rights, uses).missing).toEqual(['list pods shop/web']);
  });

  test('differ by a right that was not used or only refused', () => {
    expect(compareRights(rights, [use('get pods/log', { refused: true })]).unused).toEqual([
      'get pods/log',
      'list pods',
    ]);
  });

  test('of one namespace or name do not reach another', () => {
    const named: Right = { namespace: 'sys', action: 'get leases', names: ['uwsgi-tuner'] };
    const at = (namespace: string, name: string): readonly string[] =>
      compareRights([named], [use('get leases', { namespace, name })]).missing;
    expect(at('sys', 'uwsgi-tuner')).toEqual([]);
    expect(at('sys', 'other')).toEqual(['get leases sys/other']);
    expect(at('shop', 'uwsgi-tuner')).toEqual(['get leases shop/uwsgi-tuner']);
  });
});

describe('the uses in an audit log', () => {
  const pods = { resource: 'pods', namespace: 'shop', name: 'web-1' };

  test('are named by verb, resource, group and subresource, each once', () => {
    const exec = entry('get', { ...pods, subresource: 'exec' });
    const list = entry('list', { apiGroup: 'apps', resource: 'deployments' });
    expect(usesIn([exec, exec, list])).toEqual([
      { namespace: 'shop', action: 'get pods/exec', name: 'web-1', refused: false },
      { namespace: '', action: 'list deployments.apps', name: '', refused: false },
    ]);
  });

  test('of an apply that made the object are two', () => {
    const apply = entry('patch', { resource: 'configmaps' }, { responseStatus: { code: 201 } });
    expect(usesIn([apply]).map(({ action }) => action)).toEqual(['patch configmaps', 'create configmaps']);
  });

  test('that RBAC refused are told from those that admission refused', () => {
    const byRbac = entry('list', pods, { annotations: { 'authorization.k8s.io/decision': 'forbid' } });
    const byAdmission = entry('get', pods, { responseStatus: { code: 403 } });
    expect(usesIn([byRbac, byAdmission]).map(({ refused }) => refused)).toEqual([true, false]);
  });

  test('of no resource are named by their path', () => {
    expect(usesIn([entry('get', undefined, { requestURI: '/metrics' })])[0]?.action).toBe('get /metrics');
  });
});

test('the rights in manifests are those that are bound to the account of the Deployment', () => {
  const rule = { apiGroups: ['', 'apps'], resources: ['pods/exec'], verbs: ['get', 'create'] };
  const role = (kind: string, name: string, namespace?: string) => ({
    kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    rules: [rule],
  });
  const binding = (kind: string, name: string, account: string, namespace?: string) => ({
    kind: `${kind}Binding`,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    roleRef: { kind, name },
    subjects: [{ name: account, namespace: 'sys' }],
  });
  const deployment = {
    kind: 'Deployment',
    metadata: { name: 'operator', namespace: 'sys' },
    spec: { template: { spec: { serviceAccountName: 'tuner' } } },
  };
  const rights = rightsIn([
    deployment,
    role('ClusterRole', 'view'),
    role('Role', 'tuner', 'shop'),
    role('Role', 'tuner', 'office'),
    binding('Role', 'tuner', 'tuner', 'shop'),
    binding('Role', 'tuner', 'somebody', 'office'),
  ]);
  expect(rights).toEqual([
    { namespace: 'shop', action: 'get pods/exec', names: [] },
    { namespace: 'shop', action: 'create pods/exec', names: [] },
    { namespace: 'shop', action: 'get pods.apps/exec', names: [] },
    { namespace: 'shop', action: 'create pods.apps/exec', names: [] },
  ]);
});
