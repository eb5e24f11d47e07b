import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { removeCgroups } from './cgroups.ts';
import { withLock } from './lock.ts';
import { clusterFolder, clusterNames, isAlive, processId, readRecord, writeRecord } from './record.ts';
import type { ClusterRecord, ProcessId, Tier } from './record.ts';
import { endSupervisor, keepRunning } from './supervisor.ts';

/**
 * Takes a name and makes the state folder for it. Until the cluster has a root process of its own, the record names
 * this process: as long as it lives, nobody takes the folder for a leftover.
 */
export async function reserveCluster(tier: Tier, name: string | undefined, port: number): Promise<ClusterRecord> {
  return withLock('clusters', async () => {
    await sweep();
    const chosen = name ?? `t${crypto.randomUUID().slice(0, 6)}`;
    const folder = clusterFolder(chosen);
    if (existsSync(folder)) throw new Error(`a cluster named ${chosen} is already running`);
    await mkdir(join(folder, 'log'), { recursive: true, mode: 0o755 });
    const self = processId(process.pid);
    const record: ClusterRecord = { name: chosen, tier, port, root: self, init: self, owned: true };
    await writeRecord(record);
    return record;
  });
}

/** Lets a cluster stay when the process that started it ends; called once it is whole. */
export async function disown(record: ClusterRecord): Promise<ClusterRecord> {
  const kept = { ...record, owned: false };
  await keepRunning(clusterFolder(record.name));
  await writeRecord(kept);
  return kept;
}

/** Ends a cluster and removes all that it had: processes, control groups, the state folder. */
export async function endCluster(record: ClusterRecord): Promise<void> {
  const folder = clusterFolder(record.name);
  const processes = [record.root, record.init, ...(await programsOf(record))];
  // A start that failed early left this process as the root: only what was started is to end.
  const own = processes.filter((id) => id.pid !== process.pid);
  await endSupervisor(folder).catch(() => undefined);
  if (isAlive(record.root) && record.root.pid !== process.pid) process.kill(record.root.pid, 'SIGKILL');
  const left = await waitForEnd(own);
  if (left.length > 0)
    throw new Error(`cluster ${record.name}: processes ${left.map((id) => id.pid).join(', ')} do not end`);
  await removeState(record.name);
}

/** Waits until processes have ended; returns those that have not. */
async function waitForEnd(ids: readonly ProcessId[]): Promise<readonly ProcessId[]> {
  const deadline = Date.now() + 10_000;
  while (ids.some(isAlive) && Date.now() < deadline) await sleep(20);
  return ids.filter(isAlive);
}

/** Removes what killed runs left: empty control groups and state folders. Called under the lock. */
async function sweep(): Promise<void> {
  for (const name of await clusterNames()) {
    const record = await readRecord(name);
    if (record !== undefined) {
      if (isAlive(record.root)) continue;
      await waitForEnd([record.init]); // its namespaces are being taken down
    }
    await removeState(name).catch(() => undefined); // another user's, perhaps; it is in nobody's way
  }
}

async function removeState(name: string): Promise<void> {
  await removeCgroups(name);
  const folder = clusterFolder(name);
  if (process.env['UWT_KEEP_LOGS'] !== undefined) return keepLogs(folder);
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

/** For the search after a failure in CI: the logs stay, under a name that no cluster can have. */
async function keepLogs(folder: string): Promise<void> {
  const kept = `${folder}.logs`;
  await rm(kept, { recursive: true, force: true });
  await mkdir(kept, { recursive: true });
  for (const name of ['log', 'audit.log', 'pod-logs']) {
    await rename(join(folder, name), join(kept, name)).catch(() => undefined);
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

/** The programs of a control plane alone; a node's are in its pid namespace, and end before its first process does. */
async function programsOf(record: ClusterRecord): Promise<readonly ProcessId[]> {
  if (record.tier === 'node') return [];
  const folder = join(clusterFolder(record.name), 'run');
  const files = (await readdir(folder).catch(() => [])).filter((file) => file.endsWith('.pid'));
  const pids = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8').catch(() => '')));
  return pids
    .map(Number)
    .filter((pid) => pid > 0)
    .map(processId);
}
