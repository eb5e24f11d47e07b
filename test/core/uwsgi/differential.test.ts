/**
 * The real uWSGI as the judge of the config room: generated texts are started, and what runs is compared with what was
 * read; edits are started too. By hand, since it needs the program (a Debian package, or pyuwsgi from pip):
 *
 *   REAL_UWSGI=/usr/bin/uwsgi RUNS=1000 SEED=7 npx vitest run --project unit test/core/uwsgi/differential.test.ts
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { kib } from '../../../src/core/quantity.ts';
import { analyse } from '../../../src/core/uwsgi/analysis.ts';
import { editConfig, restoreValues } from '../../../src/core/uwsgi/edit.ts';
import { readConfig } from '../../../src/core/uwsgi/reading.ts';

const UWSGI = process.env['REAL_UWSGI'] ?? '';
if (UWSGI === '') throw new Error('REAL_UWSGI: found nothing, allowed: the path of a uwsgi program');
vi.setConfig({ testTimeout: 3_600_000 });

const OPTIONS = { format: 'Ini', section: 'uwsgi' } as const;
const RUNS = Number(process.env['RUNS'] ?? 150);
const PAGE_KIB = 4;

let directory: string;
let started = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'uwsgi-differential-'));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/** What really ran. Numbers are null when the process ended by itself. */
interface Truth {
  readonly exited: boolean;
  readonly workers: number | null;
  readonly threads: number | null;
  /** Mapped KiB of a thread's stack; null when uWSGI did not set one. */
  readonly stackKib: number | null;
  readonly log: string;
}

async function start(text: string, env: NodeJS.ProcessEnv = {}): Promise<Truth> {
  started++;
  const file = join(directory, `${started}.ini`);
  await writeFile(file, text);
  const child = spawn(UWSGI, ['--socket', join(directory, `${started}.sock`), '--ini', file], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const state = { log: '', exited: false };
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => {
      state.exited = true;
      resolve();
    });
  });
  const keep = (chunk: Buffer): void => {
    state.log += chunk.toString();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const threads = await settle(state, ended);
  const { exited } = state;
  const noWorkers = state.log.includes('Operational MODE: no-workers');
  if (child.pid !== undefined && !exited) process.kill(-child.pid, 'SIGKILL');
  await ended;
  const stack = /threads stack size set to (\d+)k/.exec(state.log)?.[1];
  return {
    exited: exited && !noWorkers,
    workers: exited ? (noWorkers ? 0 : null) : workerPids(state.log).length,
    threads: exited ? null : threads,
    stackKib: stack === undefined ? null : Math.ceil(Number(stack) / PAGE_KIB) * PAGE_KIB,
    log: state.log.slice(-500),
  };
}

/** Waits until log and threads stand still; returns the threads of a worker. */
async function settle(state: { log: string; exited: boolean }, ended: Promise<void>): Promise<number | null> {
  let before = '';
  let threads: number | null = null;
  for (let round = 0, still = 0; round < 200 && still < 8 && !state.exited; round++) {
    await Promise.race([sleep(50), ended]);
    const counts = await Promise.all(workerPids(state.log).map(threadsOf));
    threads = counts.length === 0 ? null : Math.max(...counts);
    const now = `${state.log.length} ${counts.join(' ')}`;
    still = now === before && state.log.includes('spawned uWSGI') ? still + 1 : 0;
    before = now;
  }
  return threads;
}

function workerPids(log: string): readonly number[] {
  return [...log.matchAll(/spawned uWSGI worker \d+ \((?:and the only\) \()?pid: (\d+)/g)].map(([, pid]) =>
    Number(pid),
  );
}

async function threadsOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^Threads:\s*(\d+)/m.exec(status)?.[1] ?? 0);
}

