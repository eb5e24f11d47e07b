/** Starts a real uWSGI on a config, asks it what it runs, and ends it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Build } from './builds.ts';

/** What a server that was started really ran; `exited` when it ended by itself. */
export interface Truth {
  readonly exited: boolean;
  /** Workers in its stats, those that cheaper holds back included. */
  readonly processes: number;
  /** Cores of a worker in its stats. */
  readonly cores: number;
  /** Threads of a worker process; 0 without workers. */
  readonly threads: number;
  /** KiB from its log; null when it kept the C library's default. */
  readonly stackKib: number | null;
  /** Its own list of options, without those of the command line that starts it here. */
  readonly options: readonly string[];
  readonly log: string;
}

export interface Start {
  /** A folder for the sockets. */
  readonly folder: string;
  /** Unique in the folder. */
  readonly name: string;
  /** The command line behind the options that every start has. */
  readonly args: readonly string[];
  /** In this order. */
  readonly env: Readonly<Record<string, string>>;
}

const READY_MS = 20_000;
const THREADS_MS = 2_000;
const NOTHING = { processes: 0, cores: 0, threads: 0 } as const;

/** Starts one server. Throws when it neither serves its stats nor ends in time. */
export async function startServer(build: Build, { folder, name, args, env }: Start): Promise<Truth> {
  const stats = join(folder, `${name}.stats`);
  const fixed = ['--show-config', '--socket', join(folder, `${name}.sock`), '--stats', stats];
  const [program = '', ...before] = build.argv;
  const child = spawn(program, [...before, ...fixed, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], ...build.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const state = { log: '', ended: false };
  const ended = once(child, 'close').then(() => (state.ended = true));
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('latin1').on('data', (chunk: string) => (state.log += chunk));
  }
  try {
    await ready(state, ended);
    const measured = state.ended ? NOTHING : await measure(stats);
    return { ...measured, exited: state.ended, ...readLog(state.log, folder) };
  } finally {
    if (child.pid !== undefined && !state.ended) process.kill(-child.pid, 'SIGKILL');
    await ended;
  }
}

async function ready(state: { readonly log: string; readonly ended: boolean }, ended: Promise<unknown>): Promise<void> {
  const deadline = Date.now() + READY_MS;
  while (!state.ended && !state.log.includes('Stats server enabled')) {
    if (Date.now() > deadline) throw new Error(`uWSGI is not up after ${READY_MS} ms:\n${state.log}`);
    await Promise.race([sleep(4), ended]);
  }
}

interface Stats {
  readonly workers: readonly { readonly pid: number; readonly cores: readonly unknown[] }[];
}

async function measure(address: string): Promise<Pick<Truth, 'processes' | 'cores' | 'threads'>> {
  const { workers } = JSON.parse(await readAll(connect(address))) as Stats;
  const cores = Math.max(0, ...workers.map((worker) => worker.cores.length));
  const running = workers.filter(({ pid }) => pid > 0);
  // A worker starts its threads after it is listed.
  const deadline = Date.now() + THREADS_MS;
  let threads = 0;
  do {
    const counts = await Promise.all(running.map(({ pid }) => threadsOf(pid)));
    threads = Math.max(0, ...counts);
    if (counts.every((count) => count === cores)) break;
    await sleep(10);
  } while (Date.now() < deadline);
  return { processes: workers.length, cores, threads };
}

async function threadsOf(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/task`).catch(() => [])).length;
}

function readLog(log: string, folder: string): Pick<Truth, 'stackKib' | 'options' | 'log'> {
  const stack = /threads stack size set to (\d+)k/.exec(log)?.[1];
  const dump = /^;uWSGI instance configuration\r?\n\[uwsgi\]\n(?<options>[^]*?)^;end of configuration$/m.exec(log);
  const options = (dump?.groups?.['options'] ?? '').split('\n').filter((line) => line !== '');
  return {
    stackKib: stack === undefined ? null : Number(stack),
    options: options.filter((line) => line !== 'show-config = true' && !line.includes(`= ${folder}/`)),
    log: log.slice(-500),
  };
}
