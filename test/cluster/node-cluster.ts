import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { ensureImages, imageFolder } from '../images/index.ts';
import type { ImageName } from '../images/index.ts';
import { apiGet } from './api.ts';
import { ensureBinaries } from './binaries.ts';
import { bridgeIn, bridgeOut, bridgePort } from './bridge.ts';
import { createCgroups } from './cgroups.ts';
import { openControlPlane, waitForApiServer, waitForDefaultNamespace } from './control-plane.ts';
import { disown, endCluster, reserveCluster } from './lifecycle.ts';
import { CONTAINERD_SOCKET, NODE_ADDRESS, NODE_NAME, writeNodePrograms } from './node-programs.ts';
import { ensurePackages } from './packages.ts';
import { CLIENTS, createPki, writeKubeconfig } from './pki.ts';
import type { ClientName } from './pki.ts';
import { quote, SERVICE_ADDRESS, writeControlPlanePrograms } from './programs.ts';
import { childOf, clusterFolder, readRecord, writeRecord } from './record.ts';
import type { ClusterRecord } from './record.ts';
import { run } from './run.ts';
import { startPrograms, startSupervisor, waitUntil } from './supervisor.ts';
import type { NodeCluster, NodeOptions } from './types.ts';

/** Fixed: each cluster has the ports of its own network to itself. */
const PORTS = { apiPort: 6443, etcdPort: 2379, etcdPeerPort: 2380 };
const INSIDE_SERVER = `https://${NODE_ADDRESS}:${PORTS.apiPort}`;
const DEFAULT_IMAGES: readonly ImageName[] = ['uwsgi-bookworm', 'uwsgi-forky'];
const NODE_TIMEOUT_MS = 120_000;

/** Starts a whole cluster: control plane and a node that runs pods with real memory limits. Needs root. */
export async function startNodeCluster(options: NodeOptions = {}): Promise<NodeCluster> {
  if (process.getuid?.() !== 0) throw new Error('a cluster with a node needs root (namespaces, cgroups, mounts)');
  const images: readonly ImageName[] = ['pause', ...(options.images ?? DEFAULT_IMAGES)];
  await ensurePackages(['control-plane', 'node']);
  // Mostly the compiler's work on one side and the network's on the other.
  await Promise.all([ensureBinaries(), ensureImages(images)]);
  let record = await reserveCluster('node', options.name, await bridgePort());
  try {
    await prepare(record);
    await createCgroups(record.name);
    record = await startNamespace(record);
    const cluster = openNodeCluster(record);
    await startPrograms(cluster.dir, ['etcd', 'apiserver', 'containerd']);
    await bridgeIn(cluster.dir, 'api', record.port, `127.0.0.1:${PORTS.apiPort}`);
    await Promise.all([importImages(cluster, images), startRest(record)]);
    await waitForNode(record);
    if (options.owner === 'none') record = await disown(record);
    return cluster;
  } catch (error) {
    await endCluster(record).catch(() => undefined);
    throw error;
  }
}

/** A handle on a running cluster with a node, for another process than the one that started it. */
export async function attach(name: string): Promise<NodeCluster> {
  const record = await readRecord(name);
  if (record === undefined) throw new Error(`no cluster named ${name} is running`);
  if (record.tier !== 'node') throw new Error(`cluster ${name} is a control plane without a node`);
  return openNodeCluster(record);
}

