/** The sampler's own programs in real pods: nothing secret leaves, and what they tell equals an independent reading. */
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { loadCredentials } from '../../src/cluster/credentials.ts';
import { execInPod } from '../../src/cluster/exec.ts';
import { createTransport, type Transport } from '../../src/cluster/transport.ts';
import { samplerArgv, samplerArgvPython, splitCapture, type SamplerOptions } from '../../src/core/memory/capture.ts';
import { depthAfter, leavesOpen } from '../../src/core/memory/earlier-sample.ts';
import { guardArgv } from '../../src/core/memory/guard-probe.ts';
import { sampleFromCapture } from '../../src/core/memory/sample-from-capture.ts';
import type { Sample } from '../../src/core/memory/sample.ts';
import { attach, imageReference, type ImageName, type NodeCluster } from '../cluster/index.ts';
import { App } from '../support/app.ts';
import { stacksByPagemap } from '../support/pagemap.ts';

const NAMESPACE = 'sampler';
const SECRET = 'hunter2-4711';
const IDENTITY = { pod: 'web', podUid: 'uid', node: 'node', takenAt: 0 };
/** A pod whose one worker has so many merged stacks that the kernel tells their pages in several pieces. */
const WIDE = { name: 'wide', app: 'wide', shape: '--processes 1 --threads 400' };
const USUAL = { app: 'web', shape: '--processes 2 --threads 20' };
let cluster: NodeCluster;
let transport: Transport;
let app: App;

beforeAll(async () => {
  cluster = await attach(inject('cluster'));
  transport = createTransport(await loadCredentials({ kubeconfig: cluster.kubeconfig }));
  app = new App(cluster, NAMESPACE);
  await cluster.apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    pod('uwsgi-bookworm'),
    pod('uwsgi-forky'),
    pod('uwsgi-forky', WIDE),
  ]);
  await app.kubectl('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=120s');
  await app.traffic({ connections: 40, requests: 400, paths: `/json?depth=200,/work?ms=30&token=${SECRET}` });
});

afterAll(async () => {
  await transport.close();
  await app.end();
});

interface Shape {
  readonly name?: string;
  readonly app: string;
  readonly shape: string;
}

/** A server with secrets wherever a process has them, beside a program that is not uWSGI. */
function pod(image: ImageName, { name = image, app: label, shape }: Shape = USUAL): object {
  const options = `--plugin python3 --http-socket :8080 --wsgi-file /app/app.py ${shape}`;
  const other = `sh -c 'sleep 3600; :' ${SECRET}`;
  const script = `${other} & exec uwsgi --master ${options} --env PASSWORD=${SECRET} --set token=${SECRET}`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE, labels: { app: label } },
    spec: {
      dnsPolicy: 'Default',
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'app',
          image: imageReference(image),
          imagePullPolicy: 'Never',
          command: ['sh', '-c', script],
          env: [{ name: 'DATABASE_URL', value: `postgres://user:${SECRET}@db/app` }],
          resources: { limits: { memory: '512Mi' } },
          readinessProbe: { httpGet: { path: '/health', port: 8080 }, periodSeconds: 1 },
        },
      ],
    },
  };
}

async function run(name: string, argv: readonly string[]): Promise<Uint8Array> {
  const options = { deadlineMs: 20_000, maxStdoutBytes: 8 * 2 ** 20, maxStderrBytes: 65_536 };
  const place = { namespace: NAMESPACE, pod: name, container: 'app' };
  const { stdout, stderr, exitCode } = await execInPod(transport, place, argv, options);
  expect([exitCode, stderr]).toEqual([0, '']);
  return stdout;
}

async function take(name: string, options: SamplerOptions, earlier: Sample | null): Promise<Sample> {
  const capture = splitCapture(await run(name, samplerArgv(options)), gunzipSync);
  if (!capture.ok) throw new Error(capture.message);
  return sampleFromCapture(capture.sections, IDENTITY, undefined, earlier);
}

/** Both samples of one container, as the operator takes them. */
async function takeBoth(name: string): Promise<readonly [Sample, Sample]> {
  const full = await take(name, {}, null);
  const light = await take(name, { depth: depthAfter(full) }, full);
  expect(leavesOpen(light, full)).toBe(false);
  return [full, light];
}

function stacks({ processes }: Sample): readonly unknown[] {
  return processes.map(({ pid, role, threads, threadStacks }) => ({ pid, role, threads, ...threadStacks }));
}

