import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { binaryPath } from './binaries.ts';

/** Where the control plane's programs listen and what they call themselves. */
export interface ControlPlaneLayout {
  readonly folder: string;
  readonly tier: 'control-plane' | 'node';
  readonly apiPort: number;
  readonly etcdPort: number;
  readonly etcdPeerPort: number;
  /** The address that the API server advertises: the endpoint behind 10.96.0.1. */
  readonly advertise: string;
}

export const SERVICE_RANGE = '10.96.0.0/24';
export const SERVICE_ADDRESS = '10.96.0.1';

/** Request bodies are never needed by a test that counts writes; one event per request is. */
const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata' }],
};

/** Writes the scripts that supervise.sh runs for etcd, the API server and the controller manager. */
export async function writeControlPlanePrograms(layout: ControlPlaneLayout): Promise<void> {
  const { folder } = layout;
  await writeFile(join(folder, 'audit-policy.json'), JSON.stringify(AUDIT_POLICY));
  const etcdUrl = `http://127.0.0.1:${layout.etcdPort}`;
  await writeProgram(folder, 'etcd', [binaryPath('etcd'), ...etcdFlags(layout, etcdUrl)]);
  await writeProgram(folder, 'apiserver', [binaryPath('kube-apiserver'), ...apiServerFlags(layout, etcdUrl)]);
  await writeProgram(folder, 'controller-manager', [
    binaryPath('kube-controller-manager'),
    ...controllerManagerFlags(layout),
  ]);
}

/**
 * Writes programs/NAME.sh. The program dies with its parent, the supervisor, and its output goes to log/NAME.log.
 * `prelude` is shell text that runs first, for example to wait for a socket.
 */
export async function writeProgram(folder: string, name: string, argv: readonly string[], prelude = ''): Promise<void> {
  await mkdir(join(folder, 'programs'), { recursive: true });
  await mkdir(join(folder, 'log'), { recursive: true });
  const words = ['setpriv', '--pdeathsig', 'KILL', '--', ...argv].map(quote).join(' ');
  await writeFile(join(folder, 'programs', `${name}.sh`), `${prelude}exec ${words} >>log/${name}.log 2>&1\n`);
}

export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function etcdFlags(layout: ControlPlaneLayout, url: string): readonly string[] {
  const peer = `http://127.0.0.1:${layout.etcdPeerPort}`;
  return [
    `--data-dir=${layout.folder}/etcd`,
    '--unsafe-no-fsync', // the data lives as long as the test
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--log-level=warn',
  ];
}

function apiServerFlags(layout: ControlPlaneLayout, etcdUrl: string): readonly string[] {
  const pki = `${layout.folder}/pki`;
  return [
    `--etcd-servers=${etcdUrl}`,
    `--secure-port=${layout.apiPort}`,
    // A control plane alone shares the host's network with everybody; a node's namespace is its own.
    `--bind-address=${layout.tier === 'node' ? '0.0.0.0' : '127.0.0.1'}`,
    `--advertise-address=${layout.advertise}`,
    // Where tests make up nodes (test/support/fake-node), exec reaches them as the WebSocket that the client opened.
    ...(layout.tier === 'node'
      ? []
      : ['--endpoint-reconciler-type=none', '--feature-gates=TranslateStreamCloseWebsocketRequests=false']),
    `--tls-cert-file=${pki}/apiserver.crt`,
    `--tls-private-key-file=${pki}/apiserver.key`,
    `--client-ca-file=${pki}/ca.crt`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${pki}/sa.pub`,
    `--service-account-signing-key-file=${pki}/sa.key`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    `--kubelet-client-certificate=${pki}/kubelet-client.crt`,
    `--kubelet-client-key=${pki}/kubelet-client.key`,
    '--kubelet-preferred-address-types=InternalIP',
    '--allow-privileged=true',
    `--audit-policy-file=${layout.folder}/audit-policy.json`,
    `--audit-log-path=${layout.folder}/audit.log`,
    '--v=1',
  ];
}

function controllerManagerFlags(layout: ControlPlaneLayout): readonly string[] {
  return [
    `--kubeconfig=${layout.folder}/kubeconfigs/controller-manager.json`,
    `--service-account-private-key-file=${layout.folder}/pki/sa.key`,
    `--root-ca-file=${layout.folder}/pki/ca.crt`,
    '--use-service-account-credentials',
    '--leader-elect=false',
    '--secure-port=0', // several clusters share the host's loopback, and nobody asks it anything
    '--kube-api-qps=500', // a test makes a thousand pods; the default of 20 a second would take a minute
    '--kube-api-burst=1000',
    // Nodes of a control plane alone are made up by tests and send no heartbeat: they must not be called dead.
    ...(layout.tier === 'node' ? [] : ['--controllers=*,-node-lifecycle-controller']),
    '--v=1',
  ];
}
