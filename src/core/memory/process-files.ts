/** Splits the text of one process's files, which the sampler prints with one `cat`, by the shape of their lines. */

/** The CPU time of one thread, from /proc/PID/task/TID/stat. */
export interface ThreadStat {
  readonly id: number;
  /** The thread's name. Used for telling uWSGI's threads apart and never passed on. */
  readonly name: string;
  readonly parentPid: number;
  /** utime + stime in clock ticks (10 ms). */
  readonly cpuTicks: number;
  readonly startTicks: number;
  /** Whether all signals are blocked, as uWSGI does on cores 1 and above and on its offload threads (core/loop.c:80). */
  readonly blocksSignals: boolean;
}

/** One process's files. What is absent was denied or is not part of this form. */
export interface ProcessFiles {
  readonly threads: readonly ThreadStat[];
  /** /proc/PID/status and smaps_rollup fields: "VmRSS" to the text behind the colon. */
  readonly fields: ReadonlyMap<string, string>;
  /** The soft limit of the stack in bytes: glibc's default for a thread's stack. Null: unlimited or unknown. */
  readonly stackLimit: number | null;
  /** Raw smaps text; null when the kernel denied it. */
  readonly smaps: Uint8Array | null;
  /** False when the process ended while it was being read: its files are not of one moment. */
  readonly alive: boolean;
}

const NEWLINE = 10;
const latin1 = new TextDecoder('latin1');
const THREAD = /^(\d+) \((.*)\) (.+)$/s;
/** Every signal from 1 to 31 but KILL (9) and STOP (19), as field 32 of stat shows it. */
const ALL_SIGNALS = 0x7fffffff;
const UNBLOCKABLE = 0x40100;

/**
 * Splits the text. Lines of no known shape are skipped: each kernel adds some. Of sparse text the lines that say 0 kB are
 * left out; the fields of theirs that are used are put back.
 */
export function splitProcessFiles(text: Uint8Array, sparse = false): ProcessFiles {
  const smapsStart = findSmaps(text);
  const lastLine = text.lastIndexOf(NEWLINE, text.length - 2) + 1;
  const statm = latin1.decode(text.subarray(lastLine)).trim();
  const alive = /^[1-9]\d* \d+ \d+ \d+ \d+ \d+ \d+$/.test(statm);
  const threads: ThreadStat[] = [];
  const fields = new Map<string, string>();
  let stackLimit: number | null = null;
  for (const line of latin1.decode(text.subarray(0, smapsStart ?? text.length)).split('\n')) {
    const thread = parseThread(line);
    const colon = line.indexOf(':');
    if (thread !== null) threads.push(thread);
    else if (line.startsWith('Max stack size')) stackLimit = limitOf(line);
    else if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  if (sparse) putBackZeros(fields);
  const smaps = smapsStart === null ? null : text.subarray(smapsStart, alive ? lastLine : text.length);
  return { threads, fields, stackLimit, smaps, alive };
}

/** One line of stat. The name stands in brackets and may hold brackets and blanks: the last bracket ends it. */
export function parseThread(line: string): ThreadStat | null {
  const match = THREAD.exec(line);
  if (match === null) return null;
  const [, id = '', name = '', rest = ''] = match;
  const words = rest.split(' ');
  // Field 3 of proc_pid_stat(5) is words[0].
  const field = (n: number): number => Number(words[n - 3] ?? NaN);
  const numbers = [field(4), field(14), field(15), field(22), field(32)];
  if (words.length < 30 || numbers.some((n) => !Number.isSafeInteger(n) || n < 0)) return null;
  const [parentPid = 0, user = 0, system = 0, startTicks = 0, blocked = 0] = numbers;
  const blocksSignals = (blocked | UNBLOCKABLE) === ALL_SIGNALS;
  return { id: Number(id), name, parentPid, cpuTicks: user + system, startTicks, blocksSignals };
}

/** Fields that are put back where a field that came with them is there: status, its parts (4.5), a roll-up, its parts (5.4). */
const ZEROS: readonly { readonly beside: readonly string[]; readonly fields: readonly string[] }[] = [
  { beside: ['VmSize'], fields: ['VmRSS', 'VmSwap', 'VmPTE'] },
  { beside: ['RssAnon', 'RssFile', 'RssShmem'], fields: ['RssAnon'] },
  { beside: ['Rss', 'Swap'], fields: ['Rss', 'Pss', 'Private_Dirty', 'Anonymous'] },
  { beside: ['Pss_Anon', 'Pss_File', 'Pss_Shmem'], fields: ['Pss_Anon', 'Pss_File', 'Pss_Shmem'] },
];

function putBackZeros(fields: Map<string, string>): void {
  for (const { beside, fields: names } of ZEROS) {
    if (!beside.some((name) => fields.has(name))) continue;
    for (const name of names) if (!fields.has(name)) fields.set(name, '0 kB');
  }
}

function limitOf(line: string): number | null {
  const soft = /^Max stack size +(\d+) /.exec(line);
  const value = Number(soft?.[1] ?? NaN);
  return Number.isSafeInteger(value) ? value : null;
}

/** Where smaps begins: the first line "START-END …". A roll-up, which has one too, stays with the fields. */
function findSmaps(text: Uint8Array): number | null {
  let position = 0;
  while (position < text.length) {
    const end = text.indexOf(NEWLINE, position);
    const line = latin1.decode(text.subarray(position, Math.min(position + 34, end < 0 ? text.length : end)));
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) {
      const rollup = latin1.decode(text.subarray(position, end)).endsWith('[rollup]');
      return rollup ? null : position;
    }
    if (end < 0) return null;
    position = end + 1;
  }
  return null;
}
