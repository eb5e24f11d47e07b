/** What cannot be measured or must not be written: each its condition, and nothing written. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import type { UwsgiTuning } from '../../src/api/uwsgi-tuning.ts';
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

/** A condition as one line: "True/Measured: the pods are measured". */
function said(tuning: UwsgiTuning, type: string): string {
  return `${conditionOf(tuning, type)}: ${tuning.status?.conditions?.find((entry) => entry.type === type)?.message ?? ''}`;
}

test('a container without a memory limit: only the stack is sized, and it says why', async () => {
  const app = await start({ namespace: 'no-limit', memory: null });
  await app.tune({ ...EAGER, updatePolicy: { mode: 'Recommend' } });
  const tuning = await app.until('the recommendation', ({ status }) => status?.recommendation?.summary !== undefined);
  expect(tuning.status?.recommendation).toMatchObject({ processes: 2, threads: 8, threadStackSize: '512Ki' });
  expect(tuning.status?.recommendation?.reasons?.join(' ')).toContain(
    'No memory limit is known, so only the stack is sized',
  );
  expect(tuning.status?.limit).toBeUndefined();
  expect(said(tuning, 'RecommendationProvided')).toBe(
    'True/Recommended: only the stack is sized: no memory limit is known; see status.recommendation and status.budget',
  );
  await expectNothingWritten(app);
  await app.end();
});

test('bounds that no values satisfy', async () => {
  const app = await start({ namespace: 'no-values' });
  await app.tune({ ...EAGER, bounds: { threadStackSize: { max: '64Ki' } } });
  const tuning = await app.until('Stalled', (object) => conditionOf(object, 'Stalled') === 'True/BoundsImpossible');
  expect(said(tuning, 'Stalled')).toMatch(
    /bounds\.threadStackSize\.max 64Ki is 448Ki below the 512Ki that the stack needs/,
  );
  expect(conditionOf(tuning, 'RecommendationProvided')).toBe('False/BoundsImpossible');
  await expectNothingWritten(app);
  await app.end();
});

/** Config texts that cannot be edited, under keys that no pod runs, and what Applied says of each. */
const ODD_KEYS: Readonly<Record<string, readonly [text: string, says: RegExp]>> = {
  'empty.ini': ['', /^False\/EditRefused: .*the text has no option in section \[uwsgi\]/],
  'mark.ini': ['\ufeff[uwsgi]\nprocesses = 2\n', /^False\/EditRefused: .*it begins with a byte order mark/],
  'nul.ini': ['\0[uwsgi]\nprocesses = 2\n', /^False\/EditRefused: .*the text has no option in section \[uwsgi\]/],
  'noise.ini': [
    String.fromCharCode(...Array.from({ length: 4096 }, (_, index) => (index * 7919) % 0x2ff)),
    /^False\/EditRefused: /,
  ],
  'long.ini': [
    `[uwsgi]\nprocesses = 2\nx = ${'y'.repeat(70_000)}\n`,
    /^False\/EditRefused: .*an option of 70000 characters; at most 65536/,
  ],
};

test('configs that cannot be edited, one after the other', async () => {
  const keys = Object.fromEntries(Object.entries(ODD_KEYS).map(([key, [text]]) => [key, text]));
  const app = await start({ namespace: 'odd-configs', keys });
  await app.tune(EAGER);
  let before = '';
  for (const [key, [, says]] of Object.entries(ODD_KEYS)) {
    const patch = { spec: { config: { configMapRef: { name: 'web-uwsgi', key } } } };
    await app.kubectl('patch', 'uwt', 'web', '--type=merge', '-p', JSON.stringify(patch));
    const tuning = await app.until(key, (object) => {
      const now = object.status?.observedGeneration === object.metadata.generation;
      return now && says.test(said(object, 'Applied')) && conditionOf(object, 'Ready') === 'True/Measured';
    });
    expect(tuning.status?.observedGeneration).not.toBe(before);
    before = String(tuning.status?.observedGeneration);
  }
  await expectNothingWritten(app);
  await app.end();
});

test('a config of 10 MB is refused by the API server, and one with CRLF is edited as such', async () => {
  const ini = [...INI.map((line) => `${line}\r`), '; caf\u00e9 \r'];
  const app = await start({ namespace: 'crlf', ini });
  const metadata = { name: 'large', namespace: 'crlf' };
  const large = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'uwsgi.ini': 'x'.repeat(10_000_000) } };
  const { code, stderr } = await cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(large) });
  expect([code, stderr]).toEqual([1, expect.stringMatching(/too large|Too long|may not be more than/i)]);
  await app.tune({ ...EAGER, updatePolicy: { ...EAGER.updatePolicy, verifyWindow: '5s' } });
  await app.until('the verdict', ({ status }) => status?.history?.[0]?.verdict === 'Verified', 180_000);
  expect(await app.text()).toBe(iniText(ini).replace('threads = 8\r\n', 'threads = 8\r\nthreads-stacksize = 512\r\n'));
  await app.end();
});

/** Stands for sh, and prints what /tmp/mode says: the sampler's own output, or something else. */
const ODD_SHELL = `#!/bin/bash
mode=$(cat /tmp/mode 2>/dev/null)
case "$mode" in
noise) head -c 100000 /dev/urandom ;;
text) echo hello ;;
damaged) printf '\\037\\213\\010damaged' ;;
cut) bash --posix "$@" | head -c 300 ;;
flood) head -c 20000000 /dev/zero ;;
hang) sleep 60 ;;
*) exec bash --posix "$@" ;;
esac
`;

test('a sampler whose output is cut short, over the cap, not gzip, or never ends', async () => {
  const app = await start({ namespace: 'odd-shell', shell: ODD_SHELL });
  const [pod] = await app.pods();
  const set = (mode: string): Promise<string> =>
    app.kubectl('exec', pod?.metadata.name ?? '', '--', 'bash', '-c', `echo ${mode} >/tmp/mode`);
  const modes: [mode: string, says: RegExp][] = [
    ['text', /^False\/BadOutput: pod web-\S+: 6 bytes do not start as a capture/],
    ['flood', /^False\/TooLarge: pod web-\S+: .*output is larger than 4194304 bytes/],
    ['cut', /^False\/BadOutput: pod web-\S+: the capture.*(cut|short)/],
    ['hang', /^False\/Timeout: pod web-\S+: .*3000 ms/],
    ['damaged', /^False\/BadOutput: pod web-\S+: the capture's gzip data is cut or damaged/],
  ];
  await set('text');
  await app.tune({ ...EAGER, sampling: { ...EAGER.sampling, timeout: '3s' }, updatePolicy: { mode: 'Recommend' } });
  for (const [mode, says] of modes) {
    await set(mode);
    const tuning = await app.until(mode, (object) => says.test(said(object, 'Ready')), 60_000);
    expect(conditionOf(tuning, 'Stalled')).toBe('False/Progressing');
  }
  await set('well');
  await app.until('a sample', (tuning) => conditionOf(tuning, 'Ready') === 'True/Measured', 60_000);
  // One bad round is no news once the pods were measured.
  await set('noise');
  await expectNothingWritten(app);
  expect(conditionOf(await app.tuning(), 'Ready')).toBe('True/Measured');
  await app.end();
});
