/**
 * The wire between the operator and the API server breaks in the middle of a change. When it is whole again, the operator
 * must come to the right end by itself, within a minute.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Transport } from '../../src/cluster/transport.ts';
import { startControlPlane, type ControlPlane } from '../cluster/index.ts';
import type { SpecPart } from '../support/app.ts';
import { FakeNode } from '../support/fake-node/index.ts';
import { RolloutWatch } from '../support/fake-node/rollout-watch.ts';
import { adminTransport, HASTY, Workload } from '../support/fake-node/workload.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { isSettled } from '../support/final-state.ts';
import { installLeaseRights, installRights, operatorKubeconfig, OperatorProcess } from '../support/operator-process.ts';
import { WIRE_FAULTS, type WireFault } from '../support/wire-faults.ts';

const INI = ['processes = 2', 'threads = 10'];
const CHANGE: SpecPart = { ...HASTY, bounds: { threadStackSize: { min: '64Ki', allowBelowFloor: true } } };
const FAULT_MS = 8_000;
/** How soon after the fault everything must be as if there had been none. */
const RECONVERGE_MS = 60_000;
const TIMEOUT_MS = 240_000;
const DAMN = 'DAMN ! worker 1 (pid: 2) died, killed by signal 11 :( trying respawn ...';

let cluster: ControlPlane;
let admin: Transport;
let node: FakeNode;
let rollouts: RolloutWatch;

