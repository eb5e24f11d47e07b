/**
 * Which uWSGI process is the master, which are workers (uwsgi.md 7). uWSGI tells nobody, so this is read off the process
 * tree, the threads and, where they are, uWSGI's own names.
 */
import type { ThreadStat } from './process-files.ts';
import type { ProcessRole } from './sample.ts';

/** What is looked at of each process. */
export interface RoleEvidence {
  readonly pid: number;
  readonly parentPid: number | null;
  readonly uwsgi: boolean;
  /** From an automatic process title (auto-procname), or what the same process was in an earlier sample. */
  readonly hint: ProcessRole | null;
  readonly threads: readonly ThreadStat[];
  /** Whether `threads` are all of them; otherwise the main one only. */
  readonly threadsRead: boolean;
}

/** Names every process's role; null where processes cannot be told apart. */
export function rolesOf(
  processes: readonly RoleEvidence[],
  configuredProcesses: number | null = null,
): ReadonlyMap<number, ProcessRole | null> {
  const uwsgi = new Set(processes.filter((process) => process.uwsgi).map((process) => process.pid));
  const children = Map.groupBy(
    processes.filter((process) => process.uwsgi),
    (process) => process.parentPid ?? 0,
  );
  const siblings = new Map<number, Siblings>();
  const siblingsOf = (parentPid: number): Siblings => {
    const known = siblings.get(parentPid) ?? describeSiblings(children.get(parentPid) ?? []);
    siblings.set(parentPid, known);
    return known;
  };
  const roles = new Map<number, ProcessRole | null>();
  for (const process of processes) {
    if (!process.uwsgi) {
      roles.set(process.pid, 'other');
      continue;
    }
    const own = children.get(process.pid) ?? [];
    if (own.length > 0) roles.set(process.pid, parentRole(process, own, children));
    else if (process.parentPid !== null && uwsgi.has(process.parentPid)) {
      const siblings = siblingsOf(process.parentPid);
      roles.set(process.pid, childRole(process, siblings, configuredProcesses));
    } else roles.set(process.pid, process.hint ?? 'worker');
  }
  return roles;
}

/**
 * How many threads can be request cores 1 and above: uWSGI blocks every signal on them. Offload threads do it too. Null
 * when the threads were not read.
 */
export function signalFreeThreads(process: Pick<RoleEvidence, 'pid' | 'threads' | 'threadsRead'>): number | null {
  if (!process.threadsRead) return null;
  return process.threads.filter((thread) => thread.id !== process.pid && thread.blocksSignals).length;
}

/** A parent is the master; without option `master` the first process serves as well; above masters is an emperor. */
function parentRole(
  process: RoleEvidence,
  own: readonly RoleEvidence[],
  children: ReadonlyMap<number, readonly RoleEvidence[]>,
): ProcessRole | null {
  if (own.some((child) => children.has(child.pid))) return 'other';
  if (process.hint !== null) return process.hint;
  if (process.threads[0]?.name.startsWith('uWSGIWorker') !== true) return 'master';
  const cores = signalFreeThreads(process);
  return cores === null ? null : cores > 0 ? 'worker' : 'master';
}

/** A child that no sign tells apart is a worker: most servers have neither mules, spoolers nor routers. */
function childRole(process: RoleEvidence, siblings: Siblings, configuredProcesses: number | null): ProcessRole | null {
  if (process.hint !== null) return process.hint;
  if (siblings.areNamed) return isNamedWorker(process) ? 'worker' : 'other';
  const own = signalFreeThreads(process);
  if (own === null || siblings.hasCores === null) return null;
  if (siblings.hasCores) return own > 0 ? 'worker' : 'other';
  return configuredProcesses !== null && siblings.count > configuredProcesses ? null : 'worker';
}

/** What the children of one process tell together. */
interface Siblings {
  readonly count: number;
  readonly areNamed: boolean;
  /** Whether any has request cores above 0; null when the threads of one were not read. */
  readonly hasCores: boolean | null;
}

function describeSiblings(siblings: readonly RoleEvidence[]): Siblings {
  const cores = siblings.map(signalFreeThreads);
  const hasCores = cores.includes(null) ? null : cores.some((count) => count !== null && count > 0);
  return { count: siblings.length, areNamed: siblings.some(isNamedWorker), hasCores };
}

/** uWSGI 2.0.31 and newer name a worker's threads "uWSGIWorker1Core0", which the kernel cuts to 15 letters. */
function isNamedWorker(process: RoleEvidence): boolean {
  return process.threads.some((thread) => thread.id === process.pid && thread.name.startsWith('uWSGIWorker'));
}