describe.each(['uwsgi-bookworm', 'uwsgi-forky'] as const)('in %s', (image) => {
  test('nothing of environments and command lines is in the bytes that leave the pod', async () => {
    const commandLines = await app.kubectl('exec', image, '--', 'sh', '-c', 'cat /proc/[0-9]*/cmdline');
    expect(commandLines).toContain(SECRET);
    const argvs = (['threads', 'rows', 'merged'] as const).map((depth) => samplerArgv({ depth }));
    // The other image has no python3.
    if (image === 'uwsgi-forky') argvs.push(samplerArgvPython(), samplerArgvPython({ depth: 'rows' }));
    for (const argv of argvs) {
      const text = gunzipSync(await run(image, argv)).toString('latin1');
      expect(text).toMatch(/^@uwsgi-tuner capture 1\n[^]*\n@end \d+\n$/);
      expect(text).not.toMatch(/hunter2|postgres:|PASSWORD|DATABASE_URL|--wsgi-file|app\.py/);
    }
    expect(new TextDecoder().decode(await run(image, guardArgv()))).not.toMatch(/hunter2|PASSWORD|--wsgi-file/);
  });

  test('a sample without threads says the same as one with', async () => {
    const [full, light] = await takeBoth(image);
    expect(stacks(light)).toEqual(stacks(full));
    expect(light.platform).toEqual(full.platform);
    expect(full.processes.map(({ role }) => role).toSorted()).toEqual(['master', 'other', 'other', 'worker', 'worker']);
    expect(light.cgroup.limit).toBe(512 * 2 ** 20);
    const busy = (sample: Sample): (number | null)[] =>
      sample.processes.flatMap(({ role, busyThreads }) => (role === 'worker' ? [busyThreads] : []));
    for (const count of busy(full)) expect(count).toBeGreaterThan(0);
    expect(busy(light)).toEqual([null, null]);
  });
});

function workersOf(sample: Sample): readonly { pid: number | null; stacks: number | null; highWaterKib: number }[] {
  return sample.processes
    .filter(({ role }) => role === 'worker')
    .map(({ pid, threadStacks }) => ({
      pid,
      stacks: threadStacks.count,
      highWaterKib: (threadStacks.highWater ?? NaN) / 1024,
    }))
    .toSorted((a, b) => (a.pid ?? 0) - (b.pid ?? 0));
}

test('stacks merged in one row equal an independent reading of pagemap', async () => {
  const samples = await takeBoth('uwsgi-forky');
  const readings = (await stacksByPagemap(app, 'uwsgi-forky')).filter(({ stacks: count }) => count > 0);
  expect(readings.map(({ stacks: count }) => count)).toEqual([19, 19]);
  for (const sample of samples) expect(workersOf(sample)).toEqual(readings);
});

test('400 merged stacks equal an independent reading, with perl in the image and without', async () => {
  const readings = (await stacksByPagemap(app, WIDE.name)).filter(({ stacks: count }) => count > 0);
  expect(readings.map(({ stacks: count }) => count)).toEqual([399]);
  expect(workersOf(await take(WIDE.name, {}, null))).toEqual(readings);
  const withoutPerl = samplerArgv().map((word) => word.replace('command -v perl', 'command -v no-perl-here'));
  const [first, second] = await Promise.all([samplerArgv(), withoutPerl].map((argv) => run(WIDE.name, argv)));
  const forms = (bytes: Uint8Array | undefined): readonly string[] => {
    const stream = gunzipSync(bytes ?? '').toString('latin1');
    return ['regions', 'pagemap'].filter((form) => new RegExp(`^@${form} `, 'm').test(stream));
  };
  expect([forms(first), forms(second)]).toEqual([['regions'], ['pagemap']]);
  const capture = splitCapture(second ?? new Uint8Array(), gunzipSync);
  if (!capture.ok) throw new Error(capture.message);
  expect(workersOf(sampleFromCapture(capture.sections, IDENTITY))).toEqual(readings);
});

/**
 * Resident KiB of each row of a size that has a page without rights right below it. The page matters: Python's arenas of
 * 1 MiB merge into rows of any number of MiB, eight among them, and those are resident to the end.
 */
function guardedRows(smaps: string, sizeKib: number): readonly number[] {
  const rows = [...smaps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) (\S+) [^]*?\nSize: +(\d+) kB\n[^]*?\nRss: +(\d+) kB\n/gm)];
  return rows.flatMap(([, start, , rights, size, resident], index) => {
    const [, , end, below, guard] = rows[index - 1] ?? [];
    const guarded = end === start && below === '---p' && guard === '4';
    return guarded && rights === 'rw-p' && Number(size) === sizeKib ? [Number(resident)] : [];
  });
}

test('stacks in rows of their own equal an independent reading of smaps', async () => {
  const samples = await takeBoth('uwsgi-bookworm');
  for (const sample of samples) {
    for (const worker of workersOf(sample)) {
      const text = await app.kubectl('exec', 'uwsgi-bookworm', '--', 'cat', `/proc/${String(worker.pid)}/smaps`);
      const depths = guardedRows(text, 8192);
      expect(worker).toEqual({ pid: worker.pid, stacks: depths.length, highWaterKib: Math.max(...depths) });
      expect(depths).toHaveLength(19);
    }
  }
});
