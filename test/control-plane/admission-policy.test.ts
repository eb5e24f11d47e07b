/** The chart's admission policies: what a stolen token of the operator's account can still do in a real API server. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadCredentials } from '../../src/cluster/credentials.ts';
import { isClusterError } from '../../src/cluster/errors.ts';
import { execInPod } from '../../src/cluster/exec.ts';
import { deployments } from '../../src/cluster/paths.ts';
import { createTransport, type Transport } from '../../src/cluster/transport.ts';
import { createWriter, type RawObject } from '../../src/cluster/writers.ts';
import { COMMANDS } from '../../src/core/memory/commands.ts';
import { startControlPlane, type ControlPlane } from '../cluster/index.ts';
import { OPERATOR_NAMESPACE } from '../support/operator.ts';
import { waitFor } from '../support/wait.ts';

let cluster: ControlPlane;
let operator: Transport;
let admin: Transport;

beforeAll(async () => {
  cluster = await startControlPlane();
  const set = 'admissionPolicy.enabled=true,replicaCount=0';
  const argv = [
    'install',
    'uwsgi-tuner',
    'charts/uwsgi-tuner',
    '--namespace',
    OPERATOR_NAMESPACE,
    '--create-namespace',
  ];
  const { code, stderr } = await cluster.helm([...argv, '--set', set]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const token = await cluster.kubectlOk(['create', 'token', 'uwsgi-tuner', '--namespace', OPERATOR_NAMESPACE]);
  operator = createTransport(await loadCredentials({ kubeconfig: await kubeconfigWith(token.trim()) }));
  admin = createTransport(await loadCredentials({ kubeconfig: cluster.kubeconfig }));
  const containers = [{ name: 'app', image: 'shop/web:1', env: [{ name: 'MODE', value: 'production' }] }];
  const labels = { app: 'web' };
  const template = { metadata: { labels, annotations: { team: 'shop' } }, spec: { containers } };
  await cluster.apply([
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'default' }, spec: { containers } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'default' },
      spec: { replicas: 1, selector: { matchLabels: labels }, template },
    },
  ]);
  // A policy acts as soon as the API server's own watch has told it.
  await waitFor('the policies', async () => ((await refusalOf(run(operator, ['id']))) === '' ? null : true), {
    timeoutMs: 30_000,
  });
  await waitFor('both', async () => ((await refusalOf(patch({ replicas: 2 }))) === '' ? null : true), {
    timeoutMs: 30_000,
  });
});

afterAll(async () => {
  await operator.close();
  await admin.close();
  await cluster.down();
});

async function kubeconfigWith(token: string): Promise<string> {
  const config = load(readFileSync(cluster.kubeconfig, 'utf8')) as { contexts: { context: object }[] };
  const contexts = config.contexts.map((entry) => ({ ...entry, context: { ...entry.context, user: 'operator' } }));
  const path = join(cluster.dir, 'operator.json');
  await writeFile(path, JSON.stringify({ ...config, contexts, users: [{ name: 'operator', user: { token } }] }));
  return path;
}

/** The pod is on no node: what admission lets through fails after it. */
function run(as: Transport, argv: readonly string[]): Promise<unknown> {
  const limits = { deadlineMs: 20_000, maxStdoutBytes: 1000, maxStderrBytes: 1000 };
  return execInPod(as, { namespace: 'default', pod: 'web', container: 'app' }, argv, limits);
}

function patch(spec: RawObject): Promise<unknown> {
  return createWriter(operator).mergePatch(deployments, { namespace: 'default', name: 'web' }, { spec });
}

/** What a policy said; empty when none refused. */
async function refusalOf(request: Promise<unknown>): Promise<string> {
  try {
    await request;
  } catch (error) {
    if (!isClusterError(error)) throw error;
    if (error.kind === 'Forbidden') return error.message;
  }
  return '';
}

test.each(COMMANDS.map((argv, index) => [index, argv] as const))('command %i of the operator runs', async (_, argv) => {
  expect(await refusalOf(run(operator, argv))).toBe('');
});

test.each([
  ['another program', ['sh', '-c', 'env']],
  ['another script with our arguments', ['sh', '-c', 'env', ...(COMMANDS[0]?.slice(3) ?? [])]],
  ['our script with other arguments', [...(COMMANDS[0]?.slice(0, 4) ?? []), '/etc']],
  ['no argument', ['env']],
])('%s does not', async (_, argv) => {
  expect(await refusalOf(run(operator, argv))).toContain('the operator runs nothing in pods but its own programs');
});

test('a command of the operator is sent no input', async () => {
  const query = new URLSearchParams({ container: 'app', stdin: 'true', stdout: 'true' });
  for (const word of COMMANDS[0] ?? []) query.append('command', word);
  const path = `/api/v1/namespaces/default/pods/web/exec?${query.toString()}`;
  // The message is cut before the reason; without the input the same command passes.
  expect(await refusalOf(operator.request({ method: 'GET', path, timeoutMs: 10_000 }))).toContain('exec');
});

test('others may run what they like', async () => {
  expect(await refusalOf(run(admin, ['env']))).toBe('');
});

test('the annotation of a pod template is set and removed', async () => {
  for (const value of ['hash', null]) {
    const annotations = { 'uwsgi-tuner.dev/config-hash': value };
    expect(await refusalOf(patch({ template: { metadata: { annotations } } }))).toBe('');
  }
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: { template: { metadata: { annotations: { 'uwsgi-tuner.dev/config-hash': 'applied' } } } },
  };
  await createWriter(operator).apply(deployments, { namespace: 'default', name: 'web' }, object, { force: true });
});

test.each<[string, RawObject]>([
  ['the image', { template: { spec: { containers: [{ name: 'app', image: 'evil:1' }] } } }],
  ['the account of the pods', { template: { spec: { serviceAccountName: 'admin' } } }],
  ['the number of pods', { replicas: 0 }],
])('%s of a Deployment is not changed', async (_, spec) => {
  expect(await refusalOf(patch(spec))).toContain('the operator changes neither what the pods run nor their number');
});

test.each([
  ['a new', { 'inject.example.org/image': 'evil:1' }],
  ['an old', { team: 'evil' }],
])('%s annotation of somebody else is not set', async (_, annotations) => {
  expect(await refusalOf(patch({ template: { metadata: { annotations } } }))).toContain('sets no annotation');
});
