/** Where glibc makes its guards by madvise the blog's rows do not exist; the stacks are counted all the same. */
import { beforeAll, expect, inject, test } from 'vitest';
import { attach, type NodeCluster } from '../cluster/index.ts';
import { App, conditionOf, EAGER, iniText } from '../support/app.ts';
import { stacksByPagemap } from '../support/pagemap.ts';

const INI = ['processes = 4', 'threads = 100'];
let cluster: NodeCluster;

beforeAll(async () => {
  cluster = await attach(inject('cluster'));
});

test('4 x 100 on glibc 2.43: counts and high-water marks equal an independent reading of pagemap', async () => {
  const app = await App.start(cluster, {
    namespace: 'merged',
    image: 'uwsgi-forky',
    ini: INI,
    replicas: 2,
    memory: '1Gi',
  });
  await app.traffic({ connections: 100, requests: 400, paths: '/json?depth=200' });
  await app.tune({ sampling: EAGER.sampling });
  const tuning = await app.until('a recommendation', ({ status }) => status?.recommendation !== undefined);
  expect(tuning.status?.current).toMatchObject({
    summary: '4x100 8Mi',
    threadStacks: { perWorker: 99, mapped: '3168Mi' },
  });
  expect(tuning.status?.sample?.tier).toBe('smaps');
  const readings = await Promise.all((await app.pods()).map((pod) => stacksByPagemap(app, pod.metadata.name)));
  const workers = readings.flat().filter((reading) => reading.stacks > 0);
  expect(workers.map((reading) => reading.stacks)).toEqual(Array.from({ length: 8 }, () => 99));
  const deepest = Math.max(...workers.map((reading) => reading.highWaterKib));
  expect(tuning.status?.current?.threadStacks?.highWater).toBe(`${deepest}Ki`);

  await app.tune(EAGER);
  const done = await app.until('a verdict', ({ status }) => status?.history !== undefined);
  expect(done.status?.history?.[0]).toMatchObject({ verdict: 'Verified', to: '4x100 512Ki' });
  expect(await app.text()).toBe(iniText([...INI, 'threads-stacksize = 512']));
  const settled = await app.until('the end', (object) => conditionOf(object, 'Applied') === 'True/UpToDate');
  expect(settled.status?.current).toMatchObject({ summary: '4x100 512Ki', threadStacks: { perWorker: 99 } });
  await app.end();
});
