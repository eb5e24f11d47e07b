import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { attach, imageReference, startNodeCluster } from '../cluster/index.ts';
import type { ImageName, NodeCluster } from '../cluster/index.ts';
import { startOwner } from '../cluster/owner.ts';
import { run } from '../cluster/run.ts';

const INI = `[uwsgi]
http-socket = :8080
plugin = python3
wsgi-file = /app/app.py
master = true
processes = 2
threads = 4
die-on-term = true
`;

let cluster: NodeCluster;

beforeAll(async () => {
  cluster = await startNodeCluster({ images: ['uwsgi-bookworm', 'uwsgi-forky', 'uwsgi-noshell'] });
});

afterAll(async () => {
  await cluster.down();
});

test('the images run: Python 3.11 and 3.14 with a shell and without ps, and one without a shell', async () => {
  const images = ['uwsgi-bookworm', 'uwsgi-forky', 'uwsgi-noshell'] as const;
  await cluster.apply([configMap(), ...images.map(pod)]);
  await cluster.kubectlOk(['wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s']);
  const versions = await Promise.all(images.map(async (name) => (await get(name, '/')).python));
  expect(versions).toEqual([expect.stringMatching(/^3\.11\./), expect.stringMatching(/^3\.14\./), versions[0]]);

  const shell = await exec('uwsgi-bookworm', ['sh', '-c', 'id -u; command -v ps pmap']);
  expect(shell.stdout).toBe('33\n');
  const maps = await exec('uwsgi-forky', ['sh', '-c', 'cat /proc/1/smaps']);
  expect(maps.stdout).toContain('libpython3.14');
  const none = await exec('uwsgi-noshell', ['sh', '-c', 'true']);
  expect(none.stderr).toContain('executable file not found');
  expect((await exec('uwsgi-noshell', ['cat', '/proc/1/smaps'])).code).not.toBe(0);
});

test('the memory limit is real: a worker that grows past it is killed, and Kubernetes does not restart the pod', async () => {
  await request('uwsgi-bookworm', '/grow?mib=300');
  await vi.waitFor(async () => {
    const log = await cluster.kubectlOk(['logs', 'uwsgi-bookworm']);
    expect(log).toMatch(/DAMN ! worker \d+ \(pid: \d+\) died, killed by signal 9/);
  }, 10_000);
  const restarts = ['get', 'pod', 'uwsgi-bookworm', '-o', 'jsonpath={.status.containerStatuses[0].restartCount}'];
  expect(await cluster.kubectlOk(restarts)).toBe('0');
});

