/**
 * Two operators, one with a clock 10 minutes ahead, and a lease that goes to and fro in the middle of changes: whoever
 * leads is stopped (SIGSTOP) or cut off for longer than a lease lasts, and comes back believing that it leads.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Transport } from '../../src/cluster/transport.ts';
import type { KubernetesObject } from '../../src/cluster/objects.ts';
import { leases } from '../../src/cluster/paths.ts';
import { Reflector } from '../../src/cluster/reflector.ts';
import { startControlPlane, type ControlPlane } from '../cluster/index.ts';
import type { SpecPart } from '../support/app.ts';
import { FakeNode } from '../support/fake-node/index.ts';
import { RolloutWatch } from '../support/fake-node/rollout-watch.ts';
import { adminTransport, HASTY, Workload } from '../support/fake-node/workload.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { installLeaseRights, installRights, operatorKubeconfig, OperatorProcess } from '../support/operator-process.ts';
import { waitFor } from '../support/wait.ts';

const INI = ['processes = 2', 'threads = 10'];
const CHANGE: SpecPart = {
  ...HASTY,
  updatePolicy: { ...HASTY.updatePolicy, verifyWindow: '45s', rolloutTimeout: '30m' },
  bounds: { threadStackSize: { min: '64Ki', allowBelowFloor: true } },
};
const DAMN = 'DAMN ! worker 1 (pid: 2) died, killed by signal 11 :( trying respawn ...';
/** Longer than a lease lasts (15 s), with its jitter. */
const AWAY_MS = 20_000;
/** A transition of the lease is seen by the watch a moment after it happened. */
const WATCH_DELAY_MS = 250;

type Lease = KubernetesObject & { readonly spec?: { readonly holderIdentity?: string } };

interface Contender {
  readonly name: string;
  readonly proxy: FaultProxy;
  readonly process: OperatorProcess;
}

let cluster: ControlPlane;
let admin: Transport;
let node: FakeNode;
let rollouts: RolloutWatch;

beforeAll(async () => {
  cluster = await startControlPlane();
  await installRights(cluster);
  node = await FakeNode.start(cluster, {
    onStart: (server) => {
      // Not at once: the lease is to move while the pods are still watched.
      if (server.namespace !== 'twin-bad' || !server.text.includes('threads-stacksize = 64')) return;
      setTimeout(() => {
        node.print(server, DAMN);
      }, 10_000);
    },
  });
  admin = await adminTransport(cluster);
  rollouts = await RolloutWatch.start(admin);
});

afterAll(async () => {
  await rollouts.stop();
  await node.stop();
  await admin.close();
  await cluster.down();
});

async function contend(name: string, leaseNamespace: string, skewMs: number): Promise<Contender> {
  const proxy = await FaultProxy.start(cluster);
  const kubeconfig = await operatorKubeconfig(cluster, proxy.url, name);
  const namespaces = ['twin-good', 'twin-bad'];
  const process = OperatorProcess.start({ kubeconfig, namespaces, leaseNamespace, pod: name, skewMs });
  return { name, proxy, process };
}

test('no double rollout, and no write by one that lost the lease', { timeout: 400_000 }, async () => {
  const [good, bad] = [
    await Workload.start(admin, { namespace: 'twin-good', ini: INI }),
    await Workload.start(admin, { namespace: 'twin-bad', ini: INI }),
  ];
  const leaseNamespace = good.namespace;
  await installLeaseRights(cluster, admin, leaseNamespace);
  const holders: { readonly at: number; readonly holder: string }[] = [];
  const watch = new Reflector<Lease>(admin, {
    resource: leases,
    namespaces: [leaseNamespace],
    onChange: (_key, _before, after) => {
      const holder = after?.spec?.holderIdentity?.replace(/_.*/, '') ?? '';
      if (holder !== holders.at(-1)?.holder) holders.push({ at: Date.now(), holder });
    },
  });
  await watch.start();
  const contenders = [await contend('a', leaseNamespace, 0), await contend('b', leaseNamespace, 600_000)];
  const leader = (): Promise<Contender> =>
    waitFor('a leader', () => Promise.resolve(contenders.find(({ name }) => name === holders.at(-1)?.holder) ?? null), {
      timeoutMs: 60_000,
    });
  try {
    await leader();
    await Promise.all([good.tune(CHANGE), bad.tune(CHANGE)]);
    await good.until('the plan', (tuning) => tuning?.status?.change !== undefined);
    for (const how of ['stopped', 'cut off', 'stopped', 'cut off'] as const) {
      const { proxy, process } = await leader();
      if (how === 'stopped') process.signal('SIGSTOP');
      else {
        proxy.rule = () => ({ kind: 'never' });
        proxy.freezeAll();
      }
      await sleep(AWAY_MS);
      if (how === 'stopped') process.signal('SIGCONT');
      else proxy.rule = () => ({ kind: 'pass' });
      await sleep(1_000);
    }
    const [goodEnd, badEnd] = await Promise.all([
      good.until(
        'the end',
        (tuning) => tuning?.status?.history !== undefined && tuning.status.change === undefined,
        120_000,
      ),
      bad.until(
        'the end',
        (tuning) => tuning?.status?.history !== undefined && tuning.status.change === undefined,
        120_000,
      ),
    ]);
    expect(holders.length).toBeGreaterThanOrEqual(4);
    expect(goodEnd?.status?.history).toHaveLength(1);
    expect(goodEnd?.status?.history?.[0]).toMatchObject({ verdict: 'Verified' });
    expect(badEnd?.status?.history).toHaveLength(1);
    expect(badEnd?.status?.history?.[0]).toMatchObject({ verdict: 'PutBack' });
    // The change alone, and the change with its put-back.
    expect((await good.deployment())?.metadata.generation).toBe(2);
    expect((await bad.deployment())?.metadata.generation).toBe(3);
    expect(rollouts.violations(['twin-good', 'twin-bad'])).toEqual([]);
    expect(contenders.flatMap((contender) => foreignWrites(contender, holders))).toEqual([]);
  } catch (error) {
    const logs = contenders.map(({ name, process }) => `${name}:\n${process.log.slice(-3000)}`);
    throw new Error(`${String(error)}\n${JSON.stringify(holders)}\n${logs.join('\n')}`, { cause: error });
  } finally {
    for (const { process, proxy } of contenders) {
      process.signal('SIGCONT');
      await process.stop();
      await proxy.stop();
    }
    await watch.stop();
  }
});

/** Writes but the lease's that came from a process while the lease named another, a line each. */
function foreignWrites(
  { name, proxy }: Contender,
  holders: readonly { readonly at: number; readonly holder: string }[],
): string[] {
  return proxy.seen
    .filter(({ method, url, upgrade }) => method !== 'GET' && !upgrade && !url.includes('/leases'))
    .filter(({ at }) => {
      const then = holders.findLast((entry) => entry.at < at - WATCH_DELAY_MS)?.holder;
      const now = holders.findLast((entry) => entry.at < at + WATCH_DELAY_MS)?.holder;
      return then !== name && now !== name;
    })
    .map(({ method, url, at }) => `${name} at ${new Date(at).toISOString()}: ${method} ${url}`);
}
