/** Won-back processes under a limit that holds them, and fewer under one that does not; with real traffic. */
import { beforeAll, expect, inject, test } from 'vitest';
import { attach, type NodeCluster } from '../cluster/index.ts';
import { App, conditionOf, EAGER } from '../support/app.ts';

let cluster: NodeCluster;

beforeAll(async () => {
  cluster = await attach(inject('cluster'));
});

/** Processes killed for memory in the pods' cgroups, counted by the kernel. */
async function oomKills(app: App): Promise<number> {
  let total = 0;
  for (const pod of await app.pods()) {
    const script = 'cat /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events 2>/dev/null';
    const text = await app.kubectl('exec', pod.metadata.name, '--', 'sh', '-c', `${script}; true`);
    total += Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? NaN);
  }
  return total;
}

test('MaximizeConcurrency wins processes back and stays under the limit with real traffic', async () => {
  const ini = ['processes = 4', 'threads = 8', 'threads-stacksize = 512'];
  const app = await App.start(cluster, { namespace: 'win-back', ini, replicas: 1, memory: '480Mi' });
  const load = await app.background(32);
  try {
    await app.tune({
      ...EAGER,
      objective: 'MaximizeConcurrency',
      sampling: { ...EAGER.sampling, minSamples: 4 },
      updatePolicy: { ...EAGER.updatePolicy, minInterval: '1s', verifyWindow: '10s' },
      bounds: { processes: { max: 10 }, controlled: ['Processes'] },
    });
    await app.until(
      'ten processes',
      ({ status }) => status?.current?.processes === 10 && status.change === undefined,
      240_000,
    );
  } finally {
    load.stop();
  }
  const traffic = await app.traffic({ connections: 80, seconds: 15 });
  expect(traffic.ok).toBeGreaterThan(100);
  expect(traffic.failed).toBe(0);
  expect(await oomKills(app)).toBe(0);
  await app.end();
});

test('a limit that does not hold what runs: fewer processes, and no OOM kill under the same traffic', async () => {
  const ini = ['processes = 8', 'threads = 8', 'threads-stacksize = 512'];
  const app = await App.start(cluster, { namespace: 'tight', ini, replicas: 1, memory: '512Mi' });
  const load = await app.background(64);
  try {
    await app.tune({
      ...EAGER,
      memory: { limit: '120Mi' },
      sampling: { ...EAGER.sampling, minSamples: 4 },
      updatePolicy: { ...EAGER.updatePolicy, minInterval: '1s', verifyWindow: '10s' },
      bounds: { controlled: ['Processes'] },
    });
    await app.until(
      'fewer processes',
      ({ status }) => (status?.current?.processes ?? 8) < 8 && status?.change === undefined,
      240_000,
    );
  } finally {
    load.stop();
  }
  await app.until('the end', (object) => conditionOf(object, 'Applied') === 'True/UpToDate', 240_000);
  // The limit that was sized for becomes the real one.
  await app.kubectl('set', 'resources', 'deployment', 'web', '--limits=memory=120Mi');
  await app.rolledOut();
  const traffic = await app.traffic({ connections: 64, seconds: 15 });
  expect(traffic.ok).toBeGreaterThan(100);
  expect(await oomKills(app)).toBe(0);
  await app.end();
});
