/** What a process and its requests cost, read from outside: /proc and the API server's audit log. */
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditEntry } from '../../test/support/audit.ts';
import { OPERATOR_NAMESPACE } from '../../test/support/operator.ts';

/** Of `/proc/PID/stat`, the unit of CPU times on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const SAMPLE_MS = 2_000;

/** CPU time of a process since its start, user and system, seconds. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory of a process, bytes: now, and the most it ever had. */
export function residentBytes(pid: number): { readonly now: number; readonly most: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) * 1024;
  return { now: field('VmRSS'), most: field('VmHWM') };
}

/** A process watched over a time. */
export interface Usage {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Resident bytes: the mean of the samples, and the largest. */
  readonly rss: number;
  readonly rssMost: number;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly until: number;
}

/** Watches a process for so many seconds. */
export async function watchProcess(pid: number, seconds: number): Promise<Usage> {
  const since = Date.now();
  const before = cpuSeconds(pid);
  const sizes: number[] = [];
  const end = since + seconds * 1000;
  while (Date.now() < end) {
    await sleep(Math.min(SAMPLE_MS, end - Date.now()));
    sizes.push(residentBytes(pid).now);
  }
  return {
    seconds: (Date.now() - since) / 1000,
    cpuSeconds: cpuSeconds(pid) - before,
    rss: sizes.reduce((sum, size) => sum + size, 0) / sizes.length,
    rssMost: Math.max(...sizes),
    since,
    until: Date.now(),
  };
}

/** The operator's requests of a time by kind. A write is what may change an object; an exec only reads. */
export interface Requests {
  readonly reads: number;
  readonly execs: number;
  readonly leaseWrites: number;
  /** All others, as "verb resource". */
  readonly writes: ReadonlyMap<string, number>;
}

const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** Counts from the audit log, those parts included that were rotated away. */
export async function requestsBetween(auditLog: string, since: number, until: number): Promise<Requests> {
  const counts = { reads: 0, execs: 0, leaseWrites: 0 };
  const writes = new Map<string, number>();
  const folder = dirname(auditLog);
  for (const name of (await readdir(folder)).filter((file) => /^audit.*\.log$/.test(file))) {
    for (const entry of entriesOf(await readFile(join(folder, name), 'latin1'))) {
      const at = Date.parse(entry.requestReceivedTimestamp);
      if (at < since || at >= until) continue;
      const { resource = '', subresource } = entry.objectRef ?? {};
      if (subresource === 'exec') counts.execs += 1;
      else if (!WRITES.has(entry.verb)) counts.reads += 1;
      else if (resource === 'leases') counts.leaseWrites += 1;
      else {
        const what = `${entry.verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`;
        writes.set(what, (writes.get(what) ?? 0) + 1);
      }
    }
  }
  return { ...counts, writes };
}

/** The operator's requests that were answered, each once. */
function* entriesOf(text: string): Generator<AuditEntry> {
  const user = `system:serviceaccount:${OPERATOR_NAMESPACE}:`;
  for (const line of text.split('\n')) {
    if (!line.includes('"ResponseComplete"') || !line.includes(user)) continue;
    try {
      yield JSON.parse(line) as AuditEntry;
    } catch {
      // The last line may still be on its way to the file.
    }
  }
}
