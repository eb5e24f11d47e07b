/**
 * The stream that the sampler would print in a made-up pod: the recorded server of 4 x 100 with its workers, threads and
 * stacks multiplied or cut to another shape. Everything else of it stays as it was recorded.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { kib, mib } from '../../../src/core/quantity.ts';

/** What a made-up server runs. Sizes in bytes. */
export interface ServerShape {
  readonly processes: number;
  readonly threads: number;
  readonly stack: number;
  readonly limit: number;
  /** Processes of the container that were killed for memory. */
  readonly oomKills: number;
  /** The pid of worker N is `firstPid` + N; the master is `firstPid`. */
  readonly firstPid: number;
  /** Memory that each worker holds beyond what was recorded: what a swinging load would make it hold. */
  readonly ballast: number;
}

const RECORDED = new URL('../../fixtures/captures/4x100.capture.gz', import.meta.url);
const RECORDED_STACK = /^Size: +8192 kB/;
const STACKS_AT = 0x7000_0000_0000;
/** What the cgroup of the recorded server held: its own part, and that of one worker without its threads' stacks. */
const CONTAINER_BYTES = mib(12);
const WORKER_BYTES = mib(5);
const THREAD_BYTES = kib(44);

interface Row {
  readonly start: number;
  readonly head: string;
  readonly body: string;
}

interface Recorded {
  readonly facts: string;
  readonly master: string;
  readonly workerStat: string;
  readonly threadStat: string;
  readonly status: string;
  readonly rows: readonly Row[];
  readonly guard: Row;
  readonly stack: Row;
  readonly statm: string;
}

let recorded: Recorded | null = null;

/** What the container's cgroup holds, bytes. */
export function usageOf({ processes, threads, ballast }: ServerShape): number {
  return CONTAINER_BYTES + processes * (WORKER_BYTES + threads * THREAD_BYTES + ballast);
}

/** The stream for one shape; `everyThread` as the sampler's depth "threads" asks for it. */
export function captureStream(shape: ServerShape, everyThread: boolean): string {
  recorded ??= readRecorded();
  const { facts, master } = recorded;
  const container = facts
    .replace(/(hierarchical_memory_limit) \d+/, `$1 ${shape.limit}`)
    .replace(/(@memory\.limit_in_bytes\n)\d+/, `$1${shape.limit}`)
    .replace(/(@memory\.usage_in_bytes\n)\d+/, `$1${usageOf(shape)}`)
    .replace(/oom_kill \d+/, `oom_kill ${shape.oomKills}`);
  const workers = Array.from({ length: shape.processes }, (_, index) => worker(recorded as Recorded, shape, index + 1));
  const first = `@process ${shape.firstPid} 1 -\n${master.replace(/^\d+/, String(shape.firstPid))}`;
  const text = everyThread ? workers : workers.map((one) => one.replaceAll(/^\d+ \(uwsgi\) .* THREAD\n/gm, ''));
  return `${container}${first}${text.map((one) => one.replaceAll(' THREAD\n', '\n')).join('')}@end ${shape.processes + 1}\n`;
}

/** What the guard's probe would print there. */
export function guardText({ processes, oomKills, firstPid }: ServerShape, startTicks: number): string {
  const worker = (index: number): string => `process ${firstPid + index + 1} ${firstPid} ${startTicks} 1\n`;
  const workers = Array.from({ length: processes }, (_, index) => worker(index)).join('');
  return `@uwsgi-tuner guard 1\noom_kill ${oomKills}\nprocess ${firstPid} 0 ${startTicks} 1\n${workers}end ${processes + 1}\n`;
}

function worker(from: Recorded, shape: ServerShape, index: number): string {
  const { processes, threads, stack, firstPid } = shape;
  const pid = firstPid + index;
  const ids = Array.from({ length: threads - 1 }, (_, thread) => firstPid + processes + index * threads + thread + 1);
  const stats = [
    from.workerStat.replace(/^\d+ (\(uwsgi\) \S) \d+/, `${pid} $1 ${firstPid}`),
    ...ids.map((id) => `${from.threadStat.replace(/^\d+ (\(uwsgi\) \S) \d+/, `${id} $1 ${firstPid}`)} THREAD`),
  ];
  const status = from.status
    .replace(/^Threads:\t\d+/m, `Threads:\t${threads}`)
    .replace(/^(Tgid|Pid):\t\d+/gm, `$1:\t${pid}`);
  const stacks = ids.flatMap((_, thread) => {
    const start = STACKS_AT + thread * (stack + kib(4));
    return [place(from.guard, start, kib(4)), place(from.stack, start + kib(4), stack)];
  });
  const rows = [...from.rows, ...stacks].sort((a, b) => a.start - b.start);
  const smaps = rows.map(({ head, body }) => head + body).join('');
  return `@process ${pid} 1 -\n${stats.join('\n')}\n${status}${grown(smaps, shape.ballast)}${from.statm}`;
}

/** The heap's row with more of it in use. */
function grown(smaps: string, ballast: number): string {
  if (ballast === 0) return smaps;
  const more = Math.round(ballast / 1024);
  return smaps.replace(/^[^\n]*\[heap\]\n(?:[A-Z][^\n]*\n)+/m, (row) =>
    row.replaceAll(
      /^(Rss|Pss|Pss_Dirty|Private_Dirty|Referenced|Anonymous|Size):( +)(\d+) kB/gm,
      (_, name: string, gap: string, value: string) => `${name}:${gap}${Number(value) + more} kB`,
    ),
  );
}

function place(row: Row, start: number, size: number): Row {
  const hex = (value: number): string => value.toString(16);
  return {
    start,
    head: row.head.replace(/^\S+/, `${hex(start)}-${hex(start + size)}`),
    body: row.body.replace(/^Size: +\d+ kB/m, `Size: ${size / 1024} kB`),
  };
}

function readRecorded(): Recorded {
  const text = gunzipSync(readFileSync(RECORDED)).toString('latin1');
  const [facts = '', master = '', one = ''] = text.split(/^@process \d+ 1 -\n/m);
  const smapsAt = one.search(/^[0-9a-f]+-[0-9a-f]+ /m);
  const stats = one.slice(0, smapsAt).match(/^\d+ \(uwsgi\) .*$/gm) ?? [];
  const status = one.slice(0, smapsAt).replaceAll(/^\d+ \(uwsgi\) .*\n/gm, '');
  const statmAt = one.trimEnd().lastIndexOf('\n') + 1;
  const all = readRows(one.slice(smapsAt, statmAt));
  const isStack = (row: Row | undefined): boolean =>
    row !== undefined && RECORDED_STACK.test(row.body) && / rw-p /.test(row.head);
  const rows = all.filter((row, index) => !isStack(row) && !(isStack(all[index + 1]) && / ---p /.test(row.head)));
  const stackAt = all.findIndex((row) => isStack(row));
  const [guard, stack] = [all[stackAt - 1], all[stackAt]];
  const [workerStat, threadStat] = stats;
  if (guard === undefined || stack === undefined || workerStat === undefined || threadStat === undefined) {
    throw new Error('the recorded server has no thread stacks');
  }
  return { facts, master, workerStat, threadStat, status, rows, guard, stack, statm: one.slice(statmAt) };
}

function readRows(smaps: string): Row[] {
  return smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).map((text) => {
    const end = text.indexOf('\n') + 1;
    return { start: Number.parseInt(text, 16), head: text.slice(0, end), body: text.slice(end) };
  });
}
