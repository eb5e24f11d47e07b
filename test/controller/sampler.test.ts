import { gzipSync } from 'node:zlib';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { systemClock } from '../../src/cluster/clock.ts';
import { ExecLimiter } from '../../src/cluster/exec-limiter.ts';
import { createTransport } from '../../src/cluster/transport.ts';
import { Sampler } from '../../src/controller/sampler.ts';
import type { PodView, SampleFailure } from '../../src/core/decide/snapshot.ts';
import type { Sample } from '../../src/core/memory/sample.ts';
import { plainCredentials, startFakeApiServer } from '../cluster-client/support/api-server.ts';
import { fixture, sample as fixtureSample, unzipped } from '../core/memory/captures.ts';

const TARGET = { namespace: 'shop', container: 'app' };
const POD = { name: 'web-1', uid: 'pod-1', node: 'node1' } as PodView;

/** What a container prints at each depth. */
type Container = Readonly<Partial<Record<string, Uint8Array>>>;

let open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open) await close();
  open = [];
});

/** A sampler whose execs reach this container, and the program and depth that each exec asked for. */
async function samplerOf(
  container: Container,
  sh = true,
): Promise<{ readonly sampler: Sampler; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = await startFakeApiServer((_, response) => response.end());
  const sockets = new WebSocketServer({ noServer: true });
  server.server.on('upgrade', (request, socket: Duplex, head: Buffer) => {
    sockets.handleUpgrade(request, socket, head, (client) => {
      const argv = new URL(request.url ?? '', 'http://x').searchParams.getAll('command');
      const depth = argv.at(-1) ?? '';
      asked.push(`${String(argv[0])} ${depth}`);
      const status =
        argv[0] === 'sh' && !sh
          ? { status: 'Failure', message: 'exec: "sh": executable file not found in $PATH' }
          : { status: 'Success' };
      client.send(Buffer.concat([Buffer.from([1]), container[depth] ?? Buffer.from('another depth')]));
      client.send(Buffer.concat([Buffer.from([3]), Buffer.from(JSON.stringify(status))]));
      client.close();
    });
  });
  const transport = createTransport(plainCredentials(server.url));
  open.push(() => transport.close(), server.close);
  return { sampler: new Sampler(transport, new ExecLimiter(), systemClock, () => undefined), asked };
}

function take(sampler: Sampler, earlier: Sample | null): Promise<Sample | SampleFailure> {
  return sampler.sample(TARGET, POD, { deadlineMs: 5000, earlier }, new AbortController().signal);
}

/** A capture as it is at an ordinary depth: own stat only, no limits and no facts of the container. */
function ordinary(name: string): Uint8Array {
  const whole = Buffer.from(unzipped(`${name}.capture.gz`)).toString('latin1');
  const light = whole
    .replace(/^@conf\n[^@]*/m, '')
    .replaceAll(/^(?:Limit |Max ).*\n/gm, '')
    .replaceAll(/^(@process (\d+) .*\n)((?:\d+ \(.*\n)*)/gm, (_, header: string, pid: string, stats: string) => {
      return header + (stats.split('\n').find((line) => line.startsWith(`${pid} (`)) ?? '') + '\n';
    });
  return gzipSync(Buffer.from(light, 'latin1'));
}

const ROWS = { threads: fixture('4x100.capture.gz'), rows: ordinary('4x100') };
const MERGED = { threads: fixture('forky-1x100.capture.gz'), merged: ordinary('forky-1x100') };
const busy = (result: Sample | SampleFailure): unknown =>
  'code' in result ? result.code : result.processes.map(({ busyThreads }) => busyThreads);
const stacks = (result: Sample | SampleFailure): unknown =>
  'code' in result ? result.code : result.processes.map(({ threadStacks }) => threadStacks.count);

describe('how deep a container is sampled', () => {
  test('with every thread where nothing is known of it', async () => {
    const { sampler, asked } = await samplerOf(ROWS);
    const result = await take(sampler, null);
    expect(asked).toEqual(['sh threads']);
    expect(result).toMatchObject({ pod: 'web-1', podUid: 'pod-1', node: 'node1' });
    expect(stacks(result)).toEqual([0, 99, 99, 99, 99]);
    expect(busy(result)).not.toContain(null);
  });

  test.each([
    ['rows', '4x100', ROWS],
    ['merged', 'forky-1x100', MERGED],
  ] as const)('without them as %s where an earlier sample of it tells the rest', async (depth, name, container) => {
    const { sampler, asked } = await samplerOf(container);
    const earlier = fixtureSample(name);
    const result = await take(sampler, earlier);
    expect(asked).toEqual([`sh ${depth}`]);
    expect(stacks(result)).toEqual(stacks(earlier));
    expect(busy(result)).toContain(null);
    expect(result).toMatchObject({ platform: earlier.platform });
  });

  test('again with them where that left something open', async () => {
    const full = fixtureSample('4x100');
    const processes = full.processes.map((process, index) => (index === 2 ? { ...process, startTicks: 1 } : process));
    const { sampler, asked } = await samplerOf(ROWS);
    const result = await take(sampler, { ...full, processes });
    expect(asked).toEqual(['sh rows', 'sh threads']);
    expect(stacks(result)).toEqual([0, 99, 99, 99, 99]);
    expect(busy(result)).not.toContain(null);
  });

  test('not again where it failed', async () => {
    const { sampler, asked } = await samplerOf({ ...ROWS, rows: Buffer.from('sh: syntax error') });
    expect(await take(sampler, fixtureSample('4x100'))).toMatchObject({ pod: 'web-1', code: 'BadOutput' });
    expect(asked).toEqual(['sh rows']);
  });

  test('the same by python3 in a container without sh', async () => {
    const { sampler, asked } = await samplerOf(ROWS, false);
    const earlier = fixtureSample('4x100');
    expect(stacks(await take(sampler, earlier))).toEqual(stacks(earlier));
    expect(stacks(await take(sampler, null))).toEqual(stacks(earlier));
    expect(asked).toEqual(['sh rows', 'python3 rows', 'sh threads', 'python3 threads']);
  });
});
