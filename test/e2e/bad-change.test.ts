/** Changes that harm: memory that grows after the change, and pods that never get Ready. Each is put back. */
import { beforeAll, expect, inject, test } from 'vitest';
import { attach, type NodeCluster } from '../cluster/index.ts';
import { App, EAGER, iniText } from '../support/app.ts';
import { watchPods } from '../support/witness.ts';

let cluster: NodeCluster;

beforeAll(async () => {
  cluster = await attach(inject('cluster'));
});

test('workers that the kernel kills for memory after the change, without a restart of the container', async () => {
  const ini = ['processes = 2', 'threads = 4'];
  const app = await App.start(cluster, { namespace: 'oom', ini, replicas: 1, memory: '200Mi' });
  await app.traffic({ connections: 8, seconds: 6 });
  await app.tune({
    ...EAGER,
    objective: 'MaximizeConcurrency',
    updatePolicy: { ...EAGER.updatePolicy, verifyWindow: '3m' },
    bounds: { processes: { max: 6 }, controlled: ['Processes'] },
  });
  await app.until('the rollout', ({ status }) => status?.change?.rolledOutAt !== undefined);
  const witness = watchPods(
    app,
    (await app.pods()).map((pod) => pod.metadata.name),
  );
  await app.traffic({ connections: 6, requests: 24, paths: '/grow?mib=20' });
  const tuning = await app.until(
    'the put-back',
    ({ status }) => status?.change?.putBack !== undefined || status?.history !== undefined,
  );
  expect(tuning.status?.rejected?.[0]).toMatchObject({ lesson: 'OutOfMemory' });
  const { lines, sightings } = await witness.stop();
  const kills = lines.filter(({ text }) => text.startsWith('DAMN !') && text.includes('killed by signal 9'));
  expect(kills.length).toBeGreaterThan(0);
  const firstKill = Math.min(...kills.map(({ at }) => at));
  expect(sightings.filter(({ at }) => at > firstKill).length).toBeGreaterThan(0);
  expect(sightings.map(({ restarts }) => restarts)).toEqual(sightings.map(() => 0));
  const finished = await app.until('the verdict', ({ status }) => status?.history !== undefined);
  expect(finished.status?.history?.[0]?.verdict).toBe('PutBack');
  expect(await app.text()).toBe(iniText(ini));
  await app.end();
});

test('pods that never get Ready with the new config', async () => {
  // Starts only where the config has no stack size, as an application with a check of its own would.
  const check = 'exec-asap = ! grep -q ^threads-stacksize /etc/uwsgi-config/uwsgi.ini || exec sleep 600';
  const ini = ['processes = 2', 'threads = 8', check];
  const app = await App.start(cluster, { namespace: 'never-ready', ini, replicas: 2, memory: '256Mi' });
  await app.tune({ ...EAGER, updatePolicy: { ...EAGER.updatePolicy, rolloutTimeout: '20s' } });
  const tuning = await app.until('the verdict', ({ status }) => status?.history !== undefined);
  expect(tuning.status?.history?.[0]).toMatchObject({ verdict: 'PutBack', reason: 'RolloutTimedOut' });
  expect(await app.text()).toBe(iniText(ini));
  await app.rolledOut();
  await app.end();
});
