/** What cannot be measured or must not be written: each its condition, and nothing written. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { attach, type NodeCluster } from '../cluster/index.ts';
import { App, conditionOf, EAGER, iniText, type AppOptions } from '../support/app.ts';
import { operatorRequests, writesOf } from '../support/audit.ts';
import { waitFor } from '../support/wait.ts';

const INI = ['processes = 2', 'threads = 8'];
let cluster: NodeCluster;

beforeAll(async () => {
  cluster = await attach(inject('cluster'));
});

/** One more round goes by, and the operator wrote nothing in the namespace but status and events. */
async function expectNothingWritten(app: App, ini = INI): Promise<void> {
  await sleep(7000);
  expect(await app.text()).toBe(iniText(ini));
  const requests = (await operatorRequests(cluster.auditLog, 0)).filter(
    ({ objectRef: ref }) => ref?.namespace === app.namespace,
  );
  expect(requests.length).toBeGreaterThan(0);
  const ordinary = ['update uwsgitunings/status ', 'create events ', 'patch events '];
  expect(writesOf(requests).filter((line) => !ordinary.some((start) => line.startsWith(start)))).toEqual([]);
}

async function start(options: Partial<AppOptions> & { readonly namespace: string }): Promise<App> {
  return App.start(cluster, { ini: INI, replicas: 1, memory: '256Mi', ...options });
}

test('a pod that drops its uid is measured in tier status, and its stack is not made smaller', async () => {
  const ini = [...INI, 'uid = 33', 'gid = 33'];
  const app = await start({ namespace: 'uid-drop', ini, asRoot: true });
  await app.tune(EAGER);
  const tuning = await app.until('a measurement', ({ status }) => status?.sample?.tier === 'status');
  expect(tuning.status?.sample?.tierReason).toMatch(/smaps|dumpable|uid/i);
  expect(conditionOf(tuning, 'Ready')).toBe('True/Measured');
  expect(tuning.status?.recommendation?.threadStackSize ?? null).toBeNull();
  await app.until('the end', (object) => conditionOf(object, 'Applied') === 'True/UpToDate');
  await expectNothingWritten(app, ini);
  await app.end();
});

test('a pod without a shell', async () => {
  const app = await start({ namespace: 'no-shell', image: 'uwsgi-noshell' });
  await app.tune(EAGER);
  const tuning = await app.until('the condition', (object) => conditionOf(object, 'Stalled') === 'True/NoShell');
  expect(conditionOf(tuning, 'Ready')).toBe('False/NoShell');
  await expectNothingWritten(app);
  await app.end();
});

test('exec forbidden', async () => {
  const app = await start({ namespace: 'no-exec' });
  await cluster.apply([
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: 'no-exec' },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CONNECT'], resources: ['pods/exec'] }],
        },
        validations: [{ expression: 'false', message: 'exec is forbidden here', reason: 'Forbidden' }],
      },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: 'no-exec' },
      spec: {
        policyName: 'no-exec',
        validationActions: ['Deny'],
        matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'no-exec' } } },
      },
    },
  ]);
  const [pod] = await app.pods();
  const argv = ['--namespace', 'no-exec', 'exec', pod?.metadata.name ?? '', '--', 'true'];
  await waitFor('the policy', async () => ((await cluster.kubectl(argv)).code === 0 ? null : true), {
    timeoutMs: 30_000,
  });
  await app.tune(EAGER);
  const tuning = await app.until('the condition', (object) => conditionOf(object, 'Stalled') === 'True/ExecForbidden');
  expect(conditionOf(tuning, 'Ready')).toBe('False/ExecForbidden');
  await expectNothingWritten(app);
  await app.end();
});

test('a ConfigMap that another Deployment uses', async () => {
  const app = await start({ namespace: 'shared' });
  await cluster.apply({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'other', namespace: 'shared' },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: 'other' } },
      template: {
        metadata: { labels: { app: 'other' } },
        spec: {
          containers: [
            {
              name: 'app',
              image: 'uwt.local/none:1',
              volumeMounts: [{ name: 'config', mountPath: '/etc/uwsgi-config' }],
            },
          ],
          volumes: [{ name: 'config', configMap: { name: 'web-uwsgi' } }],
        },
      },
    },
  });
  await app.tune(EAGER);
  const tuning = await app.until('the condition', (object) => conditionOf(object, 'Applied') === 'False/ConfigShared');
  expect(tuning.status?.conditions?.find(({ type }) => type === 'Applied')?.message).toContain('Deployment other');
  await expectNothingWritten(app);
  await app.end();
});

describe('a ConfigMap with the marks of its owner', () => {
  const cases: [string, string, object][] = [
    [
      'owned-argo',
      'Argo CD',
      { annotations: { 'argocd.argoproj.io/tracking-id': 'shop:/ConfigMap:owned-argo/web-uwsgi' } },
    ],
    [
      'owned-flux',
      'Flux',
      { labels: { 'kustomize.toolkit.fluxcd.io/name': 'shop', 'kustomize.toolkit.fluxcd.io/namespace': 'flux' } },
    ],
    [
      'owned-helm',
      'Helm',
      { labels: { 'app.kubernetes.io/managed-by': 'Helm' }, annotations: { 'meta.helm.sh/release-name': 'shop' } },
    ],
  ];

  test.each(cases)('%s: %s', async (namespace, owner, configMapMetadata) => {
    const app = await start({ namespace, configMapMetadata });
    await app.tune(EAGER);
    const tuning = await app.until('the condition', (object) => conditionOf(object, 'Applied') === 'False/ConfigOwned');
    expect(tuning.status?.conditions?.find(({ type }) => type === 'Applied')?.message).toContain(owner);
    expect(tuning.status?.recommendation?.summary).toBeDefined();
    await expectNothingWritten(app);
    await app.end();
  });
});
