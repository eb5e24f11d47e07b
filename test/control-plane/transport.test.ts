/** The plumbing against a real API server: what a stand-in would only pretend. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inClusterCredentials, loadCredentials } from '../../src/cluster/credentials.ts';
import { ClusterError } from '../../src/cluster/errors.ts';
import { EventRecorder } from '../../src/cluster/events.ts';
import { execInPod } from '../../src/cluster/exec.ts';
import { leaseAccess } from '../../src/cluster/lease.ts';
import { list, read } from '../../src/cluster/listing.ts';
import { readLog } from '../../src/cluster/logs.ts';
import type { KubernetesObject } from '../../src/cluster/objects.ts';
import { configMaps, deployments, events, namespaces } from '../../src/cluster/paths.ts';
import { Reflector, type ListReason } from '../../src/cluster/reflector.ts';
import { createTransport, type Transport } from '../../src/cluster/transport.ts';
import { createWriter, type Writer } from '../../src/cluster/writers.ts';
import { LeaderElector } from '../../src/controller/leader-election.ts';
import { startControlPlane, type ControlPlane } from '../cluster/index.ts';

type ConfigMap = KubernetesObject & { readonly data?: Record<string, string> };

let plane: ControlPlane;
let transport: Transport;
let writer: Writer;

beforeAll(async () => {
  plane = await startControlPlane();
  transport = createTransport(await loadCredentials({ kubeconfig: plane.kubeconfig }));
  writer = createWriter(transport);
});

afterAll(async () => {
  await transport.close();
  await plane.down();
});

async function makeNamespace(name: string): Promise<string> {
  await writer.create(namespaces, {}, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return name;
}

function configMap(namespace: string, name: string, data: Record<string, string>): Record<string, unknown> {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data };
}

async function failure(promise: Promise<unknown>): Promise<ClusterError> {
  const error: unknown = await promise.then(
    () => new Error('did not fail'),
    (e: unknown) => e,
  );
  if (!(error instanceof ClusterError)) throw error;
  return error;
}

describe('writes', () => {
  it('patch one key and leave fields alone that we do not know', async () => {
    const namespace = await makeNamespace('merge');
    const place = { namespace, name: 'web' };
    const made = await writer.create<ConfigMap>(
      configMaps,
      { namespace },
      configMap(namespace, 'web', { a: '1', b: '2' }),
    );
    expect(await failure(writer.create(configMaps, { namespace }, configMap(namespace, 'web', {})))).toMatchObject({
      kind: 'AlreadyExists',
    });
    const { uid, resourceVersion } = made.metadata;
    const patched = await writer.mergePatch<ConfigMap>(
      configMaps,
      place,
      { data: { a: '3' } },
      { preconditions: { uid, resourceVersion } },
    );
    expect(patched.data).toEqual({ a: '3', b: '2' });
  });

  it('are refused with Conflict when resourceVersion or uid are not those that were read', async () => {
    const namespace = await makeNamespace('preconditions');
    const place = { namespace, name: 'web' };
    const made = await writer.create<ConfigMap>(configMaps, { namespace }, configMap(namespace, 'web', { a: '1' }));
    await writer.mergePatch(configMaps, place, { data: { a: '2' } });
    const stale = { uid: made.metadata.uid, resourceVersion: made.metadata.resourceVersion };
    const patch = { data: { a: '3' } };
    expect(await failure(writer.mergePatch(configMaps, place, patch, { preconditions: stale }))).toMatchObject({
      kind: 'Conflict',
    });
    const foreign = { uid: '00000000-0000-0000-0000-000000000000' };
    expect(await failure(writer.mergePatch(configMaps, place, patch, { preconditions: foreign }))).toMatchObject({
      kind: 'Conflict',
    });
    const both = { ...stale, ...foreign };
    expect(await failure(writer.mergePatch(configMaps, place, patch, { preconditions: both }))).toMatchObject({
      kind: 'Conflict',
    });
    expect(await failure(writer.delete(configMaps, place, { preconditions: foreign }))).toMatchObject({
      kind: 'Conflict',
    });
    expect(
      await failure(
        writer.replace(configMaps, place, { ...configMap(namespace, 'web', {}), metadata: { ...place, ...stale } }),
      ),
    ).toMatchObject({ kind: 'Conflict' });
    expect((await read<ConfigMap>(transport, configMaps, place)).data).toEqual({ a: '2' });
    await writer.delete(configMaps, place);
    expect(await failure(read(transport, configMaps, place))).toMatchObject({ kind: 'NotFound' });
  });

  it('apply only our field, name the owner of a contested one, and take it only by force', async () => {
    const namespace = await makeNamespace('apply');
    const template = {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'app', image: 'none', imagePullPolicy: 'Never' }] },
    };
    await plane.apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name: 'web' },
      spec: { replicas: 0, selector: { matchLabels: { app: 'web' } }, template },
    });
    const place = { namespace, name: 'web' };
    const ours = (hash: string): Record<string, unknown> => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name: 'web' },
      spec: { template: { metadata: { annotations: { 'uwsgi-tuner.dev/config-hash': hash } } } },
    });
    interface Applied {
      readonly metadata: {
        readonly managedFields: { manager: string; operation: string }[];
        readonly generation: number;
      };
      readonly spec: {
        readonly template: { readonly metadata: { annotations?: Record<string, string> }; readonly spec: unknown };
      };
    }
    const first = await writer.apply<Applied>(deployments, place, ours('one'));
    expect(first.spec.template.metadata.annotations).toEqual({ 'uwsgi-tuner.dev/config-hash': 'one' });
    expect(first.metadata.managedFields).toContainEqual(
      expect.objectContaining({ manager: 'uwsgi-tuner', operation: 'Apply' }),
    );
    const again = await writer.apply<Applied>(deployments, place, ours('one'));
    // The Deployment's controller writes its status meanwhile, so the version may be another; the spec is the same.
    expect(again.metadata.generation).toBe(first.metadata.generation);
    const other = createWriter(transport, { fieldManager: 'someone-else' });
    expect(await failure(other.apply(deployments, place, ours('two')))).toMatchObject({
      kind: 'Conflict',
      message: expect.stringContaining('uwsgi-tuner') as string,
    });
    const taken = await other.apply<Applied>(deployments, place, ours('two'), { force: true });
    expect(taken.spec.template.metadata.annotations).toEqual({ 'uwsgi-tuner.dev/config-hash': 'two' });
  });

  it('change nothing as a dry run, and pass no closed fence', async () => {
    const namespace = await makeNamespace('dry');
    await writer.create(configMaps, { namespace }, configMap(namespace, 'web', {}), { dryRun: true });
    expect(await failure(read(transport, configMaps, { namespace, name: 'web' }))).toMatchObject({ kind: 'NotFound' });
    const fenced = createWriter(transport, {
      fence: () => {
        throw new ClusterError('Aborted', 'not leading');
      },
    });
    expect(await failure(fenced.create(configMaps, { namespace }, configMap(namespace, 'web', {})))).toMatchObject({
      kind: 'Aborted',
    });
    expect(await failure(read(transport, configMaps, { namespace, name: 'web' }))).toMatchObject({ kind: 'NotFound' });
  });

  it('say Invalid in a short message', async () => {
    const namespace = await makeNamespace('invalid');
    const error = await failure(
      writer.create(configMaps, { namespace }, configMap(namespace, 'web', { ['bad key'.repeat(100)]: 'SECRET' })),
    );
    expect(error.kind).toBe('Invalid');
    expect(error.message.length).toBeLessThanOrEqual(300);
    expect(error.message).not.toContain('SECRET');
  });
});

describe('a reflector', () => {
  it('stays true through changes, an API server that dies, and another that comes back', async () => {
    const namespace = await makeNamespace('reflect');
    const changes: string[] = [];
    const lists: ListReason[] = [];
    const reflector = new Reflector<ConfigMap>(transport, {
      resource: configMaps,
      namespaces: [namespace],
      pageSize: 2,
      onChange: (key, before, after) => {
        changes.push(`${key} ${before?.data?.['v'] ?? '-'} > ${after?.data?.['v'] ?? '-'}`);
      },
      onList: (why) => lists.push(why),
    });
    for (const name of ['a', 'b', 'c'])
      await writer.create(configMaps, { namespace }, configMap(namespace, name, { v: '1' }));
    try {
      await reflector.start();
      expect([...reflector.values()].every((object) => !('managedFields' in object.metadata))).toBe(true);
      expect(reflector.get('reflect/b')?.data).toEqual({ v: '1' });
      await expect.poll(() => reflector.watching).toBe(true);
      changes.length = 0;
      await writer.mergePatch(configMaps, { namespace, name: 'a' }, { data: { v: '2' } });
      await writer.delete(configMaps, { namespace, name: 'b' });
      await expect.poll(() => changes).toEqual(['reflect/a 1 > 2', 'reflect/b 1 > -']);

      await plane.stopApiServer();
      await expect.poll(() => reflector.watching, { timeout: 10_000 }).toBe(false);
      expect(reflector.get('reflect/c')?.data).toEqual({ v: '1' });
      await plane.startApiServer();
      const back = performance.now();
      await writer.mergePatch(configMaps, { namespace, name: 'c' }, { data: { v: '3' } });
      await expect.poll(() => reflector.get('reflect/c')?.data, { timeout: 60_000 }).toEqual({ v: '3' });
      expect(performance.now() - back).toBeLessThan(60_000);
      await expect.poll(() => reflector.watching, { timeout: 60_000 }).toBe(true);
      changes.length = 0;
      await writer.mergePatch(configMaps, { namespace, name: 'c' }, { data: { v: '4' } });
      await expect.poll(() => changes, { timeout: 10_000 }).toEqual(['reflect/c 3 > 4']);
      expect(lists[0]).toBe('start');
    } finally {
      await reflector.stop();
    }
    await writer.mergePatch(configMaps, { namespace, name: 'c' }, { data: { v: '5' } });
    expect(reflector.get('reflect/c')?.data).toEqual({ v: '4' });
  });

  it('hears bookmarks on a quiet kind, so that its next watch begins where the server is', async () => {
    const namespace = await makeNamespace('quiet');
    const errors: Error[] = [];
    let listed = Infinity;
    const reflector = new Reflector<ConfigMap>(transport, {
      resource: configMaps,
      labelSelector: 'nobody=has-this',
      // The server sends a bookmark two seconds before the end of a watch. It promises none, so each of several watches
      // may bring it.
      watchMs: 12_000,
      onList: () => {
        listed = reflector.lastEventAt;
      },
      onError: (error) => errors.push(error),
    });
    try {
      await reflector.start();
      await writer.create(configMaps, { namespace }, configMap(namespace, 'noise', { v: '1' }));
      await expect.poll(() => reflector.lastEventAt > listed, { timeout: 200_000, interval: 100 }).toBe(true);
      expect(errors).toEqual([]);
    } finally {
      await reflector.stop();
    }
  }, 240_000);
});

describe('the lease', () => {
  it('has one holder, moves at once when given back, and after its time when the holder vanishes', async () => {
    const namespace = await makeNamespace('lease');
    const cut = new Set<string>();
    const log: string[] = [];
    const stand = (identity: string): LeaderElector => {
      const access = leaseAccess(transport, namespace, 'uwsgi-tuner');
      const unlessCut = async <T>(call: () => Promise<T>): Promise<T> => {
        if (cut.has(identity)) throw new ClusterError('Unavailable', 'cut off');
        return call();
      };
      const elector = new LeaderElector(
        {
          read: (call) => unlessCut(() => access.read(call)),
          create: (claim, call) => unlessCut(() => access.create(claim, call)),
          replace: (lease, claim, call) => unlessCut(() => access.replace(lease, claim, call)),
        },
        {
          identity,
          leaseMs: 3_000,
          renewDeadlineMs: 2_000,
          retryMs: 400,
          onLeading: () => log.push(`${identity} leads`),
          onLost: () => log.push(`${identity} lost`),
        },
      );
      elector.start();
      return elector;
    };
    const a = stand('a');
    await expect.poll(() => a.isLeader, { timeout: 5_000 }).toBe(true);
    const b = stand('b');
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(b.isLeader).toBe(false);
    cut.add('a');
    await expect.poll(() => b.isLeader, { timeout: 8_000 }).toBe(true);
    expect(log).toEqual(['a leads', 'a lost', 'b leads']);
    cut.delete('a');
    const given = performance.now();
    await b.stop();
    await expect.poll(() => a.isLeader, { timeout: 8_000 }).toBe(true);
    expect(performance.now() - given).toBeLessThan(2_000);
    await a.stop();
    const lease = await leaseAccess(transport, namespace, 'uwsgi-tuner').read({ timeoutMs: 4_000 });
    expect(lease?.spec).toMatchObject({ holderIdentity: '', leaseTransitions: expect.any(Number) as number });
  });
});

describe('events', () => {
  it('are accepted, counted when repeated, and counted on after a restart', async () => {
    const namespace = await makeNamespace('events');
    const made = await writer.create<ConfigMap>(configMaps, { namespace }, configMap(namespace, 'web', {}));
    const event = {
      regarding: { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'web', uid: made.metadata.uid ?? '' },
      type: 'Normal',
      reason: 'ConfigWritten',
      action: 'WriteConfig',
      note: 'processes 10 to 8',
    } as const;
    const errors: ClusterError[] = [];
    const recorder = (): EventRecorder =>
      new EventRecorder(transport, writer, { instance: 'pod-0', onError: (error) => errors.push(error) });
    const first = recorder();
    await first.record(event);
    await first.record(event);
    await recorder().record(event);
    await recorder().record({ ...event, note: 'processes 8 to 10' });
    expect(errors).toEqual([]);
    const found = await list<KubernetesObject & { note: string; series?: { count: number }; eventTime: string }>(
      transport,
      events,
      { namespace },
    );
    expect(found.map(({ note, series }) => [note, series?.count ?? 1]).sort()).toEqual([
      ['processes 10 to 8', 2],
      ['processes 8 to 10', 1],
    ]);
    expect(await plane.kubectlOk(['describe', 'configmap', 'web', '-n', namespace])).toContain('ConfigWritten');
  });
});

describe('exec and logs', () => {
  it('tell NotFound for a pod that is not there', async () => {
    const ref = { namespace: 'default', pod: 'none', container: 'app' };
    const limits = { deadlineMs: 5_000, maxStdoutBytes: 1_000, maxStderrBytes: 1_000 };
    expect(await failure(execInPod(transport, ref, ['true'], limits))).toMatchObject({ kind: 'NotFound', status: 404 });
    expect(await failure(readLog(transport, ref, { maxBytes: 1_000 }))).toMatchObject({ kind: 'NotFound' });
  });

  it('tell Forbidden for who may not', async () => {
    const namespace = await makeNamespace('rights');
    await plane.kubectlOk(['create', 'serviceaccount', 'nobody', '-n', namespace]);
    const folder = await serviceAccountFolder(namespace, 'nobody');
    const nobody = createTransport(await inClusterCredentials({ ...address(), folder }));
    const ref = { namespace, pod: 'none', container: 'app' };
    const limits = { deadlineMs: 5_000, maxStdoutBytes: 1_000, maxStderrBytes: 1_000 };
    expect(await failure(execInPod(nobody, ref, ['true'], limits))).toMatchObject({ kind: 'Forbidden' });
    expect(await failure(nobody.request({ method: 'GET', path: '/api/v1/pods', timeoutMs: 5_000 }))).toMatchObject({
      kind: 'Forbidden',
    });
    await nobody.close();
    await rm(folder, { recursive: true });
  });
});

interface KubeConfigFile {
  readonly clusters: {
    cluster: { server: string; 'certificate-authority-data'?: string; 'certificate-authority'?: string };
  }[];
}

async function certificateAuthority(): Promise<string> {
  const text = await plane.kubectlOk(['config', 'view', '--raw', '-o', 'json']);
  const cluster = (JSON.parse(text) as KubeConfigFile).clusters[0]?.cluster;
  if (cluster?.['certificate-authority-data'] !== undefined) {
    return Buffer.from(cluster['certificate-authority-data'], 'base64').toString();
  }
  return readFileSync(cluster?.['certificate-authority'] ?? '', 'utf8');
}

function address(): { host: string; port: string } {
  const text = readFileSync(plane.kubeconfig, 'utf8');
  const [, port = ''] = /https:\/\/127\.0\.0\.1:(\d+)/.exec(text) ?? [];
  return { host: '127.0.0.1', port };
}

/** A folder as the kubelet mounts it. */
async function serviceAccountFolder(namespace: string, name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'service-account-'));
  await writeFile(join(folder, 'token'), await plane.kubectlOk(['create', 'token', name, '-n', namespace]));
  await writeFile(join(folder, 'ca.crt'), await certificateAuthority());
  await writeFile(join(folder, 'namespace'), namespace);
  return folder;
}

