/** The memory that a change was expected to need, against what it needed, under the same load per connection. */
import { beforeAll, expect, inject, test } from 'vitest';
import { bytes, formatSize, parseQuantity } from '../../src/core/quantity.ts';
import type { SpecPart } from '../support/app.ts';
import { App, EAGER } from '../support/app.ts';
import { attach, type NodeCluster } from '../cluster/index.ts';

let cluster: NodeCluster;

beforeAll(async () => {
  cluster = await attach(inject('cluster'));
});

/** Usage without file cache of one pod, from its own cgroup files, v1 or v2. */
async function measured(app: App): Promise<number> {
  const values: number[] = [];
  for (const pod of await app.pods()) {
    const script =
      'if [ -f /sys/fs/cgroup/memory.current ]; then cat /sys/fs/cgroup/memory.current /sys/fs/cgroup/memory.stat;' +
      ' else cat /sys/fs/cgroup/memory/memory.usage_in_bytes /sys/fs/cgroup/memory/memory.stat; fi';
    const text = await app.kubectl('exec', pod.metadata.name, '--', 'sh', '-c', script);
    const stat = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
    const cache = /^file \d/m.test(text) ? stat('file') : stat('cache');
    values.push(Number(text.split('\n')[0]) - (cache - stat('shmem')));
  }
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Waits long enough that two cores are not saturated: short of CPU, workers grow when others go. */
const LOAD = '/work?ms=1500';

const CASES: readonly [string, { readonly from: [number, number]; readonly to: [number, number] }][] = [
  ['more processes', { from: [2, 20], to: [5, 20] }],
  ['twice the threads', { from: [3, 16], to: [3, 32] }],
  ['fewer threads, more processes', { from: [2, 40], to: [4, 20] }],
];

test.each(CASES)('%s', async (name, { from, to }) => {
  const namespace = `predict-${name.replaceAll(/[^a-z]+/g, '-')}`;
  const ini = [`processes = ${from[0]}`, `threads = ${from[1]}`, 'threads-stacksize = 512'];
  const app = await App.start(cluster, { namespace, ini, replicas: 1, memory: '1Gi' });
  const fixed: SpecPart['bounds'] = {
    processes: { min: to[0], max: to[0] },
    threads: { min: to[1], max: to[1] },
    controlled: ['Processes', 'Threads'],
  };
  const load = await app.background(from[0] * from[1], LOAD);
  try {
    await app.traffic({ connections: 1, seconds: 15, paths: '/health' });
    await app.tune({
      ...EAGER,
      sampling: { ...EAGER.sampling, minSamples: 4 },
      updatePolicy: { ...EAGER.updatePolicy, verifyWindow: '5s' },
      bounds: fixed,
    });
    await app.until('the verdict', ({ status }) => status?.history !== undefined, 240_000);
  } finally {
    load.stop();
  }
  const { status } = await app.tuning();
  expect(status?.history?.[0]?.verdict).toBe('Verified');
  const expected = parseQuantity(status?.history?.[0]?.expectedMemory ?? '') ?? bytes(0);
  const again = await app.background(to[0] * to[1], LOAD);
  try {
    await app.traffic({ connections: 1, seconds: 15, paths: '/health' });
    const found = await measured(app);
    const error = (expected - found) / found;
    console.log(
      `${name}: expected ${formatSize(expected)}, measured ${formatSize(found)}, error ${(error * 100).toFixed(1)} %`,
    );
    expect(Math.abs(error)).toBeLessThan(0.1);
  } finally {
    again.stop();
  }
  await app.end();
});
