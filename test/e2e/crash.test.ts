/** The operator's process is killed right after it wrote the text, forward and back: the end is the same. */
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { CONFIG_HASH_ANNOTATION } from '../../src/api/uwsgi-tuning.ts';
import { attach, type NodeCluster } from '../cluster/index.ts';
import { App, conditionOf, EAGER, iniText } from '../support/app.ts';
import { killOperator } from '../support/operator.ts';
import { HoldingWebhook } from '../support/webhook.ts';

const INI = ['processes = 2', 'threads = 10'];
const NAMESPACE = 'crash';
let cluster: NodeCluster;
let app: App;
let webhook: HoldingWebhook;

beforeAll(async () => {
  cluster = await attach(inject('cluster'));
  app = await App.start(cluster, { namespace: NAMESPACE, ini: INI, replicas: 2, memory: '512Mi' });
  webhook = await HoldingWebhook.start(cluster, NAMESPACE);
});

afterAll(async () => {
  await webhook.stop(cluster, NAMESPACE);
  await app.end();
});

async function annotation(): Promise<string | null> {
  const deployment = await app.deployment();
  return deployment.spec.template.metadata?.annotations?.[CONFIG_HASH_ANNOTATION] ?? null;
}

test('killed right after the text write: the change is finished by the next start', async () => {
  const held = webhook.hold(({ resource }) => resource.resource === 'deployments');
  await app.tune({
    ...EAGER,
    updatePolicy: { ...EAGER.updatePolicy, verifyWindow: '5s', minInterval: '1s' },
    bounds: { threadStackSize: { min: '64Ki', allowBelowFloor: true } },
  });
  await held;
  const written = await app.text();
  expect(written).not.toBe(iniText(INI));
  expect(await annotation()).toBeNull();
  await killOperator(cluster);
  webhook.release();
  const tuning = await app.until('the verdict', ({ status }) => status?.history !== undefined);
  expect(tuning.status?.history?.[0]?.verdict).toBe('Verified');
  expect(await app.text()).toBe(written);
  expect(await annotation()).not.toBeNull();
  await app.until('the end', (object) => conditionOf(object, 'Applied') === 'True/UpToDate');
  expect((await app.tuning()).metadata.finalizers ?? []).toEqual([]);
});

test('killed right after the text of a put-back: the put-back is finished by the next start', async () => {
  const before = await app.text();
  const hash = await annotation();
  await app.tune({
    ...EAGER,
    updatePolicy: { ...EAGER.updatePolicy, verifyWindow: '3m', minInterval: '1s' },
    bounds: { threads: { min: 12, max: 12 }, threadStackSize: { min: '64Ki', allowBelowFloor: true } },
  });
  await app.until('the rollout', ({ status }) => status?.change?.rolledOutAt !== undefined);
  const held = webhook.hold(({ resource }) => resource.resource === 'deployments');
  await app.traffic({ connections: 10, requests: 20, paths: '/recurse?depth=950' });
  await held;
  expect(await app.text()).toBe(before);
  await killOperator(cluster);
  webhook.release();
  const tuning = await app.until('the verdict', ({ status }) => (status?.history?.length ?? 0) > 1);
  expect(tuning.status?.history?.[0]).toMatchObject({ verdict: 'PutBack', reason: 'WorkerKilledBySignal' });
  expect(await app.text()).toBe(before);
  expect(await annotation()).toBe(hash);
  await app.rolledOut();
});
