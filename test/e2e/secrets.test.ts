/** Secrets wherever a workload has them: while it is measured, changed and put back, none of them leaves its pods. */
import { spawn, type ChildProcess } from 'node:child_process';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { loadCredentials } from '../../src/cluster/credentials.ts';
import { execInPod } from '../../src/cluster/exec.ts';
import { createTransport, type Transport } from '../../src/cluster/transport.ts';
import { COMMANDS } from '../../src/core/memory/commands.ts';
import { attach, binaryPath, type NodeCluster } from '../cluster/index.ts';
import { App, conditionOf, EAGER } from '../support/app.ts';
import { allOperatorRequests } from '../support/audit.ts';
import { OPERATOR_NAMESPACE } from '../support/operator.ts';
import { foundIn, objectsOf, plant } from '../support/secrets.ts';

const NAMESPACE = 'secrets';
const LIAR = 'secrets-liar';
const SECRETS = plant('environ', 'argv', 'query', 'header', 'cookie', 'log', 'ini', 'comment');
/** Those of a config text: in the ConfigMap and in the saved copy of it, and in no other object. */
const IN_CONFIG = ['comment', 'ini'];
let cluster: NodeCluster;
let transport: Transport;
let app: App;
let watch: ChildProcess;
/** Every version of the tunings, as a watch told them. */
let versions = '';

beforeAll(async () => {
  cluster = await attach(inject('cluster'));
  transport = createTransport(await loadCredentials({ kubeconfig: cluster.kubeconfig }));
  for (const namespace of [NAMESPACE, LIAR]) {
    await cluster.apply([
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'planted', namespace }, stringData: SECRETS },
    ]);
  }
  app = await App.start(cluster, {
    namespace: NAMESPACE,
    // The one that has a python3 beside its sh, so that every command runs.
    image: 'uwsgi-forky',
    ini: [
      'processes = 2',
      'threads = 8',
      `# the old password was ${SECRETS.comment}`,
      `env = API_TOKEN=${SECRETS.ini}`,
      'log-format = %(method) %(uri) %(var.HTTP_AUTHORIZATION) %(var.HTTP_COOKIE)',
    ],
    replicas: 2,
    memory: '256Mi',
    container: {
      args: ['--set', 'token=$(ARGV)'],
      env: [secretVariable('DATABASE', 'environ'), secretVariable('ARGV', 'argv')],
    },
  });
  const argv = ['get', 'uwsgitunings', '--all-namespaces', '--watch', '--output=json'];
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
  watch = spawn(binaryPath('kubectl'), argv, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  watch.stdout?.on('data', (chunk: Buffer) => (versions += chunk.toString()));
});

afterAll(async () => {
  watch.kill('SIGKILL');
  await transport.close();
  await app.end();
  await cluster.kubectl(['delete', 'namespace', LIAR, '--wait=false']);
});

/** A variable whose value no object but the Secret holds. */
function secretVariable(name: string, key: keyof typeof SECRETS): object {
  return { name, valueFrom: { secretKeyRef: { name: 'planted', key } } };
}

async function ask(paths: string): Promise<void> {
  const headers = [`Authorization: Bearer ${SECRETS.header}`, `Cookie: session=${SECRETS.cookie}`];
  await app.traffic({ connections: 4, requests: 16, paths, headers });
}

/** What the workload's own pods hold: their environments, command lines, log and config. */
async function heldBy(pod: string): Promise<readonly string[]> {
  const script = 'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /etc/uwsgi-config/uwsgi.ini';
  const texts = [await app.kubectl('exec', pod, '--', 'sh', '-c', script), await app.kubectl('logs', pod)];
  return foundIn(texts.join('\n'), SECRETS);
}

/** The bytes that each command of the operator prints in a pod, inflated. */
async function printedIn(pod: string): Promise<string> {
  const options = { deadlineMs: 20_000, maxStdoutBytes: 8 * 2 ** 20, maxStderrBytes: 65_536 };
  const texts: string[] = [];
  for (const argv of COMMANDS) {
    const place = { namespace: NAMESPACE, pod, container: 'app' };
    const { stdout, stderr } = await execInPod(transport, place, argv, options);
    const isPacked = stdout[0] === 0x1f;
    texts.push(Buffer.from(isPacked ? gunzipSync(stdout) : stdout).toString('latin1'), stderr);
  }
  return texts.join('\n');
}

