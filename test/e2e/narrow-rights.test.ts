/** Installs with fewer rights: they do their work, and never ask for a right that the chart did not give them. */
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { attach, type NodeCluster } from '../cluster/index.ts';
import { App, conditionOf, EAGER, iniText, type SpecPart } from '../support/app.ts';
import { operatorRequests, writesOf } from '../support/audit.ts';
import { upgradeOperator } from '../support/operator.ts';
import { compareRights, rightsOfChart, usesIn } from '../support/rights.ts';
import { waitFor } from '../support/wait.ts';

const INI = ['processes = 2', 'threads = 8'];
const NAMESPACE = 'narrow';
let cluster: NodeCluster;
let app: App;
let isDefault = true;

beforeAll(async () => {
  cluster = await attach(inject('cluster'));
  app = await App.start(cluster, { namespace: NAMESPACE, ini: INI, replicas: 1, memory: '256Mi' });
});

afterAll(async () => {
  if (!isDefault) await restore();
  await app.end();
});

async function restore(): Promise<void> {
  await upgradeOperator(cluster, ['readOnly=false', 'watch.namespaces=null', 'admissionPolicy.enabled=false']);
  isDefault = true;
}

/** The operator's requests under these values: none was refused, none was made without a right of the chart. */
async function requestsWithin(since: number, ...values: string[]): Promise<readonly string[]> {
  const requests = await operatorRequests(cluster.auditLog, since);
  const uses = usesIn(requests);
  expect(uses.map(({ action }) => action)).toContain('get pods/exec');
  expect(compareRights(await rightsOfChart(...values), uses).missing).toEqual([]);
  return writesOf(requests);
}

test('under Roles in watch.namespaces and the admission policies a change is made and put back', async () => {
  isDefault = false;
  const since = await upgradeOperator(cluster, [`watch.namespaces={${NAMESPACE}}`, 'admissionPolicy.enabled=true']);
  await app.tune({ ...EAGER, updatePolicy: { ...EAGER.updatePolicy, verifyWindow: '3m' } });
  await app.until('the rollout', ({ status }) => status?.change?.rolledOutAt !== undefined);
  expect(await app.text()).not.toBe(iniText(INI));
  await app.traffic({ connections: 1, requests: 1, paths: '/health?log=MemoryError' });
  const { status } = await app.until('the verdict', (object) => object.status?.history !== undefined);
  expect(status?.history?.[0]).toMatchObject({ verdict: 'PutBack', reason: 'RequestsFailed' });
  expect(await app.text()).toBe(iniText(INI));
  const writes = await requestsWithin(since, `watch.namespaces={${NAMESPACE}}`);
  expect(writes).toContain(`patch configmaps ${NAMESPACE}/web-uwsgi`);
  expect(writes).toContain(`patch deployments ${NAMESPACE}/web`);
});

const sized = (stack: string): SpecPart => ({
  ...EAGER,
  bounds: { threadStackSize: { min: stack, max: stack }, controlled: ['ThreadStackSize'] },
});

async function recommends(stack: string): Promise<void> {
  await app.tune(sized(stack));
  const summary = `2x8 ${stack}`;
  await app.until(summary, ({ status }) => status?.recommendation?.summary === summary);
}

test('with readOnly the pods are measured and nothing is written but status and events', async () => {
  isDefault = false;
  const since = await upgradeOperator(cluster, ['watch.namespaces=null', 'readOnly=true']);
  await recommends('2Mi');
  await recommends('4Mi');
  await app.until('the hold', (object) => conditionOf(object, 'Applied') === 'False/ReadOnly');
  const writes = await requestsWithin(since, 'readOnly=true');
  expect(writes).toContain(`update uwsgitunings/status ${NAMESPACE}/web`);
  expect(writes.filter((line) => /configmaps|deployments/.test(line))).toEqual([]);
  expect(await app.text()).toBe(iniText(INI));
});

test('an event that was there before a restart is counted, and not made anew', async () => {
  await restore();
  await recommends('2Mi');
  await waitFor(
    'the count of the event',
    async () => {
      const path = 'jsonpath={range .items[?(@.reason=="Recommended")]}{.note} {.series.count}{"\\n"}{end}';
      const notes = (await app.kubectl('get', 'events.events.k8s.io', '--output', path)).trim().split('\n');
      return notes.includes('recommends 2x8 2Mi; 2x8 8Mi runs 2') ? notes : null;
    },
    { timeoutMs: 30_000, describe: () => app.kubectl('get', 'events.events.k8s.io', '--output', 'yaml') },
  );
});