test('a webhook on the host is asked by the API server inside', async () => {
  const { cert, key, ca } = await cluster.issueServerCertificate('webhook.test');
  const server = createServer({ cert, key }, (call, response) => {
    let text = '';
    call.on('data', (part: Buffer) => (text += part.toString()));
    call.on('end', () => {
      const { request: asked } = JSON.parse(text) as { request: { uid: string; name: string } };
      const answer = { uid: asked.uid, allowed: asked.name !== 'refused', status: { message: 'by the test' } };
      const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer };
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(review));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = await cluster.exposeHostPort((server.address() as AddressInfo).port);
  await cluster.apply(webhook(`https://127.0.0.1:${port}/`, ca));
  try {
    // The API server takes up a new webhook within a second or so.
    let answer = await cluster.kubectl(['create', 'configmap', 'refused']);
    for (let tries = 0; tries < 30 && answer.code === 0; tries += 1) {
      await cluster.kubectl(['delete', 'configmap', 'refused']);
      await sleep(200);
      answer = await cluster.kubectl(['create', 'configmap', 'refused']);
    }
    expect(answer.stderr).toContain('by the test');
    await cluster.kubectlOk(['create', 'configmap', 'allowed']);
  } finally {
    await cluster.kubectl(['delete', 'validatingwebhookconfiguration', 'test']);
    server.close();
  }
});

test('the traffic program reaches a pod from inside and counts its answers', async () => {
  const ip = await cluster.kubectlOk(['get', 'pod', 'uwsgi-forky', '-o', 'jsonpath={.status.podIP}']);
  const args = ['--url', `http://${ip}:8080`, '--connections', '4', '--requests', '20', '--paths', '/work?ms=5,/raise'];
  const result = await cluster.inside([process.execPath, 'test/support/traffic.ts', ...args]);
  expect(JSON.parse(result.stdout)).toMatchObject({ ok: 10, failed: 10, byStatus: { 200: 10, 500: 10 } });
});

test('kill -9 of the owner ends a second cluster within 5 seconds and leaves nothing on the host', async () => {
  const before = await hostState();
  const owner = await startOwner('startNodeCluster');
  try {
    const other = await attach(owner.name);
    await other.apply([configMap(), pod('uwsgi-bookworm')]);
    await other.kubectlOk(['wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s']);
    expect(owner.processes().some((line) => line.includes('uwsgi --ini'))).toBe(true);
  } finally {
    owner.kill();
  }
  const start = Date.now();
  while (owner.processes().length > 0 && Date.now() - start < 5_000) await sleep(50);
  expect(owner.processes()).toEqual([]);
  expect(await hostState()).toEqual(before);
  // Another cluster is not harmed by all this.
  expect(await cluster.kubectlOk(['get', 'node', '-o', 'name'])).toBe('node/node1\n');

  const next = await startNodeCluster({ images: [] });
  expect(cgroupFolders()).not.toContain(`uwt-${owner.name}`);
  await next.down();
  expect(cgroupFolders()).toContain(`uwt-${cluster.name}`);
  expect(cgroupFolders()).not.toContain(`uwt-${next.name}`);
});

/** What a cluster must not leave on the host. */
async function hostState(): Promise<object> {
  const rules = await run(['iptables-save']);
  const links = await run(['ip', '-o', 'link']);
  return {
    mounts: readFileSync('/proc/self/mounts', 'utf8').split('\n').sort(),
    namedNetworks: (await run(['ip', 'netns'])).stdout,
    // Counters and times differ from one look to the next; rules do not.
    rules: rules.stdout.split('\n').filter((line) => line.startsWith('-')),
    links: links.stdout.split('\n').map((line) => line.split(':')[1]),
  };
}

function cgroupFolders(): readonly string[] {
  const tops = ['/sys/fs/cgroup', '/sys/fs/cgroup/memory'];
  const names = tops.flatMap((top) => {
    try {
      return readdirSync(top);
    } catch {
      return [];
    }
  });
  return names.filter((name) => name.startsWith('uwt-'));
}

function configMap(): object {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'uwsgi', namespace: 'default' },
    data: { 'uwsgi.ini': INI },
  };
}

function pod(image: ImageName): object {
  const container = {
    name: 'app',
    image: imageReference(image),
    imagePullPolicy: 'Never',
    resources: { limits: { memory: '256Mi' } },
    volumeMounts: [{ name: 'config', mountPath: '/etc/uwsgi-config' }],
    readinessProbe: { httpGet: { path: '/health', port: 8080 }, periodSeconds: 1 },
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: image, namespace: 'default' },
    spec: {
      dnsPolicy: 'Default',
      terminationGracePeriodSeconds: 1,
      volumes: [{ name: 'config', configMap: { name: 'uwsgi' } }],
      containers: [container],
    },
  };
}

function webhook(url: string, ca: string): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'test' },
    webhooks: [
      {
        name: 'webhook.test.dev',
        clientConfig: { url, caBundle: Buffer.from(ca).toString('base64') },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  };
}

async function exec(name: string, argv: readonly string[]): Promise<{ stdout: string; stderr: string; code: number }> {
  return cluster.kubectl(['exec', name, '--', ...argv]);
}

async function request(name: string, path: string): Promise<string> {
  const ip = await cluster.kubectlOk(['get', 'pod', name, '-o', 'jsonpath={.status.podIP}']);
  const port = await cluster.reach(`${ip}:8080`);
  return fetch(`http://127.0.0.1:${port}${path}`).then(
    (response) => response.text(),
    () => 'no answer',
  );
}

async function get(name: string, path: string): Promise<{ readonly python: string }> {
  return JSON.parse(await request(name, path)) as { readonly python: string };
}
