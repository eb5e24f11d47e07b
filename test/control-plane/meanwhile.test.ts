/**
 * What others do in the middle of a change, at four moments of it, against a real API server and real controllers. The
 * outcomes are those of the table in docs/change-protocol.md; its rows that no API server has a say in are played against
 * a model in test/core/decide.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Transport } from '../../src/cluster/transport.ts';
import { startControlPlane, type ControlPlane } from '../cluster/index.ts';
import type { SpecPart } from '../support/app.ts';
import { FakeNode } from '../support/fake-node/index.ts';
import { adminTransport, HASTY, iniText, Workload } from '../support/fake-node/workload.ts';
import { FaultProxy, type Fault, type SeenRequest } from '../support/fault-proxy.ts';
import { installRights, operatorKubeconfig, OperatorProcess } from '../support/operator-process.ts';
import { waitFor } from '../support/wait.ts';

const LINES = ['processes = 2', 'threads = 10'];
const OLD = iniText(LINES);
const NEW = iniText([...LINES, 'threads-stacksize = 64']);
const DAMN = 'DAMN ! worker 1 (pid: 2) died, killed by signal 11 :( trying respawn ...';
const TIMEOUT_MS = 180_000;
const CHANGE: SpecPart = {
  ...HASTY,
  updatePolicy: { ...HASTY.updatePolicy, verifyWindow: '10s' },
  bounds: { threadStackSize: { min: '64Ki', allowBelowFloor: true } },
};

/** Before the text is written; written and not annotated; rolled out and watched; the put-back's text not yet written. */
const MOMENTS = ['before', 'written', 'annotated', 'putting back'] as const;
type Moment = (typeof MOMENTS)[number];

/** What is left in the end. A verdict is "VERDICT REASON"; null: there is no tuning any more that could tell. */
interface Outcome {
  readonly verdict: string | RegExp | null;
  readonly text: string | null;
  /** Whether the template carries a hash. */
  readonly annotated: boolean;
}

interface Row {
  readonly somebody: string;
  readonly part?: SpecPart;
  readonly does: (workload: Workload) => Promise<unknown>;
  readonly ends: Readonly<Record<Moment, Outcome>>;
  /** More that must hold in the end. */
  readonly also?: (workload: Workload) => Promise<void>;
}

const VERIFIED: Outcome = { verdict: 'Verified Verified', text: NEW, annotated: true };
const PUT_BACK: Outcome = { verdict: 'PutBack WorkerKilledBySignal', text: OLD, annotated: false };
const GOES_ON = { before: VERIFIED, written: VERIFIED, annotated: VERIFIED, 'putting back': PUT_BACK };
const GONE: Outcome = { verdict: null, text: OLD, annotated: false };
const WITH_LINE = (text: string): string => `${text}buffer-size = 8192\n`;
const THEIRS = iniText(['processes = 2', 'threads = 10', 'threads-stacksize = 1024']);

const ROWS: readonly Row[] = [
  {
    somebody: 'deletes the tuning',
    does: (workload) => workload.delete('tuning'),
    ends: { before: GONE, written: GONE, annotated: GONE, 'putting back': GONE },
  },
  {
    somebody: 'deletes the Deployment',
    does: (workload) => workload.delete('deployment'),
    ends: {
      before: { verdict: 'PutBack TargetGone', text: OLD, annotated: false },
      written: { verdict: 'PutBack TargetGone', text: OLD, annotated: false },
      annotated: { verdict: 'PutBack TargetGone', text: OLD, annotated: false },
      'putting back': PUT_BACK,
    },
  },
  {
    somebody: 'deletes the ConfigMap',
    does: (workload) => workload.delete('configmap'),
    ends: {
      before: { verdict: 'Superseded ConfigMapGone', text: null, annotated: false },
      written: { verdict: 'Superseded ConfigMapGone', text: null, annotated: false },
      annotated: { verdict: 'Superseded ConfigMapGone', text: null, annotated: true },
      'putting back': { verdict: 'Superseded ConfigMapGone', text: null, annotated: true },
    },
  },
  {
    somebody: 'edits the spec',
    does: (workload) => workload.patch('tuning', { spec: { bounds: { threadStackSize: { min: '256Ki' } } } }),
    ends: GOES_ON,
    also: async (workload) => {
      expect((await workload.tuning())?.status?.history?.[0]?.to).toBe('2x10 64Ki');
    },
  },
  {
    somebody: 'edits the pod template',
    does: (workload) =>
      workload.patch('deployment', { spec: { template: { metadata: { annotations: { team: 'shop' } } } } }),
    ends: GOES_ON,
    also: async (workload) => {
      const template = (await workload.deployment())?.spec.template;
      expect(template?.metadata?.annotations?.['team']).toBe('shop');
    },
  },
  {
    somebody: 'edits other lines of the config',
    does: async (workload) => {
      const text = WITH_LINE((await workload.text()) ?? '');
      await workload.patch('configmap', { data: { 'uwsgi.ini': text } });
    },
    ends: {
      before: { verdict: 'Superseded TextEdited', text: WITH_LINE(OLD), annotated: false },
      written: { ...VERIFIED, text: WITH_LINE(NEW) },
      annotated: { ...VERIFIED, text: WITH_LINE(NEW) },
      'putting back': { ...PUT_BACK, text: WITH_LINE(OLD) },
    },
  },
  {
    somebody: 'edits our values of the config',
    does: (workload) => workload.patch('configmap', { data: { 'uwsgi.ini': THEIRS } }),
    ends: {
      before: { verdict: 'Superseded TextEdited', text: THEIRS, annotated: false },
      written: { verdict: 'Superseded TextEdited', text: THEIRS, annotated: false },
      annotated: { verdict: 'Superseded TextEdited', text: THEIRS, annotated: true },
      'putting back': { ...PUT_BACK, text: THEIRS },
    },
  },
  {
    somebody: 'scales up',
    does: (workload) => workload.patch('deployment', { spec: { replicas: 3 } }),
    ends: GOES_ON,
  },
  {
    somebody: 'scales to 0',
    part: { ...CHANGE, updatePolicy: { ...CHANGE.updatePolicy, rolloutTimeout: '30s' } },
    does: (workload) => workload.patch('deployment', { spec: { replicas: 0 } }),
    ends: {
      before: { verdict: 'Dropped TargetScaledToZero', text: OLD, annotated: false },
      written: { verdict: /^PutBack (NoEvidence|RolloutTimedOut)$/, text: OLD, annotated: false },
      annotated: { verdict: /^PutBack (NoEvidence|RolloutTimedOut)$/, text: OLD, annotated: false },
      'putting back': PUT_BACK,
    },
  },
];