async function expectNothingPrinted(): Promise<void> {
  await ask(`/work?ms=5&token=${SECRETS.query}&log=${SECRETS.log}`);
  const load = await app.background(4, `/hold?ms=2000&token=${SECRETS.query}`);
  try {
    for (const { metadata } of await app.pods()) {
      expect(await heldBy(metadata.name)).toEqual(Object.keys(SECRETS).toSorted());
      const printed = await printedIn(metadata.name);
      expect(printed).toContain('@uwsgi-tuner capture 1\n');
      expect(printed).toContain('@uwsgi-tuner guard 1\n');
      expect(foundIn(printed, SECRETS)).toEqual([]);
    }
  } finally {
    load.stop();
  }
}

test('the commands print none of them in pods at rest', async () => {
  await expectNothingPrinted();
});

test('the commands print none of them in pods that were changed', async () => {
  await app.tune({ ...EAGER, updatePolicy: { ...EAGER.updatePolicy, verifyWindow: '3m' } });
  await app.until('the rollout', ({ status }) => status?.change?.rolledOutAt !== undefined);
  await expectNothingPrinted();
});

test('a line of the log that tells harm and a secret puts the change back', async () => {
  await ask(`/health?token=${SECRETS.query}&log=MemoryError:%20${SECRETS.log}`);
  const { status } = await app.until('the verdict', (object) => object.status?.history !== undefined);
  expect(status?.history?.[0]).toMatchObject({ verdict: 'PutBack', reason: 'RequestsFailed' });
  await app.rolledOut();
  await app.until('what runs now', (object) => conditionOf(object, 'Applied') === 'False/TooSoon');
});

test('a shell that prints its environment instead of a sample makes a failed sample', async () => {
  const shell = '/tmp/fake/sh';
  const make = `mkdir /tmp/fake; printf '#!/bin/dash\\necho $DATABASE; env\\n' >${shell}; chmod 755 ${shell}`;
  const liar = await App.start(cluster, {
    namespace: LIAR,
    ini: ['processes = 1', 'threads = 2'],
    replicas: 1,
    container: {
      command: ['/bin/sh', '-c', `${make}; exec uwsgi --ini /etc/uwsgi-config/uwsgi.ini`],
      env: [{ name: 'PATH', value: '/tmp/fake:/usr/local/bin:/usr/bin:/bin' }, secretVariable('DATABASE', 'environ')],
    },
  });
  const [pod] = await liar.pods();
  expect(foundIn(await liar.kubectl('exec', pod?.metadata.name ?? '', '--', 'sh'), SECRETS)).toEqual(['environ']);
  await liar.tune(EAGER);
  await liar.until('the condition', (object) => conditionOf(object, 'Ready') === 'False/BadOutput');
});

test('no object holds one but the config and its saved copy', async () => {
  const found: Record<string, readonly string[]> = {};
  const kinds = new Set<string>();
  for (const namespace of [NAMESPACE, LIAR, OPERATOR_NAMESPACE]) {
    for (const [name, text] of await objectsOf(cluster, namespace)) {
      kinds.add(name.split('/')[0] ?? '');
      const places = foundIn(text, SECRETS);
      if (places.length > 0) found[`${namespace}/${name}`] = places;
    }
  }
  expect([...kinds]).toEqual(expect.arrayContaining(['UwsgiTuning', 'Event', 'Deployment', 'Pod', 'Lease']));
  expect(found).toEqual({
    [`${NAMESPACE}/ConfigMap/web-uwsgi`]: IN_CONFIG,
    [`${NAMESPACE}/ConfigMap/web-uwsgi-saved`]: IN_CONFIG,
  });
});

test('no version of a tuning ever held one', () => {
  expect(versions).toContain('"reason": "RequestsFailed"');
  expect(versions).toContain('"reason": "BadOutput"');
  expect(foundIn(versions, SECRETS)).toEqual([]);
});

test("the operator's log at level debug, its metrics and its requests hold none", async () => {
  const operator = ['--namespace', OPERATOR_NAMESPACE];
  const pods = await cluster.kubectlOk([...operator, 'get', 'pods', '--output=json']);
  expect(pods).toContain('--log-level=debug');
  const [pod] = (JSON.parse(pods) as { items: { metadata: { name: string }; status: { podIP: string } }[] }).items;
  const log = await cluster.kubectlOk([...operator, 'logs', pod?.metadata.name ?? '']);
  const before = await cluster.kubectl([...operator, 'logs', pod?.metadata.name ?? '', '--previous']);
  expect(log).toContain(`"key":"${NAMESPACE}/web"`);
  const port = await cluster.reach(`${pod?.status.podIP ?? ''}:8080`);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  expect(metrics).toContain('uwsgi_tuner_put_backs_total{reason="RequestsFailed"}');
  const requests = JSON.stringify(await allOperatorRequests(cluster.auditLog));
  expect(requests).toContain(`/namespaces/${NAMESPACE}/pods/`);
  for (const text of [log, before.stdout, metrics, requests]) expect(foundIn(text, SECRETS)).toEqual([]);
});
