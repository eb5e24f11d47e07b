/** A stack below what the application needs, allowed by the user: noticed by nobody but the operator, and put back. */
import { beforeAll, expect, inject, test } from 'vitest';
import { attach, type NodeCluster } from '../cluster/index.ts';
import { App, conditionOf, EAGER, iniText } from '../support/app.ts';
import { operatorRequests } from '../support/audit.ts';
import { waitFor } from '../support/wait.ts';

const INI = ['processes = 2', 'threads = 10'];
const BOUNDS = { threadStackSize: { min: '64Ki', allowBelowFloor: true } };
let cluster: NodeCluster;

beforeAll(async () => {
  cluster = await attach(inject('cluster'));
});

async function startShallow(namespace: string, image: 'uwsgi-bookworm' | 'uwsgi-forky'): Promise<App> {
  const app = await App.start(cluster, { namespace, image, ini: INI, replicas: 2, memory: '512Mi' });
  await app.traffic({ connections: 20, requests: 200, paths: '/' });
  await app.tune({ ...EAGER, updatePolicy: { ...EAGER.updatePolicy, verifyWindow: '3m' }, bounds: BOUNDS });
  await app.until('the rollout', ({ status }) => status?.change?.rolledOutAt !== undefined);
  expect(await app.text()).not.toBe(iniText(INI));
  return app;
}

test('Python 3.11: workers die by signal 11 without a restart; the old text is back within 5 s and is not tried again', async () => {
  const app = await startShallow('deep-311', 'uwsgi-bookworm');
  const start = Date.now();
  const pods = (await app.pods()).map((pod) => pod.metadata.name);
  await app.traffic({ connections: 10, requests: 20, paths: '/recurse?depth=950' });
  const logs = await Promise.all(pods.map((pod) => app.kubectl('logs', pod, '--timestamps').catch(() => '')));
  const deaths = logs
    .join('\n')
    .split('\n')
    .filter((line) => line.includes('killed by signal 11'));
  expect(deaths.length).toBeGreaterThan(0);
  const firstDeath = Math.min(...deaths.map((line) => Date.parse(line.split(' ')[0] ?? '')));
  const write = await waitFor(
    'the put-back of the text',
    async () => {
      const requests = await operatorRequests(cluster.auditLog, start);
      return (
        requests.find(
          ({ verb, objectRef: ref }) =>
            verb === 'patch' &&
            ref?.resource === 'configmaps' &&
            ref.namespace === 'deep-311' &&
            ref.name === 'web-uwsgi',
        ) ?? null
      );
    },
    { timeoutMs: 20_000 },
  );
  expect(Date.parse(write.requestReceivedTimestamp) - firstDeath).toBeLessThan(5000);
  expect(await app.text()).toBe(iniText(INI));
  const tuning = await app.until('the verdict', ({ status }) => status?.history !== undefined);
  expect(tuning.status?.history?.[0]).toMatchObject({ verdict: 'PutBack', reason: 'WorkerKilledBySignal' });
  expect(tuning.status?.rejected?.[0]).toMatchObject({ lesson: 'StackTooSmall' });
  await app.rolledOut();
  for (const pod of await app.pods()) expect(pod.status?.containerStatuses?.[0]?.restartCount).toBe(0);
  const held = await app.until('the hold', (object) => conditionOf(object, 'Applied').startsWith('False/TooSoon'));
  expect(held.status?.current?.threadStackSize).toBe('8Mi');
  await app.end();
});

test('Python 3.14: the same bound makes requests fail without a crash; put back too', async () => {
  const app = await startShallow('deep-314', 'uwsgi-forky');
  await app.traffic({ connections: 10, requests: 40, paths: '/recurse?depth=950,/sort?depth=900' });
  const tuning = await app.until('the verdict', ({ status }) => status?.history !== undefined);
  expect(tuning.status?.history?.[0]).toMatchObject({ verdict: 'PutBack', reason: 'RequestsFailed' });
  expect(await app.text()).toBe(iniText(INI));
  await app.end();
});
