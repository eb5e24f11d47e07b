/** Exec and followed logs through API server, kubelet and containerd. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadCredentials } from '../../src/cluster/credentials.ts';
import { ClusterError } from '../../src/cluster/errors.ts';
import { execInPod, type ExecOptions, type ExecResult } from '../../src/cluster/exec.ts';
import { followLog, readLog } from '../../src/cluster/logs.ts';
import { createTransport, type Transport } from '../../src/cluster/transport.ts';
import { imageReference, startNodeCluster, type ImageName, type NodeCluster } from '../cluster/index.ts';

let cluster: NodeCluster;
let transport: Transport;

beforeAll(async () => {
  cluster = await startNodeCluster({ images: ['uwsgi-bookworm', 'uwsgi-noshell'] });
  transport = createTransport(await loadCredentials({ kubeconfig: cluster.kubeconfig }));
  await cluster.apply([
    pod('shell', 'uwsgi-bookworm', [
      'sh',
      '-c',
      'echo begun; i=0; while true; do i=$((i+1)); echo line $i; sleep 0.2; done',
    ]),
    pod('ended', 'uwsgi-bookworm', ['sh', '-c', 'echo only; exit 3']),
    pod('noshell', 'uwsgi-noshell', ['uwsgi', '--http-socket', ':8080']),
  ]);
  await cluster.kubectlOk(['wait', '--for=condition=Ready', 'pod/shell', 'pod/noshell', '--timeout=60s']);
});

afterAll(async () => {
  await transport.close();
  await cluster.down();
});

function pod(name: string, image: ImageName, command: readonly string[]): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'app', image: imageReference(image), imagePullPolicy: 'Never', command }],
    },
  };
}

const LIMITS: ExecOptions = { deadlineMs: 20_000, maxStdoutBytes: 8 * 2 ** 20, maxStderrBytes: 65_536 };

function exec(name: string, argv: readonly string[], options: Partial<ExecOptions> = {}): Promise<ExecResult> {
  return execInPod(transport, { namespace: 'default', pod: name, container: 'app' }, argv, { ...LIMITS, ...options });
}

async function failure(promise: Promise<unknown>): Promise<ClusterError> {
  const error: unknown = await promise.then(
    () => new Error('did not fail'),
    (e: unknown) => e,
  );
  if (!(error instanceof ClusterError)) throw error;
  return error;
}

test('an exec gives all of its output, its error output and its exit code', async () => {
  const result = await exec('shell', ['sh', '-c', 'echo out; echo err >&2; exit 7']);
  expect({ ...result, stdout: Buffer.from(result.stdout).toString() }).toEqual({
    stdout: 'out\n',
    stderr: 'err\n',
    exitCode: 7,
  });
  const big = await exec('shell', ['sh', '-c', 'head -c 4000000 /dev/zero']);
  expect([big.stdout.length, big.exitCode]).toEqual([4_000_000, 0]);
});

test('an exec ends at its cap and at its deadline', async () => {
  expect(await failure(exec('shell', ['sh', '-c', 'cat /dev/zero'], { maxStdoutBytes: 100_000 }))).toMatchObject({
    kind: 'TooLarge',
  });
  expect(await failure(exec('shell', ['sleep', '30'], { deadlineMs: 500 }))).toMatchObject({ kind: 'Timeout' });
});

test('an exec tells a program that is not there, an ended container and one that never was', async () => {
  expect(await failure(exec('noshell', ['sh', '-c', 'true']))).toMatchObject({ kind: 'NoSuchExecutable' });
  expect(await failure(exec('shell', ['/no/such/program']))).toMatchObject({ kind: 'NoSuchExecutable' });
  expect((await exec('noshell', ['uwsgi', '--version'])).exitCode).toBe(0);
  const ended = await failure(exec('ended', ['true']));
  expect([ended.kind, ended.message]).toEqual(['NotFound', expect.any(String)]);
  const none = execInPod(transport, { namespace: 'default', pod: 'shell', container: 'none' }, ['true'], LIMITS);
  expect((await failure(none)).kind).toBe('NotFound');
});

test('a followed log begins at the start of the container and comes line by line', async () => {
  const lines: string[] = [];
  const times: string[] = [];
  const controller = new AbortController();
  const followed = followLog(
    transport,
    { namespace: 'default', pod: 'shell', container: 'app' },
    {
      signal: controller.signal,
      onLine: (line, time) => {
        lines.push(line);
        times.push(time);
      },
    },
  );
  await expect.poll(() => lines.length, { timeout: 10_000 }).toBeGreaterThan(5);
  const seen = lines.length;
  await expect.poll(() => lines.length, { timeout: 2_000 }).toBeGreaterThan(seen + 2);
  controller.abort();
  expect(await followed).toBe('aborted');
  expect(lines.slice(0, 2)).toEqual(['begun', 'line 1']);
  expect(times[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/);
});

test('a followed log ends with its container, and one read is bounded', async () => {
  const ref = { namespace: 'default', pod: 'ended', container: 'app' };
  const lines: string[] = [];
  const end = await followLog(transport, ref, {
    signal: new AbortController().signal,
    onLine: (line) => lines.push(line),
  });
  expect([end, lines]).toEqual(['ended', ['only']]);
  expect(await readLog(transport, ref, { maxBytes: 3 })).toBe('onl');
  expect(await readLog(transport, ref, { maxBytes: 1_000, tailLines: 1 })).toBe('only\n');
});

test('a broken connection ends a followed log with an error, not with silence', async () => {
  const lines: string[] = [];
  const followed = failure(
    followLog(
      transport,
      { namespace: 'default', pod: 'shell', container: 'app' },
      {
        signal: new AbortController().signal,
        onLine: (line) => lines.push(line),
      },
    ),
  );
  await expect.poll(() => lines.length, { timeout: 10_000 }).toBeGreaterThan(1);
  await cluster.stopApiServer();
  expect((await followed).kind).toBe('Unavailable');
  await cluster.startApiServer();
});
