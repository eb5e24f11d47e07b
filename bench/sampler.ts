/**
 * What a sample costs beside `cat` of the same smaps, one `cat` per process: run by hand, `node bench/sampler.ts [PAIRS]`.
 *
 * Starts real uWSGI (Debian's uwsgi-core with uwsgi-plugin-python3, or pyuwsgi) as the only programs of a PID namespace,
 * as in a pod, and runs both there in turn. The cost of entering the namespace is measured apart and taken off.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { samplerArgv, splitCapture } from '../src/core/memory/capture.ts';
import { depthAfter, leavesOpen } from '../src/core/memory/earlier-sample.ts';
import { sampleFromCapture } from '../src/core/memory/sample-from-capture.ts';
import type { Sample } from '../src/core/memory/sample.ts';

const ROOT = join(import.meta.dirname, '..');
const APP = join(ROOT, 'test', 'images', 'uwsgi', 'app.py');
const WORKERS = 4;
const THREADS = [10, 100, 400];
const SERVERS: readonly (readonly string[])[] = [['uwsgi-core', '--plugin', 'python3'], ['pyuwsgi']];
const IDENTITY = { pod: 'bench', podUid: '', node: '', takenAt: 0 };

interface Server {
  readonly child: ChildProcess;
  /** The first process of the namespace, as seen from outside. */
  readonly init: number;
}

function missing(what: string): never {
  process.stderr.write(`bench/sampler.ts: ${what}\n`);
  process.exit(1);
}

function findServer(): readonly string[] {
  for (const program of ['unshare', 'nsenter', 'cat']) {
    if (spawnSync(program, ['--version']).status !== 0)
      missing(`${program} (package util-linux or coreutils) is missing`);
  }
  const found = SERVERS.find(([program = '']) => spawnSync(program, ['--version']).status === 0);
  return found ?? missing('neither uwsgi-core with uwsgi-plugin-python3 nor pyuwsgi is installed');
}

async function start(server: readonly string[], threads: number): Promise<Server> {
  const user = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const own = ['--pid', '--fork', '--kill-child', '--mount-proc', ...user];
  const options = ['--master', '--die-on-term', '--disable-logging', '--http-socket', '127.0.0.1:0'];
  const shape = ['--processes', String(WORKERS), '--threads', String(threads), '--wsgi-file', APP];
  const child = spawn('unshare', [...own, ...server, ...options, ...shape], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const port = (): string | undefined => /bound to TCP address 127\.0\.0\.1:(\d+)/.exec(log)?.[1];
  for (let wait = 0; log.split('spawned uWSGI worker').length <= WORKERS || port() === undefined; wait += 1) {
    if (child.exitCode !== null || wait > 150) missing(`uWSGI does not start:\n${log}`);
    await sleep(100);
  }
  await load(port() ?? '', threads);
  const children = readFileSync(`/proc/${String(child.pid)}/task/${String(child.pid)}/children`, 'utf8');
  return { child, init: Number(children.trim()) };
}

/** Requests that touch stacks and arenas, so that the maps are those of a server at work. */
async function load(port: string, threads: number): Promise<void> {
  const paths = '/work?ms=30,/json?depth=200';
  const amount = ['--connections', String(Math.min(60, threads * WORKERS)), '--requests', '600', '--paths', paths];
  const traffic = join(ROOT, 'test', 'support', 'traffic.ts');
  const child = spawn(process.execPath, [traffic, '--url', `http://127.0.0.1:${port}`, ...amount], { stdio: 'ignore' });
  await once(child, 'exit');
}

interface Run {
  readonly ms: number;
  readonly out: Uint8Array;
}

function run(argv: readonly string[], keep: boolean): Run {
  const [program = '', ...args] = argv;
  const begun = performance.now();
  const result = spawnSync(program, args, { stdio: ['ignore', keep ? 'pipe' : 'ignore', 'pipe'], maxBuffer: 2 ** 28 });
  const ms = performance.now() - begun;
  if (result.status !== 0) missing(`${program} ended with ${String(result.status)}: ${result.stderr.toString()}`);
  return { ms, out: keep ? result.stdout : new Uint8Array() };
}

function inside({ init }: Server, argv: readonly string[]): readonly string[] {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
  return ['nsenter', '--target', String(init), '--pid', '--mount', ...user, '--', ...argv];
}

function read(bytes: Uint8Array, earlier: Sample | null): Sample {
  const capture = splitCapture(bytes, gunzipSync);
  if (!capture.ok) return missing(capture.message);
  return sampleFromCapture(capture.sections, IDENTITY, undefined, earlier);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/** What nsenter adds to a program, milliseconds. */
function enteringCost(server: Server, pairs: number): number {
  const costs = Array.from({ length: pairs }, () => run(inside(server, ['true']), false).ms - run(['true'], false).ms);
  return median(costs);
}

function measure(server: Server, pairs: number): string {
  const entering = enteringCost(server, pairs);
  const full = read(run(inside(server, samplerArgv()), true).out, null);
  const pids = full.processes.map(({ pid }) => String(pid)).join(' ');
  const cat = inside(server, ['sh', '-c', `for p in ${pids}; do cat /proc/$p/smaps; done`]);
  const depth = depthAfter(full);
  const ordinary = inside(server, samplerArgv({ depth }));
  const threads = inside(server, samplerArgv());
  const times: [number, number, number][] = [];
  let bytes: [number, number] = [0, 0];
  for (let pair = 0; pair < pairs; pair += 1) {
    const order = pair % 2 === 0;
    const before = order ? run(cat, false).ms : 0;
    const one = run(ordinary, true);
    const after = order ? 0 : run(cat, false).ms;
    const all = run(threads, true);
    if (leavesOpen(read(one.out, full), full)) missing('an ordinary sample leaves something open');
    bytes = [one.out.length, all.out.length];
    times.push([before + after - entering, one.ms - entering, all.ms - entering]);
  }
  const ratio = (index: 1 | 2): string => median(times.map((row) => row[index] / row[0])).toFixed(2);
  const ms = (index: 0 | 1 | 2): string => median(times.map((row) => row[index])).toFixed(1);
  const count = full.processes.length;
  const size = (index: 0 | 1): string =>
    `${String(bytes[index])} B (${String(Math.round(bytes[index] / count))} a process)`;
  return [
    `1 master + ${String(WORKERS)} workers x ${String(full.processes[1]?.threads)} threads, ${String(pairs)} pairs`,
    `  cat        ${ms(0)} ms`,
    `  ${depth.padEnd(9)}  ${ms(1)} ms   ${ratio(1)} x cat   ${size(0)}`,
    `  threads    ${ms(2)} ms   ${ratio(2)} x cat   ${size(1)}   in the first sample and every twelfth`,
  ].join('\n');
}

const pairs = Number(process.argv[2] ?? 60);
const server = findServer();
for (const threads of THREADS) {
  const running = await start(server, threads);
  try {
    process.stdout.write(`${measure(running, pairs)}\n`);
  } finally {
    running.child.kill('SIGKILL');
    await once(running.child, 'exit');
  }
}