function openNodeCluster(record: ClusterRecord): NodeCluster {
  const plane = openControlPlane(record);
  const enter = [
    'nsenter',
    '-t',
    String(record.init.pid),
    '-n',
    '-m',
    '-p',
    '--',
    'setpriv',
    '--pdeathsig',
    'KILL',
    '--',
  ];
  function command(
    argv: readonly string[],
    cwd: string,
    env: Readonly<Record<string, string>> = {},
  ): readonly string[] {
    // The folder is entered by name after the mount namespace: a folder entered before would have no path inside.
    return [...enter, 'env', '-C', cwd, ...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...argv];
  }
  const inside: NodeCluster['inside'] = (argv, options = {}) => {
    const { cwd = process.cwd(), env, ...rest } = options;
    return run(command(argv, cwd, env), rest);
  };
  return {
    ...plane,
    nodeName: NODE_NAME,
    nodeAddress: NODE_ADDRESS,
    inside,
    spawnInside: (argv, options = {}): ChildProcess => {
      const [program = '', ...args] = command(argv, options.cwd ?? process.cwd(), options.env);
      return spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    },
    importImage: async (path) => {
      const result = await inside(['sh', '-c', importCommand(resolve(path))], { timeoutMs: 300_000 });
      if (result.code !== 0) throw new Error(`importing ${path}: ${result.stderr.trim()}`);
    },
    exposeHostPort: async (port) => {
      const test = ['bash', '-c', `exec 3<>/dev/tcp/127.0.0.1/${port}`];
      await bridgeOut(plane.dir, port, async () => (await inside(test, { timeoutMs: 2_000 })).code === 0);
      return port;
    },
    reach: async (address) => {
      const port = await bridgePort();
      await bridgeIn(plane.dir, `reach-${port}`, port, address);
      return port;
    },
  };
}

/** Keys, kubeconfigs, configuration and start scripts, before anything runs. */
async function prepare(record: ClusterRecord): Promise<void> {
  const folder = clusterFolder(record.name);
  const pki = join(folder, 'pki');
  await createPki(pki, Object.keys(CLIENTS) as ClientName[], ['127.0.0.1', NODE_ADDRESS, SERVICE_ADDRESS]);
  await writeKubeconfig(join(folder, 'kubeconfig'), pki, 'admin', `https://127.0.0.1:${record.port}`);
  for (const client of ['controller-manager', 'scheduler', 'proxy', 'node'] as const) {
    await writeKubeconfig(join(folder, 'kubeconfigs', `${client}.json`), pki, client, INSIDE_SERVER);
  }
  await writeControlPlanePrograms({ folder, tier: 'node', advertise: NODE_ADDRESS, ...PORTS });
  await writeNodePrograms(folder, record.name);
}

async function startNamespace(reserved: ClusterRecord): Promise<ClusterRecord> {
  const root = await startSupervisor(clusterFolder(reserved.name), 'node');
  const init = childOf(root.pid);
  if (init === undefined) throw new Error('the first process of the namespaces is gone');
  const record = { ...reserved, root, init };
  await writeRecord(record);
  return record;
}

/** What waits for the API server: it would give up, or wait longer than needed, if it started before. */
async function startRest(record: ClusterRecord): Promise<void> {
  await waitForApiServer(record);
  await startPrograms(clusterFolder(record.name), ['controller-manager', 'scheduler', 'kubelet', 'proxy']);
  await waitForDefaultNamespace(record);
}

async function importImages(cluster: NodeCluster, images: readonly ImageName[]): Promise<void> {
  await waitUntil(cluster.dir, 'containerd', NODE_TIMEOUT_MS, async () => {
    const result = await cluster.inside(['ctr', '-a', CONTAINERD_SOCKET, 'version'], { timeoutMs: 5_000 });
    return result.code === 0;
  });
  for (const image of images) await cluster.importImage(imageFolder(image));
}

/** An OCI layout is streamed as the archive it would be; ctr resolves names from a folder of its own, so no names. */
function importCommand(path: string): string {
  const ctr = `ctr -a ${CONTAINERD_SOCKET} -n k8s.io images import -`;
  if (!existsSync(path)) throw new Error(`no image at ${path}`);
  return statSync(path).isDirectory() ? `tar -C ${quote(path)} -cf - . | ${ctr}` : `${ctr} <${quote(path)}`;
}

interface NodeStatus {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

async function waitForNode(record: ClusterRecord): Promise<void> {
  await waitUntil(clusterFolder(record.name), 'the node to be Ready', NODE_TIMEOUT_MS, async () => {
    const answer = await apiGet(clusterFolder(record.name), record.port, `/api/v1/nodes/${NODE_NAME}`);
    const { status } = answer.body as NodeStatus;
    return status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
  });
}