const small = fc.nat({ max: 5 }).map(String);
const key = fc.constantFrom(
  ...['processes', 'workers', 'threads', 'threads-stacksize', 'thread-stacksize', 'thread-stack-size'],
  ...['threads-stack-size', 'np', 'a', 'p', 'threads_stacksize', 'THREADS', 'cheaper'],
);
const value = fc.oneof(
  { weight: 3, arbitrary: small },
  {
    weight: 2,
    arbitrary: fc.constantFrom('64', '17', '15', '64k', '8M', '0x40', '-1', 'auto', '"4"', '', '+4', '\u00a03'),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('%(np)', '%(a)', '%(np + 1)', '%(a ++)', '%%(a)', '2 ; x', '3 %(np)', '4%', '$(X)'),
  },
);
const line = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom('', ' ', '\t'), key, fc.constantFrom('=', ' = ', '\t= '), value)
      .map((parts) => parts.join('')),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...[
        '; 50%',
        '; 50%%',
        '[uwsgi]',
        '[other]',
        '[uwsgi] ; c',
        ' [uwsgi]',
        '[uwsgix',
        'set = processes=3',
        'set-ph = np=2',
      ],
      ...[
        'if-opt = np',
        'if-not-opt = a=2',
        'if-env = X',
        'if-not-env = X',
        'for = 2 3',
        'for-times = 2',
        'endif',
        'end',
      ],
      ...['processes = %(_)', 'threads = %(_)', 'ini = :other', 'strict', 'threads', 'master = true'],
    ),
  },
);
const config = fc
  .tuple(fc.array(line, { minLength: 2, maxLength: 10 }), fc.constantFrom('\n', '\r\n'), fc.constantFrom('', '\ufeff'))
  .map(([lines, eol, mark]) => `${mark}${['[uwsgi]', ...lines].join(eol)}${eol}`);
const wanted = fc.record({
  processes: fc.integer({ min: 1, max: 4 }),
  threads: fc.integer({ min: 1, max: 4 }),
  threadStackSize: fc.integer({ min: 4, max: 32 }).map((pages) => kib(pages * PAGE_KIB)),
});
const seed = process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) };
const environment = fc.constantFrom<NodeJS.ProcessEnv>({}, { X: '3' });

/** Whether the pod may end for something that the text does not tell. */
function dependsOnPod(text: string): boolean {
  const { options, values } = analyse(text, OPTIONS);
  return options.some(({ conditional }) => conditional !== null) || values.some((filled) => filled.includes('\uffff'));
}

it('reads what uWSGI runs with', async () => {
  await fc.assert(
    fc.asyncProperty(config, environment, async (text, env) => {
      const reading = readConfig(text, OPTIONS);
      fc.pre(reading.fault?.reason.includes('without end') !== true);
      const truth = await start(text, env);

      if (reading.fault !== null) expect(truth.exited).toBe(true);
      if (truth.exited) {
        expect(reading.fault !== null || dependsOnPod(text)).toBe(true);
        return;
      }
      const { processes, threads, threadStackSize, cheaper } = reading;
      if (processes.value !== null && !((cheaper.value ?? 0) > 0)) expect(truth.workers).toBe(processes.value);
      if (threads.value !== null && truth.threads !== null) expect(truth.threads).toBe(threads.value);
      if (threadStackSize.value !== null) expect(truth.stackKib).toBe(threadStackSize.value / kib(1));
      else if (threadStackSize.reason?.includes('C library') === true) expect(truth.stackKib).toBeNull();
    }),
    { numRuns: RUNS, ...seed },
  );
});

it('edits so that uWSGI runs with the wanted values, and puts back to the last byte', async () => {
  await fc.assert(
    fc.asyncProperty(config, wanted, environment, async (text, values, env) => {
      const result = editConfig(text, OPTIONS, values);
      fc.pre(result.ok);
      expect(restoreValues(result.text, text, OPTIONS)).toMatchObject({ ok: true, text });
      const truth = await start(result.text, env);

      if (truth.exited && dependsOnPod(result.text)) return;
      expect({ ...truth, log: '' }).toMatchObject({
        exited: false,
        ...(result.text.includes('cheaper') ? {} : { workers: values.processes }),
        threads: values.threads,
        stackKib: values.threadStackSize / kib(1),
      });
    }),
    { numRuns: RUNS, ...seed },
  );
});
