import { accessSync, constants } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';
/** What pods need. On a host with systemd most of them are on already. */
const V2_CONTROLLERS = ['cpu', 'cpuset', 'io', 'memory', 'pids', 'hugetlb'];

/** The kubelet's root group, seen from every hierarchy's top. */
export function cgroupName(cluster: string): string {
  return `uwt-${cluster}`;
}

/** The folder of that group in the hierarchy of the memory controller, which on v2 is the only one. */
export function memoryFolder(cluster: string): string {
  return join(ROOT, ...(isUnified() ? [] : ['memory']), cgroupName(cluster));
}

/** Makes the cluster's group: one folder on cgroup v2, one for each controller on v1. */
export async function createCgroups(cluster: string): Promise<void> {
  const tops = await hierarchies();
  if (tops.length === 0) throw new Error(`no writable cgroup hierarchy below ${ROOT}`);
  if (isUnified()) await delegateControllers();
  for (const top of tops) {
    const group = join(top, cgroupName(cluster));
    await mkdir(group, { recursive: true });
    if (!top.endsWith('/cpuset')) continue;
    // On v1 a new cpuset is empty, and no process can enter it before it has processors and memory nodes.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) await copyFile(join(top, file), join(group, file));
  }
}

/** Removes what is left of a cluster's groups; waits up to `timeoutMs` for killed processes to leave them. */
export async function removeCgroups(cluster: string, timeoutMs = 5_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (const top of await hierarchies()) {
    while (!(await removeTree(join(top, cgroupName(cluster)))) && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Groups are folders whose files cannot be unlinked: only rmdir from the deepest up removes them. */
async function removeTree(group: string): Promise<boolean> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(group, entry.name));
  return rmdir(group).then(
    () => true,
    (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT',
  );
}

/** The tops of all hierarchies: the mount itself on v2, each writable controller's folder on v1. */
async function hierarchies(): Promise<readonly string[]> {
  if (isUnified()) return [ROOT];
  const entries = await readdir(ROOT, { withFileTypes: true }).catch(() => []);
  // A name such as cpu may be a symbolic link to cpu,cpuacct: the folder itself is enough.
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => join(ROOT, entry.name));
  return folders.filter((folder) => isWritable(join(folder, 'cgroup.procs')));
}

function isUnified(): boolean {
  return isWritable(join(ROOT, 'cgroup.procs'));
}

/** v2: a child group has only the controllers that its parent hands down. */
async function delegateControllers(): Promise<void> {
  for (const controller of V2_CONTROLLERS) {
    // A kernel without hugetlb, or a controller held elsewhere, is no reason to give up: memory is checked below.
    await writeFile(join(ROOT, 'cgroup.subtree_control'), `+${controller}`).catch(() => undefined);
  }
  const handed = await readFile(join(ROOT, 'cgroup.subtree_control'), 'utf8');
  if (!handed.split(/\s+/).includes('memory')) {
    throw new Error(
      `the memory controller cannot be handed to child groups of ${ROOT}: found ${JSON.stringify(handed.trim())}`,
    );
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
