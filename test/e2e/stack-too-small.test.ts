/** A stack below what the application needs, allowed by the user: noticed by nobody but the operator, and put back. */
import { beforeAll, expect, inject, test } from 'vitest';
import { attach, type NodeCluster } from '../cluster/index.ts';
import { App, conditionOf, EAGER, iniText } from '../support/app.ts';
import { operatorRequests } from '../support/audit.ts';
import { waitFor } from '../support/wait.ts';
import { watchPods } from '../support/witness.ts';

const INI = ['processes = 2', 'threads = 10'];
const BOUNDS = { threadStackSize: { min: '64Ki', allowBelowFloor: true } };
let cluster: NodeCluster;

beforeAll(async () => {
  cluster = await attach(inject('cluster'));
});

/** When the API server received the operator's write of the old text, milliseconds since the epoch. */
async function putBackTime(app: App, since: number): Promise<number> {
  const write = await waitFor(
    'the put-back of the text',
    async () => {
      const requests = await operatorRequests(cluster.auditLog, since);
      const ours = requests.find(
        ({ verb, objectRef: ref }) =>
          verb === 'patch' &&
          ref?.resource === 'configmaps' &&
          ref.namespace === app.namespace &&
          ref.name === 'web-uwsgi',
      );
      return ours ?? null;
    },
    { timeoutMs: 20_000 },
  );
  return Date.parse(write.requestReceivedTimestamp);
}

async function podNames(app: App): Promise<string[]> {
  return (await app.pods()).map((pod) => pod.metadata.name);
}

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
  const failed = (await app.tuning()).status?.change?.to?.threadStackSize;
  const witness = watchPods(app, await podNames(app));
  await app.traffic({ connections: 10, requests: 20, paths: '/recurse?depth=950' });
  const written = await putBackTime(app, start);
  const { lines, sightings } = await witness.stop();
  const deaths = lines.filter(({ text }) => text.includes('killed by signal 11'));
  expect(deaths.length).toBeGreaterThan(0);
  const firstDeath = Math.min(...deaths.map(({ at }) => at));
  expect(written - firstDeath).toBeLessThan(5000);
  // Kubernetes was looked at while the workers were dead or anew, and saw nothing.
  const after = sightings.filter(({ at }) => at > firstDeath);
  expect(after.length).toBeGreaterThan(0);
  expect(sightings.map(({ restarts }) => restarts)).toEqual(sightings.map(() => 0));
  expect(await app.text()).toBe(iniText(INI));
  const tuning = await app.until('the verdict', ({ status }) => status?.history !== undefined);
  expect(tuning.status?.history?.[0]).toMatchObject({ verdict: 'PutBack', reason: 'WorkerKilledBySignal' });
  expect(tuning.status?.rejected?.[0]).toMatchObject({ lesson: 'StackTooSmall' });
  await app.rolledOut();
  const held = await app.until('the hold', (object) => conditionOf(object, 'Applied').startsWith('False/TooSoon'));
  expect(held.status?.current?.threadStackSize).toBe('8Mi');
  // Not tried again by what was learned, and not only because it is too soon.
  expect(failed).toBeDefined();
  expect(held.status?.recommendation?.threadStackSize).not.toBe(failed);
  await app.end();
});

test('Python 3.14: the same bound makes requests fail without a crash; put back too', async () => {
  const app = await startShallow('deep-314', 'uwsgi-forky');
  const start = Date.now();
  const witness = watchPods(app, await podNames(app));
  const { failed } = await app.traffic({ connections: 10, requests: 40, paths: '/recurse?depth=950,/sort?depth=900' });
  expect(failed).toBeGreaterThan(0);
  const { lines } = await witness.stop();
  const errors = lines.filter(({ text }) => text.startsWith('RecursionError'));
  expect(errors.length).toBeGreaterThan(0);
  expect((await putBackTime(app, start)) - Math.min(...errors.map(({ at }) => at))).toBeLessThan(5000);
  expect(lines.filter(({ text }) => text.startsWith('DAMN !'))).toEqual([]);
  const tuning = await app.until('the verdict', ({ status }) => status?.history !== undefined);
  expect(tuning.status?.history?.[0]).toMatchObject({ verdict: 'PutBack', reason: 'RequestsFailed' });
  expect(await app.text()).toBe(iniText(INI));
  await app.end();
});
