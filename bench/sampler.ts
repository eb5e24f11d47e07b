/**
 * What a sample costs the pod: run by hand and as root, `node bench/sampler.ts [ROUNDS] [IMAGE…]`.
 *
 * Real uWSGI out of the images of the end-to-end tests, and in turn beside `cat smaps >/dev/null`, one `cat` per process:
 * one `cat` for all, `pmap -X` of this machine's procps, an ordinary sample and one with every thread's stat. Then the
 * same on one processor, and the latency of requests with and without samples.
 */
import { spawnSync } from 'node:child_process';
import { cpus, release } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { samplerArgv, splitCapture } from '../src/core/memory/capture.ts';
import { depthAfter, leavesOpen } from '../src/core/memory/earlier-sample.ts';
import { sampleFromCapture } from '../src/core/memory/sample-from-capture.ts';
import type { Sample } from '../src/core/memory/sample.ts';
import type { ImageName } from '../test/images/index.ts';
import { compareLatency } from './latency.ts';
import { compare, run, type Candidate, type Cost } from './measure.ts';
import { inside, missing, startServer, stopServer, unpackRoot, WORKERS, type Server } from './uwsgi-server.ts';

const THREADS = [10, 100, 400];
/** Threads of the server whose latency is measured. */
const SERVING = 100;
const ONE_PROCESSOR = ['taskset', '--cpu-list', '0'];
const IDENTITY = { pod: 'bench', podUid: '', node: '', takenAt: 0 };

function read(bytes: Uint8Array, earlier: Sample | null): Sample {
  const capture = splitCapture(bytes, gunzipSync);
  if (!capture.ok) return missing(capture.message);
  return sampleFromCapture(capture.sections, IDENTITY, undefined, earlier);
}

/** What is measured of one server; `prefix` begins every program. */
function candidatesOf(server: Server, full: Sample, prefix: readonly string[]): readonly Candidate[] {
  const pids = full.processes.map(({ pid }) => String(pid));
  const shell = (script: string): readonly string[] => [...prefix, ...inside(server, ['sh', '-c', script])];
  const idle = [...prefix, ...inside(server, ['true'])];
  const depth = depthAfter(full);
  const candidates = [
    { name: 'cat', argv: shell(`for p in ${pids.join(' ')}; do cat /proc/$p/smaps; done >/dev/null`), idle },
    { name: 'one cat', argv: shell(`cat ${pids.map((pid) => `/proc/${pid}/smaps`).join(' ')} >/dev/null`), idle },
    { name: depth, argv: [...prefix, ...inside(server, samplerArgv({ depth }))], idle },
    { name: 'threads', argv: [...prefix, ...inside(server, samplerArgv())], idle },
  ];
  if (!hasPmap) return candidates;
  // The image has none, so this machine's reads the same processes from outside.
  const argv = [...prefix, 'sh', '-c', `pmap -X ${server.pids.join(' ')} >/dev/null`];
  return [...candidates, { name: 'pmap -X', argv, idle: [...prefix, 'true'] }];
}

function line({ name, ms, ratio, processorMs, processorRatio, output }: Cost): string {
  const time = `${ms.toFixed(1).padStart(7)} ms ${ratio.toFixed(2).padStart(6)} x`;
  const processor = `${processorMs.toFixed(1).padStart(7)} ms ${processorRatio.toFixed(2).padStart(6)} x`;
  // The master's share is counted as the workers': an upper bound of what one worker needs.
  const bytes = output.length === 0 ? '' : `   ${String(Math.round(output.length / WORKERS))} B a worker`;
  return `  ${name.padEnd(8)} time ${time}   processor ${processor}${bytes}\n`;
}

function measure(server: Server, image: ImageName, rounds: number): void {
  const full = read(run(inside(server, samplerArgv())).output, null);
  const ordinary = read(run(inside(server, samplerArgv({ depth: depthAfter(full) }))).output, full);
  if (leavesOpen(ordinary, full)) missing('an ordinary sample leaves something open');
  const threads = String(full.processes.find(({ role }) => role === 'worker')?.threads);
  for (const [where, prefix] of [
    [`${String(cpus().length)} processors`, []],
    ['one processor', ONE_PROCESSOR],
  ] as const) {
    process.stdout.write(`${image}, 1 master + ${String(WORKERS)} workers x ${threads} threads, ${where}\n`);
    for (const cost of compare(candidatesOf(server, full, prefix), rounds)) process.stdout.write(line(cost));
  }
}

const hasPmap = spawnSync('pmap', ['-V']).status === 0;
const [count = '40', ...names] = process.argv.slice(2);
const rounds = Number(count);
if (!Number.isInteger(rounds) || rounds < 1) missing(`"${count}" is no number of rounds`);
const images = (names.length > 0 ? names : ['uwsgi-bookworm', 'uwsgi-forky']) as ImageName[];

process.stdout.write(
  `Linux ${release()}, ${String(cpus().length)} x ${cpus()[0]?.model ?? 'unknown'}, ${count} rounds\n`,
);
if (!hasPmap) process.stdout.write('pmap (package procps) is missing: the samples are not compared with it\n');
for (const image of images) {
  const root = await unpackRoot(image);
  for (const threads of THREADS) {
    const server = await startServer(root, threads);
    try {
      measure(server, image, rounds);
      if (threads !== SERVING) continue;
      const depth = depthAfter(read(run(inside(server, samplerArgv())).output, null));
      process.stdout.write(await compareLatency(server.url, inside(server, samplerArgv({ depth }))));
    } finally {
      await stopServer(server);
    }
  }
}