beforeAll(async () => {
  cluster = await startControlPlane();
  await installRights(cluster);
  node = await FakeNode.start(cluster, {
    startMs: 500,
    onStart: (server) => {
      if (server.namespace.endsWith('-bad') && server.text.includes('threads-stacksize = 64')) node.print(server, DAMN);
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

interface Stage {
  readonly proxy: FaultProxy;
  readonly operator: OperatorProcess;
  /** Changes to a smaller stack that does no harm. */
  readonly good: Workload;
  /** Changes to a smaller stack that kills a worker, so it is put back. */
  readonly bad: Workload;
  /** Is made while the fault lasts. */
  readonly late: Workload;
}

/** Three workloads and an operator behind a proxy; ends everything afterwards. */
async function onStage(name: string, play: (stage: Stage) => Promise<void>): Promise<void> {
  const names = ['good', 'bad', 'late'].map((kind) => `${name}-${kind}`);
  const [good, bad, late] = await Promise.all(names.map((namespace) => Workload.start(admin, { namespace, ini: INI })));
  if (good === undefined || bad === undefined || late === undefined) throw new Error('no workloads');
  const leaseNamespace = good.namespace;
  await installLeaseRights(cluster, admin, leaseNamespace);
  const proxy = await FaultProxy.start(cluster);
  const kubeconfig = await operatorKubeconfig(cluster, proxy.url, name);
  const operator = OperatorProcess.start({ kubeconfig, namespaces: names, leaseNamespace });
  try {
    await play({ proxy, operator, good, bad, late });
    expect(operator.running).toBe(true);
    expect(rollouts.violations(names)).toEqual([]);
    expect(node.overrun(names)).toEqual([]);
  } catch (error) {
    throw new Error(`${String(error)}\n${operator.log.slice(-4000)}`, { cause: error });
  } finally {
    await operator.stop();
    await proxy.stop();
    await Promise.all([good, bad, late].map((workload) => workload.delete('namespace')));
  }
}

/** Everything as it would be without any fault, within the time that is allowed. */
async function reconverged({ good, bad, late }: Stage): Promise<void> {
  const until = performance.now() + RECONVERGE_MS;
  const left = (): number => Math.max(1, until - performance.now());
  const [goodEnd, badEnd] = await Promise.all([
    good.until('the change', isSettled('Verified', 'UpToDate'), left()),
    bad.until('the put-back', isSettled('PutBack', 'TooSoon'), left()),
    late.until('the first recommendation', (tuning) => tuning?.status?.recommendation !== undefined, left()),
  ]);
  expect(goodEnd?.status?.history).toHaveLength(1);
  expect(badEnd?.status?.history).toHaveLength(1);
  expect(await good.text()).toContain('threads-stacksize = 64');
  expect(await bad.text()).not.toContain('threads-stacksize');
  expect(await bad.annotation()).toBeNull();
  await Promise.all([good.rolledOut(), bad.rolledOut()]);
}

/** Begins both changes, and the faults as soon as one is under way. */
async function change({ good, bad }: Stage): Promise<void> {
  await Promise.all([good.tune(CHANGE), bad.tune(CHANGE)]);
  await good.until('the plan', (tuning) => tuning?.status?.change !== undefined);
}

describe.concurrent('one fault in the middle of a change', { timeout: TIMEOUT_MS }, () => {
  test.for(Object.entries(WIRE_FAULTS))('%s', async ([name, begin]) => {
    await onStage(name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'), async (stage) => {
      await change(stage);
      const end = begin(stage.proxy);
      await stage.late.tune({ ...HASTY, updatePolicy: { mode: 'Recommend' } });
      await sleep(FAULT_MS);
      end();
      await reconverged(stage);
    });
  });
});

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const MIX_MS = Number(process.env['MIX_SECONDS'] ?? 30) * 1000;

test(`faults one after the other at random, seed ${SEED}`, { timeout: TIMEOUT_MS + MIX_MS }, async () => {
  console.log(`random faults for ${MIX_MS / 1000} s: SEED=${SEED}`);
  const random = seeded(SEED);
  const faults = Object.entries(WIRE_FAULTS);
  const log: string[] = [];
  await onStage('mix', async (stage) => {
    await change(stage);
    const until = performance.now() + MIX_MS;
    await stage.late.tune({ ...HASTY, updatePolicy: { mode: 'Recommend' } });
    while (performance.now() < until) {
      const [name, begin] = faults[Math.floor(random() * faults.length)] as [string, WireFault];
      const ms = 300 + Math.floor(random() * 3_000);
      log.push(`${name} for ${ms} ms`);
      const end = begin(stage.proxy);
      await sleep(ms);
      end();
      await sleep(Math.floor(random() * 1_000));
    }
    await reconverged(stage).catch((error: unknown) => {
      throw new Error(`seed ${SEED}, ${log.join(', ')}: ${String(error)}`, { cause: error });
    });
  });
});

/** Requests a minute that the operator may send while no API server answers: the lease every 2 s, retries with back-off. */
const OUTAGE_REQUESTS_PER_MINUTE = 240;

/** The controllers and the made-up node back off as well: pods start again, so what follows is up to the operator. */
async function restOfClusterIsBack(): Promise<void> {
  const begun = performance.now();
  const probe = await Workload.start(admin, { namespace: 'away-probe', ini: INI }, TIMEOUT_MS);
  console.log(`the rest of the cluster was back after ${Math.round((performance.now() - begun) / 1000)} s`);
  await probe.delete('namespace');
}

test('the API server is away for a minute and comes back with the same data', { timeout: 2 * TIMEOUT_MS }, async () => {
  await onStage('away', async (stage) => {
    await change(stage);
    await cluster.stopApiServer();
    stage.proxy.breakAll();
    const before = stage.proxy.seen.length;
    await sleep(60_000);
    const requests = stage.proxy.seen.length - before;
    await cluster.startApiServer();
    await restOfClusterIsBack();
    await stage.late.tune({ ...HASTY, updatePolicy: { mode: 'Recommend' } });
    console.log(`requests in the minute without an API server: ${requests}, allowed ${OUTAGE_REQUESTS_PER_MINUTE}`);
    expect(requests).toBeLessThanOrEqual(OUTAGE_REQUESTS_PER_MINUTE);
    await reconverged(stage);
  });
});

/** Mulberry32: a small generator whose whole state is the seed. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
