import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { imageReference } from '../images/index.ts';
import { binaryPath } from './binaries.ts';
import { cgroupName } from './cgroups.ts';
import { writeProgram } from './programs.ts';

export const NODE_NAME = 'node1';
/** Each cluster has a network of its own, so all nodes can have the same address. */
export const NODE_ADDRESS = '10.99.0.1';
const POD_RANGE = '10.244.0.0/24';
export const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';

/** Writes the configuration and the start scripts of containerd, kubelet, kube-proxy and scheduler. */
export async function writeNodePrograms(folder: string, cluster: string): Promise<void> {
  for (const name of ['cni', 'kubelet', 'containerd']) await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, 'cni', '10-bridge.conflist'), JSON.stringify(cniConfig(folder)));
  await writeFile(join(folder, 'containerd.toml'), containerdConfig(folder));
  await writeFile(join(folder, 'kubelet.json'), JSON.stringify(kubeletConfig(folder, cluster)));
  await writeFile(join(folder, 'proxy.json'), JSON.stringify(proxyConfig(folder)));
  await writeFile(join(folder, 'resolv.conf'), ''); // no names from outside, and no complaint about the host's file
  await writeProgram(folder, 'containerd', ['containerd', '--config', `${folder}/containerd.toml`]);
  await writeProgram(
    folder,
    'kubelet',
    [
      binaryPath('kubelet'),
      `--config=${folder}/kubelet.json`,
      `--kubeconfig=${folder}/kubeconfigs/node.json`,
      `--root-dir=${folder}/kubelet`,
      `--cert-dir=${folder}/kubelet/pki`,
      `--hostname-override=${NODE_NAME}`,
      `--node-ip=${NODE_ADDRESS}`,
      '--v=2',
    ],
    `until [ -S ${CONTAINERD_SOCKET} ]; do sleep 0.1; done\n`,
  );
  await writeProgram(folder, 'proxy', [binaryPath('kube-proxy'), `--config=${folder}/proxy.json`, '--v=1']);
  await writeProgram(folder, 'scheduler', [
    binaryPath('kube-scheduler'),
    `--kubeconfig=${folder}/kubeconfigs/scheduler.json`,
    '--leader-elect=false',
    '--secure-port=0',
    '--v=1',
  ]);
}

function cniConfig(folder: string): object {
  const ipam = {
    type: 'host-local',
    dataDir: `${folder}/cni-addresses`,
    ranges: [[{ subnet: POD_RANGE }]],
    routes: [{ dst: '0.0.0.0/0' }],
  };
  const bridge = { type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: false, hairpinMode: true, ipam };
  return { cniVersion: '0.4.0', name: 'uwt', plugins: [bridge] };
}

function containerdConfig(folder: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  // restrict_oom_score_adj: lowering the score needs CAP_SYS_RESOURCE, which a root in a container may lack.
  return `version = 2
root = "${folder}/containerd"
state = "/run/containerd"
oom_score = 0
disabled_plugins = [${['aufs', 'btrfs', 'devmapper', 'zfs'].map((name) => `"io.containerd.snapshotter.v1.${name}"`).join(', ')}]
[grpc]
  address = "${CONTAINERD_SOCKET}"
[${cri}]
  sandbox_image = "${imageReference('pause')}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  disable_tcp_service = true
  stream_server_address = "127.0.0.1"
  [${cri}.containerd]
    snapshotter = "overlayfs"
    [${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [${cri}.containerd.runtimes.runc.options]
        SystemdCgroup = false
  [${cri}.cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${folder}/cni"
`;
}

function kubeletConfig(folder: string, cluster: string): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroupName(cluster)}`,
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    failSwapOn: false,
    failCgroupV1: false,
    oomScoreAdj: 0,
    enforceNodeAllocatable: [],
    localStorageCapacityIsolation: false,
    // Only memory: the kubelet does not find every machine's disk by its device name.
    evictionHard: { 'memory.available': '50Mi' },
    imageGCHighThresholdPercent: 100,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${folder}/pki/ca.crt` },
    },
    authorization: { mode: 'Webhook' },
    resolvConf: `${folder}/resolv.conf`,
    registerNode: true,
    nodeStatusUpdateFrequency: '5s',
    syncFrequency: '10s',
    podLogsDir: `${folder}/pod-logs`,
    // Reading /dev/kmsg and setting some sysctls is refused to a root without all capabilities.
    featureGates: { KubeletInUserNamespace: true },
  };
}

function proxyConfig(folder: string): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    clientConnection: { kubeconfig: `${folder}/kubeconfigs/proxy.json` },
    hostnameOverride: NODE_NAME,
    conntrack: { maxPerCore: 0 },
    clusterCIDR: POD_RANGE,
  };
}
