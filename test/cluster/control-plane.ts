import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { apiGet } from './api.ts';
import { binaryPath, ensureBinaries } from './binaries.ts';
import { disown, endCluster, reserveCluster } from './lifecycle.ts';
import { ensurePackages } from './packages.ts';
import { createPki, issueServerCertificate, writeKubeconfig } from './pki.ts';
import { freePorts } from './ports.ts';
import { SERVICE_ADDRESS, writeControlPlanePrograms } from './programs.ts';
import { clusterFolder, writeRecord } from './record.ts';
import type { ClusterRecord } from './record.ts';
import { run, runOk } from './run.ts';
import type { RunResult } from './run.ts';
import { startPrograms, startSupervisor, stopProgram, waitUntil } from './supervisor.ts';
import type { ControlPlane, KubectlOptions, StartOptions } from './types.ts';

/** The API server may have to wait for a busy machine's disk and processors. */
const API_TIMEOUT_MS = 90_000;

/** Starts etcd, an API server and a controller manager on free loopback ports; needs no root. Ready in a few seconds. */
export async function startControlPlane(options: StartOptions = {}): Promise<ControlPlane> {
  await ensurePackages(['control-plane']);
  await ensureBinaries(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl']);
  const [apiPort = 0, etcdPort = 0, etcdPeerPort = 0] = await freePorts(3);
  const reserved = await reserveCluster('control-plane', options.name, apiPort);
  const folder = clusterFolder(reserved.name);
  let record = reserved;
  try {
    const pki = join(folder, 'pki');
    await createPki(pki, ['admin', 'kubelet-client', 'controller-manager'], ['127.0.0.1', SERVICE_ADDRESS]);
    const server = `https://127.0.0.1:${apiPort}`;
    await writeKubeconfig(join(folder, 'kubeconfig'), pki, 'admin', server);
    await writeKubeconfig(join(folder, 'kubeconfigs', 'controller-manager.json'), pki, 'controller-manager', server);
    const ports = { apiPort, etcdPort, etcdPeerPort };
    await writeControlPlanePrograms({ folder, tier: 'control-plane', advertise: '127.0.0.1', ...ports });
    const root = await startSupervisor(folder, 'control-plane');
    record = { ...reserved, root, init: root };
    await writeRecord(record);
    await startPrograms(folder, ['etcd', 'apiserver']);
    await waitForApiServer(record);
    await startPrograms(folder, ['controller-manager']);
    await waitForDefaultNamespace(record);
    if (options.owner === 'none') record = await disown(record);
  } catch (error) {
    await endCluster(record).catch(() => undefined);
    throw error;
  }
  return openControlPlane(record);
}

/** The handle of a running control plane; any process can have one. */
export function openControlPlane(record: ClusterRecord): ControlPlane {
  const dir = clusterFolder(record.name);
  const kubeconfig = join(dir, 'kubeconfig');
  // Discovery answers are cached by host and port, and another cluster may have had this port before.
  const env = {
    KUBECONFIG: kubeconfig,
    KUBECACHEDIR: join(dir, 'discovery-cache'),
    HELM_CACHE_HOME: join(dir, 'helm', 'cache'),
    HELM_CONFIG_HOME: join(dir, 'helm', 'config'),
    HELM_DATA_HOME: join(dir, 'helm', 'data'),
  };
  async function kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<RunResult> {
    return run([binaryPath('kubectl'), ...args], { ...options, env });
  }
  async function kubectlOk(args: readonly string[], options: KubectlOptions = {}): Promise<string> {
    return runOk([binaryPath('kubectl'), ...args], { ...options, env });
  }
  return {
    name: record.name,
    dir,
    kubeconfig,
    auditLog: join(dir, 'audit.log'),
    kubectl,
    kubectlOk,
    apply: async (manifest) => {
      const items: unknown = Array.isArray(manifest) ? manifest : [manifest];
      await kubectlOk(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
    },
    helm: async (args, options = {}) => {
      await ensureBinaries(['helm']);
      return run([binaryPath('helm'), ...args], { ...options, env });
    },
    stopApiServer: () => stopProgram(dir, 'apiserver'),
    startApiServer: async () => {
      await startPrograms(dir, ['apiserver']);
      await waitForApiServer(record);
    },
    exposeHostPort: (hostPort) => Promise.resolve(hostPort), // everything runs on the host's own loopback
    issueServerCertificate: (commonName) => issueServerCertificate(join(dir, 'pki'), commonName),
    down: () => endCluster(record),
  };
}

/** Waits until the API server serves, its built-in roles included. */
export async function waitForApiServer(record: ClusterRecord): Promise<void> {
  const folder = clusterFolder(record.name);
  await waitUntil(folder, 'the API server', API_TIMEOUT_MS, async () => {
    if (!existsSync(join(folder, 'run', 'apiserver.pid'))) return false;
    const { status } = await apiGet(folder, record.port, '/readyz');
    return status === 200;
  });
}

/** Without its default service account a namespace takes no pods; the controller manager makes it. */
export async function waitForDefaultNamespace(record: ClusterRecord): Promise<void> {
  const folder = clusterFolder(record.name);
  await waitUntil(folder, 'the default service account', API_TIMEOUT_MS, async () => {
    const answer = await apiGet(folder, record.port, '/api/v1/namespaces/default/serviceaccounts/default');
    return answer.status === 200;
  });
}
