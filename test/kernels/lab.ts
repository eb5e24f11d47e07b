/** What is run inside a virtual machine (guest/lab.py), and what comes back from there. */
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { showProgress } from '../cluster/progress.ts';
import { REPOSITORY } from '../cluster/cache.ts';
import type { Guest } from './guest.ts';
import { runMachine } from './machine.ts';

/** One container of real uWSGI: started, put under load, looked at. */
export interface Scenario {
  readonly name: string;
  readonly processes: number;
  readonly threads: number;
  /** Option threads-stacksize; null: not set, so 8192. */
  readonly stackKib: number | null;
  /** Bytes. */
  readonly limit: number;
  readonly hugePages: 'always' | 'madvise';
  /** Capture also with no other programs than busybox. */
  readonly busybox: boolean;
  /** Let a worker outgrow the limit, then look again. */
  readonly outOfMemory: boolean;
}

/** What is run in every container: argvs by name. "full" also runs under busybox, where a scenario says so. */
export type Argvs = Readonly<Record<string, readonly string[]>> & { readonly full: readonly string[] };

/** One stack, by a thread's stack pointer, pagemap and kpageflags; bytes. */
export interface StackReading {
  readonly highWater: number;
  readonly resident: number;
  readonly huge: number;
}

export interface ProcessReading {
  /** As the container sees it. */
  readonly pid: number;
  readonly threads: number;
  readonly pageTables: number;
  readonly stacks: readonly StackReading[];
}

/** The independent reading of one container, taken outside of it: guest/reading.py. Sizes are bytes. */
export interface Reading {
  readonly kernel: string;
  readonly architecture: string;
  readonly libc: string;
  readonly hugePages: string;
  readonly limit: number;
  readonly oomKills: number;
  /** memory.stat. */
  readonly stat: Readonly<Record<string, number>>;
  /** Different page frames that hold anonymous memory of any process. */
  readonly anonymous: number;
  readonly processes: readonly ProcessReading[];
}

/** Both readings of one moment; outputs by the argvs' names and "busybox". */
export interface Look {
  readonly reading: Reading;
  readonly outputs: ReadonlyMap<string, Uint8Array>;
}

export interface Found {
  readonly before: Look;
  /** After a worker was killed for memory. */
  readonly after: Look | null;
  /** uWSGI's own words. */
  readonly log: string;
}

interface RawLook {
  readonly reading: Reading;
  readonly outputs: Readonly<Record<string, string>>;
}

interface RawFound {
  readonly before: RawLook;
  readonly after?: RawLook;
  readonly log: string;
  readonly seconds: number;
}

interface RawResult {
  readonly error?: string;
  readonly scenarios?: Readonly<Record<string, RawFound>>;
}

/** Half an hour: about fifteen times what a kernel takes on a machine with nothing else to do. */
const HANGS_MS = 1_800_000;
const EXPECTED_SECONDS = 120;

/** Runs all scenarios in one machine; the first that fails is an error. */
export async function runLab(
  guest: Guest,
  scenarios: readonly Scenario[],
  argv: Argvs,
): Promise<ReadonlyMap<string, Found>> {
  const started = performance.now();
  const progress = showProgress(`running uWSGI on the kernel of Debian ${guest.suite}`, EXPECTED_SECONDS);
  let result: string | null = null;
  let last: readonly string[];
  try {
    last = await runMachine(guest, payload(scenarios, argv), {
      timeoutMs: HANGS_MS,
      onLine: (line) => {
        const [, word, rest = ''] = /^@(scenario|result) (.*?)\r?$/.exec(line) ?? [];
        if (word === 'scenario') progress.detail(rest);
        if (word === 'result') result = rest;
      },
    });
  } finally {
    progress.done();
  }
  const { error, scenarios: raw = {} } = read(result, last);
  if (error !== undefined) throw new Error(`in the virtual machine of ${guest.suite}: ${error}`);
  report(guest, raw, (performance.now() - started) / 1000);
  return new Map(Object.entries(raw).map(([name, each]) => [name, found(each)]));
}

function payload(scenarios: readonly Scenario[], argv: Argvs): Parameters<typeof runMachine>[1] {
  const programs = join(import.meta.dirname, 'guest');
  return {
    copied: new Map([
      ['init', join(programs, 'init')],
      ['lab', programs],
      ['app/app.py', join(REPOSITORY, 'test', 'images', 'uwsgi', 'app.py')],
    ]),
    written: new Map([['lab/plan.json', JSON.stringify({ scenarios, argv })]]),
  };
}

function read(result: string | null, last: readonly string[]): RawResult {
  if (result === null) return { error: `it turned itself off without a result; its last lines:\n${last.join('\n')}` };
  return JSON.parse(gunzipSync(Buffer.from(result, 'base64')).toString()) as RawResult;
}

function found({ before, after, log }: RawFound): Found {
  return { before: look(before), after: after === undefined ? null : look(after), log };
}

function look({ reading, outputs }: RawLook): Look {
  const decoded = Object.entries(outputs).map(([name, text]) => [name, Buffer.from(text, 'base64')] as const);
  return { reading, outputs: new Map(decoded) };
}

/** The time that each part took, for whoever looks for the slow one. */
function report({ suite }: Guest, raw: Readonly<Record<string, RawFound>>, seconds: number): void {
  const entries = Object.entries(raw);
  const kernel = entries[0]?.[1].before.reading.kernel ?? 'unknown';
  const parts = entries.map(([name, each]) => `${name} ${each.seconds.toFixed(0)} s`);
  process.stderr.write(`kernel ${kernel} (${suite}): ${seconds.toFixed(0)} s in all; ${parts.join(', ')}\n`);
}
