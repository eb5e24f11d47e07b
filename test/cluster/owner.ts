import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

import { REPOSITORY } from './cache.ts';
import { cgroupName } from './cgroups.ts';
import { isAlive } from './record.ts';
import type { ProcessId } from './record.ts';

/** A cluster in the hands of another process, which a test may kill. */
export interface Owner {
  readonly name: string;
  readonly dir: string;
  /** The running programs of the cluster: by their command line or, in a node's namespace, wherever they come from. */
  processes(): readonly string[];
  /** kill -9. */
  kill(): void;
}

/** Starts a process that starts a cluster and then waits for ever. */
export async function startOwner(start: 'startControlPlane' | 'startNodeCluster'): Promise<Owner> {
  const code = `const { ${start} } = await import('./test/cluster/index.ts');
    const { readRecord } = await import('./test/cluster/record.ts');
    const { name, dir } = await ${start}();
    const { root, init } = await readRecord(name);
    console.log(JSON.stringify({ name, dir, root, init }));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    cwd: REPOSITORY,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const { name, dir, root, init } = JSON.parse(line) as { name: string; dir: string; root: ProcessId; init: ProcessId };
  const namespace = start === 'startNodeCluster' ? pidNamespace(init.pid) : 'none';
  return {
    name,
    dir,
    processes: () => {
      // A process that is ending has no command line and no namespaces any more, but its namespaces' first one waits for
      // it, and the root process for that one.
      const first = [root, init].filter(isAlive).map(({ pid }) => `${pid} (a first process)`);
      const others = runningProcesses((pid, command) => {
        if (command.includes(dir) || pidNamespace(pid) === namespace) return true;
        // A pod has a pid namespace of its own, below the node's.
        return readText(`/proc/${pid}/cgroup`).includes(`/${cgroupName(name)}/`);
      });
      return [...first, ...others];
    },
    kill: () => child.kill('SIGKILL'),
  };
}

function runningProcesses(belongs: (pid: number, command: string) => boolean): readonly string[] {
  const found: string[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const command = readText(`/proc/${name}/cmdline`).replaceAll('\0', ' ');
    // What has ended and was not reaped yet has no command line.
    if (command !== '' && belongs(Number(name), command)) found.push(`${name} ${command.slice(0, 80)}`);
  }
  return found;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function pidNamespace(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return '';
  }
}