describe('a service account', () => {
  it('lets in with the mounted files, and with a new token right after the old one is refused', async () => {
    const namespace = await makeNamespace('tokens');
    await plane.kubectlOk(['create', 'serviceaccount', 'tuner', '-n', namespace]);
    await plane.kubectlOk([
      'create',
      'rolebinding',
      'r',
      '--clusterrole=view',
      `--serviceaccount=${namespace}:tuner`,
      '-n',
      namespace,
    ]);
    const folder = await serviceAccountFolder(namespace, 'tuner');
    const good = readFileSync(join(folder, 'token'), 'utf8');
    await writeFile(join(folder, 'token'), 'expired');
    const own = createTransport(await inClusterCredentials({ ...address(), folder }));
    expect(own.namespace).toBe(namespace);
    const asked = { method: 'GET', path: `/api/v1/namespaces/${namespace}/configmaps`, timeoutMs: 5_000 } as const;
    expect(await failure(own.request(asked))).toMatchObject({ kind: 'Unauthorized' });
    await own.access();
    await writeFile(join(folder, 'token'), `${good}\n`);
    expect(await own.request(asked)).toMatchObject({ kind: 'ConfigMapList' });
    await own.close();
    await rm(folder, { recursive: true });
  });

  it('follows a certificate authority that is replaced', async () => {
    const namespace = await makeNamespace('authority');
    await plane.kubectlOk(['create', 'serviceaccount', 'tuner', '-n', namespace]);
    const folder = await serviceAccountFolder(namespace, 'tuner');
    const right = await certificateAuthority();
    const { cert } = await plane.issueServerCertificate('somebody');
    await writeFile(join(folder, 'ca.crt'), cert);
    const own = createTransport(await inClusterCredentials({ ...address(), folder }));
    const asked = { method: 'GET', path: '/version', timeoutMs: 5_000, retry: 'never' } as const;
    expect(await failure(own.request(asked))).toMatchObject({ kind: 'Unavailable', status: null });
    await writeFile(join(folder, 'ca.crt'), right);
    expect(await own.request(asked)).toMatchObject({ major: '1' });
    await own.close();
    await rm(folder, { recursive: true });
  });
});