let cluster: ControlPlane;
let admin: Transport;
let node: FakeNode;
let proxy: FaultProxy;
let operator: OperatorProcess;
/** What holds a request of a namespace, by namespace. */
const holds = new Map<string, (request: SeenRequest) => Promise<Fault> | null>();

beforeAll(async () => {
  cluster = await startControlPlane();
  await installRights(cluster);
  node = await FakeNode.start(cluster, {
    onStart: (server) => {
      if (server.namespace.endsWith('-putting-back') && server.text === NEW) node.print(server, DAMN);
    },
  });
  admin = await adminTransport(cluster);
  proxy = await FaultProxy.start(cluster);
  proxy.rule = (request) => {
    const namespace = /\/namespaces\/([^/]+)\//.exec(request.url)?.[1] ?? '';
    return holds.get(namespace)?.(request) ?? { kind: 'pass' };
  };
  operator = OperatorProcess.start({ kubeconfig: await operatorKubeconfig(cluster, proxy.url, 'meanwhile') });
});

afterAll(async () => {
  await operator.stop();
  await proxy.stop();
  await node.stop();
  await admin.close();
  await cluster.down();
});

/** Starts the change and holds it at the moment; what is held breaks, with nothing done, when the answer is called. */
async function reach(moment: Moment, workload: Workload, part: SpecPart): Promise<() => void> {
  if (moment === 'annotated') {
    await workload.tune(part);
    await workload.until('the rollout', (tuning) => tuning?.status?.change?.rolledOutAt !== undefined);
    return () => undefined;
  }
  const wanted = moment === 'written' ? '/deployments/web?' : '/configmaps/web-uwsgi?';
  let seen = 0;
  const held = Promise.withResolvers<undefined>();
  const released = Promise.withResolvers<Fault>();
  holds.set(workload.namespace, ({ method, url }) => {
    if (method !== 'PATCH' || !url.includes(wanted) || ++seen < (moment === 'putting back' ? 2 : 1)) return null;
    held.resolve(undefined);
    return released.promise;
  });
  await workload.tune(part);
  await held.promise;
  return () => {
    holds.delete(workload.namespace);
    released.resolve({ kind: 'reset' });
  };
}

const CELLS = ROWS.flatMap((row) => MOMENTS.map((moment) => ({ ...row, moment })));

describe.concurrent('somebody', { timeout: TIMEOUT_MS }, () => {
  test.for(CELLS)('$somebody, $moment', async ({ somebody, part = CHANGE, does, ends, also, moment }) => {
    const namespace = `${somebody} ${moment}`.replaceAll(' ', '-').toLowerCase();
    const workload = await Workload.start(admin, { namespace, ini: LINES });
    const release = await reach(moment, workload, part);
    await does(workload);
    release();
    const { verdict, text, annotated } = ends[moment];
    const end = await workload.until(
      'the end',
      (tuning) =>
        verdict === null
          ? tuning === null
          : tuning?.status?.history !== undefined &&
            tuning.status.change === undefined &&
            (tuning.metadata.finalizers ?? []).length === 0,
      TIMEOUT_MS,
    );
    const entry = end?.status?.history?.[0];
    if (verdict !== null) expect(`${entry?.verdict ?? ''} ${entry?.reason ?? ''}`).toMatch(verdict);
    expect(await workload.text()).toBe(text);
    expect((await workload.annotation()) !== null).toBe(annotated);
    expect(await workload.configMap('web-uwsgi-saved')).not.toBeNull();
    await also?.(workload);
    await workload.delete('namespace');
  });

  test.for(MOMENTS)('deletes the namespace, %s', async (moment) => {
    const namespace = `deletes-all-${moment}`.replaceAll(' ', '-');
    const workload = await Workload.start(admin, { namespace, ini: LINES });
    const release = await reach(moment, workload, CHANGE);
    await workload.delete('namespace');
    release();
    await waitFor('the end of the namespace', async () => ((await workload.exists()) ? null : true), {
      timeoutMs: TIMEOUT_MS,
    });
  });
});
