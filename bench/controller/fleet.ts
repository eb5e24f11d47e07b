/** Many workloads on made-up nodes of one control plane, and the watch that tells when each tuning is recommended for. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deployment } from '../../src/api/objects.ts';
import { GROUP, PLURAL, VERSION, type UwsgiTuning } from '../../src/api/uwsgi-tuning.ts';
import { list } from '../../src/cluster/listing.ts';
import { deployments } from '../../src/cluster/paths.ts';
import { Reflector } from '../../src/cluster/reflector.ts';
import type { Transport } from '../../src/cluster/transport.ts';
import type { ControlPlane } from '../../test/cluster/index.ts';
import { FakeNode, nodeName } from '../../test/support/fake-node/index.ts';
import { adminTransport, isRolledOut, Workload } from '../../test/support/fake-node/workload.ts';
import { waitFor } from '../../test/support/wait.ts';

/** Tunings of one namespace, and the pods of its node are twice as many: as many as a node usually takes. */
const PER_NAMESPACE = 25;
const AT_ONCE = 16;
/** What the made-up servers run. */
export const SHAPE = ['processes = 4', 'threads = 20'];

export interface Fleet {
  readonly cluster: ControlPlane;
  readonly admin: Transport;
  readonly node: FakeNode;
  readonly workloads: readonly Workload[];
  /** When a tuning, by "namespace/name", first had a recommendation of its spec's generation N; milliseconds since the epoch. */
  readonly recommendedAt: (key: string, generation: number) => number | undefined;
  readonly stop: () => Promise<void>;
}

/** Makes `size` workloads of two pods each and waits until all pods are Ready. Tunings are not made yet. */
export async function startFleet(cluster: ControlPlane, size: number, say: (text: string) => void): Promise<Fleet> {
  const spaces = Math.ceil(size / PER_NAMESPACE);
  const node = await FakeNode.start(cluster, { nodes: Math.max(1, spaces) });
  const admin = await adminTransport(cluster);
  for (let space = 0; space < spaces; space += 1) await Workload.namespace(admin, `bench-${space}`);
  const places = Array.from({ length: size }, (_, index) => {
    const space = index % spaces;
    return { namespace: `bench-${space}`, node: nodeName(space), name: `web-${index}`, ini: SHAPE };
  });
  const workloads: Workload[] = [];
  const next = places.values();
  const place = async (): Promise<void> => {
    for (const options of next) workloads.push(await Workload.place(admin, options));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, place));
  await waitFor(
    `${size * 2} running pods`,
    () => {
      say(`${node.servers.size} of ${size * 2} pods run`);
      return Promise.resolve(node.servers.size === size * 2 ? true : null);
    },
    { timeoutMs: 300_000, everyMs: 5_000 },
  );
  await waitFor(
    'all rollouts',
    async () => {
      const all = await list<Deployment>(admin, deployments, {});
      return all.length === size && all.every(isRolledOut) ? true : null;
    },
    { timeoutMs: 60_000, everyMs: 1_000 },
  );
  const watched = await watchRecommendations(admin);
  const stop = async (): Promise<void> => {
    await watched.stop();
    await node.stop();
    await admin.close();
    await cluster.down();
  };
  return { cluster, admin, node, workloads, recommendedAt: watched.recommendedAt, stop };
}

/** Creates the tunings at a steady rate. Gives when each create was sent, by "namespace/name". */
export async function createTunings(
  workloads: readonly Workload[],
  perSecond: number,
): Promise<ReadonlyMap<string, number>> {
  const sent = new Map<string, number>();
  const answers: Promise<void>[] = [];
  const begun = performance.now();
  for (const [index, workload] of workloads.entries()) {
    const wait = begun + (index * 1000) / perSecond - performance.now();
    if (wait > 0) await sleep(wait);
    sent.set(`${workload.namespace}/${workload.name}`, Date.now());
    answers.push(workload.tune({}));
  }
  await Promise.all(answers);
  return sent;
}

async function watchRecommendations(
  admin: Transport,
): Promise<Pick<Fleet, 'recommendedAt'> & { readonly stop: () => Promise<void> }> {
  const seen = new Map<string, number>();
  const reflector = new Reflector<UwsgiTuning>(admin, {
    resource: { apiVersion: `${GROUP}/${VERSION}`, plural: PLURAL },
    transform: ({ metadata, status }) => {
      const { namespace = '', name } = metadata;
      const condition = status?.conditions?.find(({ type }) => type === 'RecommendationProvided');
      const at = `${namespace}/${name} ${status?.observedGeneration ?? 0}`;
      if (condition?.status === 'True' && !seen.has(at)) seen.set(at, Date.now());
      return { apiVersion: '', kind: '', metadata } as UwsgiTuning;
    },
  });
  await reflector.start();
  return {
    recommendedAt: (key, generation) => seen.get(`${key} ${generation}`),
    stop: () => reflector.stop(),
  };
}
