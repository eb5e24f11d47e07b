import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { load, loadAll } from 'js-yaml';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { VERSION } from '../../src/cli/version.ts';
import { REPOSITORY } from '../cluster/cache.ts';
import { binaryPath, ensureBinaries, startControlPlane, type ControlPlane } from '../cluster/index.ts';
import { run } from '../cluster/run.ts';

const CHART = join(REPOSITORY, 'charts', 'uwsgi-tuner');
const NAMESPACE = 'tuner-system';
const ACCOUNT = `system:serviceaccount:${NAMESPACE}:uwsgi-tuner`;
const GROUPS = ['system:serviceaccounts', `system:serviceaccounts:${NAMESPACE}`, 'system:authenticated'];
const VALUES = readdirSync(join(CHART, 'ci')).filter((name) => name.endsWith('-values.yaml'));

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: { readonly template?: { readonly metadata: object; readonly spec: object } };
}

let cluster: ControlPlane;

beforeAll(async () => {
  await ensureBinaries(['helm', 'helm-unittest']);
  cluster = await startControlPlane();
  const namespaces = [
    { name: NAMESPACE, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    { name: 'shop' },
    { name: 'office' },
  ];
  await cluster.apply(namespaces.map((metadata) => ({ apiVersion: 'v1', kind: 'Namespace', metadata })));
});

afterAll(async () => {
  await cluster.down();
});

async function helm(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.helm(args);
  if (code !== 0) throw new Error(`helm ${args.join(' ')}: ${stderr || stdout}`);
  return stdout;
}

async function render(...args: readonly string[]): Promise<Manifest[]> {
  const text = await helm('template', 'uwsgi-tuner', CHART, '--namespace', NAMESPACE, ...args);
  return (loadAll(text) as (Manifest | null)[]).filter((manifest) => manifest !== null);
}

/** Which of the rights ("verb resource.group[/subresource]", or "…:name") the controller's account has. */
async function allowed(rights: readonly string[], namespace: string): Promise<string[]> {
  const items = rights.map((right) => {
    const [, verb, resource, group, subresource, name] =
      /^(\S+) ([a-z]+)(?:\.([a-z.0-9-]+))?(?:\/([a-z]+))?(?::(\S+))?$/.exec(right) ?? [];
    const resourceAttributes = { namespace, verb, group, resource, subresource, name };
    const [apiVersion, kind] = ['authorization.k8s.io/v1', 'SubjectAccessReview'];
    return { apiVersion, kind, spec: { user: ACCOUNT, groups: GROUPS, resourceAttributes } };
  });
  const answer = await cluster.kubectlOk(
    ['create', '--filename', '-', '--output', 'jsonpath={.status.allowed}{"\\n"}'],
    {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    },
  );
  const lines = answer.trim().split('\n');
  expect(lines).toHaveLength(rights.length);
  return rights.filter((_, index) => lines[index] === 'true');
}

/** The least that the controller's program does: what a namespace must allow. */
const RIGHTS = [
  'get uwsgitunings.uwsgi-tuner.dev',
  'list uwsgitunings.uwsgi-tuner.dev',
  'watch uwsgitunings.uwsgi-tuner.dev',
  'patch uwsgitunings.uwsgi-tuner.dev',
  'update uwsgitunings.uwsgi-tuner.dev/status',
  'get deployments.apps',
  'patch deployments.apps',
  'get configmaps',
  'create configmaps',
  'patch configmaps',
  'list pods',
  'create pods/exec',
  'get pods/exec',
  'get pods/log',
  'get namespaces:shop',
  'list cronjobs.batch',
  'list statefulsets.apps',
  'create events.events.k8s.io',
  'patch events.events.k8s.io',
] as const;

const NO_RIGHTS = [
  'get secrets',
  'create pods',
  'delete pods',
  'delete configmaps',
  'list configmaps',
  'delete deployments.apps',
  'update deployments.apps',
  'create uwsgitunings.uwsgi-tuner.dev',
  'delete uwsgitunings.uwsgi-tuner.dev',
  'list namespaces',
] as const;

test('the chart, the program and the package have one version', () => {
  const chart = load(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as { version: string; appVersion: string };
  const manifest = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string };
  expect([chart.version, chart.appVersion, manifest.version]).toEqual([VERSION, VERSION, VERSION]);
});

test('the README of the chart names every value', () => {
  const readme = readFileSync(join(CHART, 'README.md'), 'utf8');
  const paths = (value: unknown, path: string): string[] =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
      ? Object.entries(value).flatMap(([key, inner]) => paths(inner, path === '' ? key : `${path}.${key}`))
      : [path];
  const wanted = paths(load(readFileSync(join(CHART, 'values.yaml'), 'utf8')), '');
  const whole = ['resources', 'podSecurityContext', 'securityContext'];
  const named = wanted.map((path) => whole.find((prefix) => path.startsWith(`${prefix}.`)) ?? path);
  expect(named.filter((path) => !readme.includes(`\`${path}\``))).toEqual([]);
});

test.each(VALUES)('helm lint finds nothing with %s', async (name) => {
  await helm('lint', CHART, '--strict', '--values', join(CHART, 'ci', name));
});

test.each(VALUES)('the API server accepts what %s renders', async (name) => {
  const values = ['--values', join(CHART, 'ci', name)];
  const command = ['install', 'uwsgi-tuner', CHART, '--namespace', NAMESPACE, '--dry-run=server', ...values];
  expect(await helm(...command)).toContain('kind: Deployment');
  const manifests = await render(...values);
  const client = await cluster.kubectl(['apply', '--dry-run=server', '--validate=strict', '--filename', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }),
  });
  expect(client.stderr.replace(/^Warning: .*\n?/gm, '')).toBe('');
  expect(client.code).toBe(0);
});

