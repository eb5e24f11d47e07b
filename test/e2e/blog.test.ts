/** The situation that started it all: 4 processes x 100 threads x 8 MiB default stacks. */
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { attach, type NodeCluster } from '../cluster/index.ts';
import { App, conditionOf, EAGER, iniText } from '../support/app.ts';
import { execsOf, operatorRequests, writesOf } from '../support/audit.ts';

const INI = ['processes = 4', 'threads = 100'];
let cluster: NodeCluster;
let app: App;

beforeAll(async () => {
  cluster = await attach(inject('cluster'));
  app = await App.start(cluster, { namespace: 'blog', ini: INI, replicas: 2, memory: '1Gi' });
});

afterAll(() => app.end());

test('Recommend shows the stacks, both totals and the whole sum, and writes nothing', async () => {
  await app.tune({ sampling: EAGER.sampling });
  const { status } = await app.until('a recommendation', ({ status }) => status?.recommendation !== undefined);
  expect(status?.current).toMatchObject({ processes: 4, threads: 100, threadStackSize: '8Mi', summary: '4x100 8Mi' });
  expect(status?.current?.threadStacks).toMatchObject({ perWorker: 99, mapped: '3168Mi' });
  expect(status?.current?.threadStacks?.resident).toMatch(/^\d+(Ki|Mi)$/);
  expect(status?.recommendation).toMatchObject({ processes: 4, threads: 100, threadStackSize: '512Ki' });
  const sum = (status?.budget ?? []).reduce((total, line) => total + (line.bytes ?? 0), 0);
  expect(sum).toBeGreaterThan(0);
  expect(sum).toBeLessThanOrEqual(0.85 * 2 ** 30);
  expect(status?.savings?.mapped).toBe('2970Mi');
  expect(await app.text()).toBe(iniText(INI));
});

test('Patch changes exactly the option lines, rolls out once, and verifies by measurement', async () => {
  const start = Date.now();
  await app.tune({ ...EAGER, updatePolicy: { ...EAGER.updatePolicy, verifyWindow: '15s' } });
  const tuning = await app.until('a verdict', ({ status }) => status?.history !== undefined);
  expect(tuning.status?.history?.[0]).toMatchObject({ verdict: 'Verified', from: '4x100 8Mi', to: '4x100 512Ki' });
  expect(await app.text()).toBe(iniText([...INI, 'threads-stacksize = 512']));
  const revisions = await app.kubectl('get', 'replicasets', '-o', 'name');
  expect(revisions.trim().split('\n')).toHaveLength(2);
  const settled = await app.until('what runs now', (object) => conditionOf(object, 'Applied') === 'True/UpToDate');
  expect(settled.status?.current).toMatchObject({ threadStackSize: '512Ki', threadStacks: { perWorker: 99 } });
  expect(conditionOf(settled, 'Ready')).toBe('True/Measured');
  expect(conditionOf(settled, 'Reconciling')).toBe('False/Settled');
  const writes = writesOf(await operatorRequests(cluster.auditLog, start));
  expect(writes.filter((line) => line.endsWith('configmaps blog/web-uwsgi'))).toHaveLength(1);
  expect(writes.filter((line) => line.endsWith('deployments blog/web'))).toHaveLength(1);
});

test('a settled tuning takes samples and writes nothing for two minutes', async () => {
  await sleep(12_000);
  const start = Date.now();
  await sleep(120_000);
  const requests = (await operatorRequests(cluster.auditLog, start)).filter(
    (entry) => entry.objectRef?.namespace === 'blog' || entry.objectRef?.resource === 'leases',
  );
  expect(execsOf(requests, 'blog')).toBeGreaterThanOrEqual(20);
  const writes = writesOf(requests).filter((line) => !line.startsWith('update leases'));
  expect(writes.filter((line) => !line.includes('uwsgitunings/status'))).toEqual([]);
  expect(writes.length).toBeLessThanOrEqual(1);
});
