/**
 * The operator is killed at every write of a change and of a put-back: right before the API server gets it, and right
 * after it did it and before the operator knows. Each time the next start must end where the undisturbed run ended.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startControlPlane, type ControlPlane } from '../cluster/index.ts';
import type { Transport } from '../../src/cluster/transport.ts';
import type { SpecPart } from '../support/app.ts';
import { writesByNamespace } from '../support/audit.ts';
import { FakeNode } from '../support/fake-node/index.ts';
import { adminTransport, HASTY, Workload } from '../support/fake-node/workload.ts';
import { differences, finalState, isSettled } from '../support/final-state.ts';
import { FaultProxy, type Fault, type SeenRequest } from '../support/fault-proxy.ts';
import { installLeaseRights, installRights, operatorKubeconfig, OperatorProcess } from '../support/operator-process.ts';

const INI = ['processes = 2', 'threads = 10'];
const TOO_SMALL: SpecPart = { ...HASTY, bounds: { threadStackSize: { min: '64Ki', allowBelowFloor: true } } };
/** The verdict, and what Applied says once the next look found nothing more to do. */
const ENDS: Readonly<Record<'change' | 'put-back', readonly [string, string]>> = {
  change: ['Verified', 'UpToDate'],
  'put-back': ['PutBack', 'TooSoon'],
};
type Scenario = keyof typeof ENDS;
/** How many run at once: two cores keep up with so many. */
const SIDE_BY_SIDE = 5;
const PATIENCE_MS = 180_000;

interface Point {
  /** Method and URL without what differs from run to run. */
  readonly write: string;
  /** The how-manieth of its kind, from 1. */
  readonly nth: number;
  readonly when: 'before' | 'after';
}

let cluster: ControlPlane;
let admin: Transport;
let node: FakeNode;
let serial = 0;

beforeAll(async () => {
  cluster = await startControlPlane();
  await installRights(cluster);
  node = await FakeNode.start(cluster, {
    startMs: 100,
    onStart: (server) => {
      const dies = server.namespace.startsWith('put-back') && server.text.includes('threads-stacksize = 64');
      if (dies) node.print(server, 'DAMN ! worker 1 (pid: 2) died, killed by signal 11 :( trying respawn ...');
    },
  });
  admin = await adminTransport(cluster);
});

afterAll(async () => {
  await node.stop();
  await admin.close();
  await cluster.down();
});

/** One run from the tuning's creation to its end, killed at `point`; what it left, or null when the point never came. */
async function play(scenario: Scenario, point: Point | null): Promise<{ namespace: string; state: object | null }> {
  const namespace = `${scenario}-${++serial}`;
  const workload = await Workload.start(admin, { namespace, ini: INI });
  await installLeaseRights(cluster, admin, namespace);
  const proxy = await FaultProxy.start(cluster);
  const server = await operatorKubeconfig(cluster, proxy.url, namespace);
  const options = { kubeconfig: server, namespaces: [namespace], pod: namespace, leaseNamespace: namespace };
  let operator = OperatorProcess.start(options);
  const killed = { is: false };
  const kill = (): void => {
    operator.kill();
    killed.is = true;
  };
  if (point !== null) proxy.rule = killAt(point, namespace, kill);
  try {
    await workload.tune(TOO_SMALL);
    if (point !== null) {
      await Promise.race([operator.ended(), workload.until('the end', isSettled(...ENDS[scenario]), PATIENCE_MS)]);
      if (!killed.is) return { namespace, state: null };
      await operator.ended();
      proxy.rule = () => ({ kind: 'pass' });
      operator = OperatorProcess.start(options);
    }
    await workload.until('the end', isSettled(...ENDS[scenario]), PATIENCE_MS);
    await workload.rolledOut();
    return { namespace, state: await finalState(workload) };
  } catch (error) {
    throw new Error(`${describe(point)}: ${String(error)}\n${operator.log.slice(-2000)}`, { cause: error });
  } finally {
    await operator.stop();
    await proxy.stop();
    await workload.delete('namespace');
  }
}

/** How many statuses tell the progress of a rollout is a matter of time: a point may not come in one run. */
async function playUntilReached(scenario: Scenario, point: Point): Promise<object | null> {
  for (let attempt = 1; attempt <= 3; attempt++) {
    const { state } = await play(scenario, point);
    if (state !== null) return state;
  }
  return null;
}

function killAt(point: Point, namespace: string, kill: () => void): (request: SeenRequest) => Fault {
  let count = 0;
  return (request) => {
    if (kindOf(request.method, request.url, namespace) !== point.write || ++count !== point.nth)
      return { kind: 'pass' };
    if (point.when === 'after') return { kind: 'lost', afterwards: kill };
    kill();
    return { kind: 'never' };
  };
}

/** "PUT …/status": the namespace and the made-up names of events are taken out. */
function kindOf(method: string, url: string, namespace: string): string {
  const path = url
    .replace(/\?.*/, '')
    .replaceAll(namespace, 'NS')
    .replace(/\/events\/.*/, '/events/NAME');
  return `${method} ${path}`;
}

/** The points of a run, from the API server's own log of it. */
async function pointsOf(namespace: string): Promise<Point[]> {
  const text = await readFile(cluster.auditLog, 'utf8');
  const counts = new Map<string, number>();
  const points: Point[] = [];
  for (const { method, url } of writesByNamespace(text, namespace)) {
    const write = kindOf(method, url, namespace);
    const nth = (counts.get(write) ?? 0) + 1;
    // Renewals of the lease are all alike, and how many there are is a matter of time.
    if (url.includes('/leases') && nth > 1) continue;
    counts.set(write, nth);
    points.push({ write, nth, when: 'before' }, { write, nth, when: 'after' });
  }
  return points;
}

function describe(point: Point | null): string {
  return point === null ? 'undisturbed' : `killed ${point.when} ${point.write} number ${point.nth}`;
}

const TIME_MS = 900_000;

test.for(['change', 'put-back'] as const)(
  'killed at every write of a %s, the end is the same',
  { timeout: TIME_MS },
  async (scenario) => {
    const clean = await play(scenario, null);
    const points = await pointsOf(clean.namespace);
    const waiting = [...points];
    const differing: string[] = [];
    const missed: string[] = [];
    const worker = async (): Promise<void> => {
      for (let point = waiting.shift(); point !== undefined; point = waiting.shift()) {
        const state = await playUntilReached(scenario, point);
        if (state === null) missed.push(describe(point));
        else if (JSON.stringify(state) !== JSON.stringify(clean.state)) {
          differing.push(`${describe(point)}: ${differences(clean.state, state).join('; ')}`);
        }
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
    const ran = points.length - missed.length;
    console.log(`${scenario}: ${points.length / 2} writes, ${ran} points ran, ${ran - differing.length} agreed`);
    for (const point of missed) console.log(`not reached: ${point}`);
    expect(differing).toEqual([]);
    expect(missed).toEqual([]);
    expect(points.length).toBeGreaterThan(20);
  },
);
