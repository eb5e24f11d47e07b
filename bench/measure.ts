/** Runs programs in turn and compares them: what each costs beside the first, in time and in processor time. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { missing } from './uwsgi-server.ts';

/** A program, and one that does nothing but start in the same place: its cost is taken off. */
export interface Candidate {
  readonly name: string;
  readonly argv: readonly string[];
  readonly idle: readonly string[];
}

/** What one program took, and how much of the first one's that is. The fastest tenth of the runs counts: what slows others is the machine. */
export interface Cost {
  readonly name: string;
  readonly ms: number;
  readonly ratio: number;
  /** Of all processors together. */
  readonly processorMs: number;
  readonly processorRatio: number;
  /** Of the last run. */
  readonly output: Uint8Array;
}

/** Every round runs all, beginning with another one each time, so that what else the machine does meets all alike. */
export function compare(candidates: readonly Candidate[], rounds: number): readonly Cost[] {
  const times = candidates.map((): number[] => []);
  const starts = candidates.map((): number[] => []);
  const outputs = candidates.map((): Uint8Array => new Uint8Array());
  for (let round = 0; round < rounds; round += 1) {
    for (let step = 0; step < candidates.length; step += 1) {
      const index = (round + step) % candidates.length;
      const { argv = [], idle = [] } = candidates[index] ?? {};
      starts[index]?.push(run(idle).ms);
      const { ms, output } = run(argv);
      times[index]?.push(ms);
      outputs[index] = output;
    }
  }
  const cost = candidates.map((_, index) => fast(times[index]) - fast(starts[index]));
  const processor = candidates.map(({ argv, idle }) => processorMs(argv, rounds) - processorMs(idle, rounds));
  return candidates.map(({ name }, index) => ({
    name,
    ms: cost[index] ?? NaN,
    ratio: (cost[index] ?? NaN) / (cost[0] ?? NaN),
    processorMs: processor[index] ?? NaN,
    processorRatio: (processor[index] ?? NaN) / (processor[0] ?? NaN),
    output: outputs[index] ?? new Uint8Array(),
  }));
}

/** Runs a program to its end; a failure ends the bench. */
export function run(argv: readonly string[]): { readonly ms: number; readonly output: Uint8Array } {
  const [program = '', ...args] = argv;
  const begun = performance.now();
  const result = spawnSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 28 });
  const ms = performance.now() - begun;
  if (result.status !== 0) missing(`${program} ended with ${String(result.status)}: ${result.stderr.toString()}`);
  return { ms, output: result.stdout };
}

/** Mean processor time of one run. The kernel counts that of ended children to 10 ms, so it is taken of many. */
function processorMs(argv: readonly string[], rounds: number): number {
  const before = childTicks();
  const runs = 3 * rounds;
  for (let turn = 0; turn < runs; turn += 1) run(argv);
  return ((childTicks() - before) * 10) / runs;
}

/** cutime and cstime of this process, fields 16 and 17 of proc_pid_stat(5). */
function childTicks(): number {
  const fields = readFileSync('/proc/self/stat', 'latin1')
    .replace(/^.*\) /, '')
    .split(' ');
  return Number(fields[13]) + Number(fields[14]);
}

function fast(times: readonly number[] = []): number {
  return quantile(times, 0.1);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * part)] ?? NaN;
}
