/** The stage of `npm run demo`: a cluster on this machine that ends with the demo. */
import { join } from 'node:path';
import type { Pod } from '../../src/api/objects.ts';
import {
  binaryPath,
  ensureBinaries,
  ensureImages,
  ensurePackages,
  imageReference,
  startNodeCluster,
  type NodeCluster,
} from '../../test/cluster/index.ts';
import { installOperator, operatorLog, OPERATOR_NAMESPACE } from '../../test/support/operator.ts';
import { Kubectl } from './kubectl.ts';
import type { Screen } from './screen.ts';
import { serverVersion } from './server-version.ts';
import type { Opening, Route, Stage } from './stage.ts';

const IMAGE = 'uwsgi-bookworm';
/** The name of a cluster that is kept. */
const KEPT = 'demo';

export async function startThrowaway(screen: Screen, keep: boolean): Promise<Opening> {
  const prepare = async (): Promise<void> => {
    await ensurePackages(['control-plane', 'node', 'images']);
    await Promise.all([ensureBinaries(), ensureImages(['pause', IMAGE, 'node-base'])]);
  };
  await screen.step('programs and images (built once, then cached)', prepare, false);
  const cluster = await screen.step('a cluster: etcd, API server, kubelet, containerd', () =>
    startNodeCluster({ images: [IMAGE], ...(keep ? { name: KEPT, owner: 'none' } : {}) }),
  );
  const install = (): Promise<void> =>
    screen.step('image and helm install of the operator', async () => {
      await installOperator(cluster);
    });
  return { stage: await stageOn(cluster), install };
}

async function stageOn(cluster: NodeCluster): Promise<Stage> {
  const kubectl = new Kubectl({
    program: binaryPath('kubectl'),
    prefix: ['--kubeconfig', cluster.kubeconfig],
    env: { KUBECACHEDIR: join(cluster.dir, 'discovery-cache') },
  });
  const version = await serverVersion(kubectl);
  return {
    kind: 'throwaway',
    description: [
      `A throwaway cluster on this machine: Kubernetes ${version} with one node, whose pods are real processes with real memory limits.`,
      `The operator runs in it from this project's own image, installed by helm into namespace ${OPERATOR_NAMESPACE}.`,
    ],
    kubectl,
    image: { reference: imageReference(IMAGE), pullPolicy: 'Never' },
    routeTo: (pod) => Promise.resolve(routeTo(cluster, pod)),
    check: () => undefined,
    operatorLog: async (lines) => (await operatorLog(cluster, lines)).trimEnd().split('\n'),
    end: () => cluster.down(),
  };
}

/** From inside the cluster's network, where a pod's address can be reached. */
function routeTo(cluster: NodeCluster, pod: Pod & { readonly status?: { readonly podIP?: string } }): Route {
  return {
    url: `http://${pod.status?.podIP ?? ''}:8080`,
    node: (args) => cluster.spawnInside([process.execPath, ...args]),
    close: () => undefined,
  };
}

/** How to use and end a cluster that was kept. */
export const KEPT_HELP = [
  `npm run cluster -- --name ${KEPT} kubectl get uwt --all-namespaces`,
  `npm run cluster -- --name ${KEPT} down`,
];