test('the unit tests of the chart pass', async () => {
  const result = await run([binaryPath('helm-unittest'), CHART]);
  expect(result.stdout).toMatch(/Tests: +[1-9]\d* passed/);
  expect(result.code, result.stdout).toBe(0);
});

test('installed, the controller may do what it does and nothing else, and its pod is a restricted one', async () => {
  await helm('install', 'uwsgi-tuner', CHART, '--namespace', NAMESPACE);
  try {
    expect(await allowed(RIGHTS, 'shop')).toEqual([...RIGHTS]);
    expect(await allowed(NO_RIGHTS, 'shop')).toEqual([]);
    const leases = ['update leases.coordination.k8s.io:uwsgi-tuner', 'update leases.coordination.k8s.io:other'];
    expect(await allowed(leases, NAMESPACE)).toEqual(leases.slice(0, 1));
    expect(await allowed([...leases, 'create leases.coordination.k8s.io'], 'shop')).toEqual([]);
    const template = (await render()).find(({ kind }) => kind === 'Deployment')?.spec?.template;
    const pod = { apiVersion: 'v1', kind: 'Pod', ...template, metadata: { ...template?.metadata, name: 'restricted' } };
    const args = ['create', '--dry-run=server', '--namespace', NAMESPACE, '--filename', '-'];
    await cluster.kubectlOk(args, { input: JSON.stringify(pod) });
  } finally {
    await helm('uninstall', 'uwsgi-tuner', '--namespace', NAMESPACE);
  }
  const kept = await cluster.kubectlOk(['get', 'crd', 'uwsgitunings.uwsgi-tuner.dev', '--output', 'name']);
  expect(kept).toContain('uwsgitunings.uwsgi-tuner.dev');
});

test('with watch.namespaces the rights end at these namespaces', async () => {
  await helm('install', 'uwsgi-tuner', CHART, '--namespace', NAMESPACE, '--set', 'watch.namespaces={shop}');
  try {
    expect(await allowed(RIGHTS, 'shop')).toEqual([...RIGHTS]);
    expect(await allowed(RIGHTS, 'office')).toEqual([]);
  } finally {
    await helm('uninstall', 'uwsgi-tuner', '--namespace', NAMESPACE);
  }
});

test('with readOnly no right to write configs or workloads is left', async () => {
  await helm('install', 'uwsgi-tuner', CHART, '--namespace', NAMESPACE, '--set', 'readOnly=true');
  try {
    const writes = ['patch deployments.apps', 'create configmaps', 'patch configmaps'];
    expect(await allowed(RIGHTS, 'shop')).toEqual(RIGHTS.filter((right) => !writes.includes(right)));
  } finally {
    await helm('uninstall', 'uwsgi-tuner', '--namespace', NAMESPACE);
  }
});

test('the controller works with the rights of its service account alone', async () => {
  await helm('install', 'uwsgi-tuner', CHART, '--namespace', NAMESPACE, '--set', 'watch.namespaces={shop}');
  const token = await cluster.kubectlOk(['create', 'token', 'uwsgi-tuner', '--namespace', NAMESPACE]);
  const kubeconfig = join(cluster.dir, 'service-account.json');
  await writeFile(kubeconfig, JSON.stringify(asAccount(load(readFileSync(cluster.kubeconfig, 'utf8')), token.trim())));
  await cluster.apply({
    apiVersion: 'uwsgi-tuner.dev/v1alpha1',
    kind: 'UwsgiTuning',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      config: { configMapRef: { name: 'web-uwsgi', key: 'uwsgi.ini' } },
      updatePolicy: { mode: 'Patch' },
    },
  });
  const lease = ['--lease-namespace', NAMESPACE, '--lease-name', 'uwsgi-tuner'];
  const command = ['controller', '--kubeconfig', kubeconfig, '--namespaces', 'shop', '--listen', 'none', ...lease];
  const program = spawn(process.execPath, [join(REPOSITORY, 'src', 'main.ts'), ...command, '--log-level', 'debug'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [program.stdout, program.stderr]) {
    createInterface({ input: stream }).on('line', (line) => lines.push(line));
  }
  const ended = once(program, 'exit');
  try {
    const wait = ['wait', 'uwt/web', '--namespace', 'shop', '--for=condition=Reconciling', '--timeout=30s'];
    const { code, stderr } = await cluster.kubectl(wait, { timeoutMs: 40_000 });
    expect(code, `${stderr}\n${lines.join('\n')}`).toBe(0);
  } finally {
    program.kill('SIGTERM');
    await ended;
    await helm('uninstall', 'uwsgi-tuner', '--namespace', NAMESPACE);
  }
  const refused = readFileSync(cluster.auditLog, 'utf8')
    .split('\n')
    .filter((line) => line.includes(`"username":"${ACCOUNT}"`) && /"code":40[13]/.test(line));
  expect(refused).toEqual([]);
});

function asAccount(config: unknown, token: string): object {
  const before = config as { 'current-context': string; contexts: { name: string; context: object }[] };
  const contexts = before.contexts.map(({ name, context }) => ({ name, context: { ...context, user: 'account' } }));
  return { ...before, contexts, users: [{ name: 'account', user: { token } }] };
}
