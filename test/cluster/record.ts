import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { cachePath } from './cache.ts';

/** The two kinds of test cluster: only a control plane, or one with a node that really runs pods. */
export type Tier = 'control-plane' | 'node';

/** A process, told apart from a later one that got the same pid. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot, as in /proc/PID/stat. */
  readonly started: string;
}

/** What another process needs to know to use a cluster or to end it. */
export interface ClusterRecord {
  readonly name: string;
  readonly tier: Tier;
  /** The API server's port on the host's loopback. */
  readonly port: number;
  /** The process whose end is the end of the cluster: unshare for a node, the supervisor for a control plane. */
  readonly root: ProcessId;
  /** The first process inside a node's namespaces; the kernel lets it go last. The same as `root` without a node. */
  readonly init: ProcessId;
  /** Whether the cluster ends with the process that started it. */
  readonly owned: boolean;
}

const NAME = /^[a-z][a-z0-9-]{0,19}$/;

/** The state folder of a cluster. Its path must stay short: sockets lie in it, and those have at most 107 characters. */
export function clusterFolder(name: string): string {
  if (!NAME.test(name)) {
    throw new Error(`cluster name ${JSON.stringify(name)}: at most 20 of a-z, 0-9 and -, and a letter first`);
  }
  return cachePath('clusters', name);
}

export async function writeRecord(record: ClusterRecord): Promise<void> {
  const path = join(clusterFolder(record.name), 'cluster.json');
  await writeFile(`${path}.new`, JSON.stringify(record));
  await rename(`${path}.new`, path);
}

/** The record of a cluster, or undefined when there is none. */
export async function readRecord(name: string): Promise<ClusterRecord | undefined> {
  const text = await readFile(join(clusterFolder(name), 'cluster.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as ClusterRecord);
}

/** The names of all state folders, also of those that a killed run left. */
export async function clusterNames(): Promise<readonly string[]> {
  const names = await readdir(join(clusterFolder('x'), '..')).catch(() => []);
  return names.filter((name) => NAME.test(name)).sort();
}

export function processId(pid: number): ProcessId {
  return { pid, started: startTime(pid) ?? 'gone' };
}

/** The only child of a process, if it has one: the process that unshare started in the new namespaces. */
export function childOf(parent: number): ProcessId | undefined {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    if (statFields(Number(name))?.[1] === String(parent)) return processId(Number(name));
  }
  return undefined;
}

export function isAlive(id: ProcessId): boolean {
  return startTime(id.pid) === id.started;
}

/** When a process started; undefined when it is gone, or has ended and only waits to be reaped. */
function startTime(pid: number): string | undefined {
  const fields = statFields(pid);
  return fields === undefined || fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** /proc/PID/stat from its third field on: the state, the parent, …; the 20th of these is the start time. */
function statFields(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses, the second field, may hold spaces: count from behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
