import { spawn } from 'node:child_process';
import { constants, existsSync, openSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { NODE_ADDRESS } from './node-programs.ts';
import { isAlive, processId } from './record.ts';
import type { ProcessId, Tier } from './record.ts';

const HERE = import.meta.dirname;
const SCRIPTS: Readonly<Record<Tier, readonly string[]>> = {
  'control-plane': ['bash', join(HERE, 'supervise.sh')],
  node: ['unshare', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child', 'bash', join(HERE, 'node.sh')],
};

/**
 * Closes what this process happened to inherit beyond its standard files and runs the rest of the command line. A cluster
 * that stays would hold those pipes open, and a shell or CI runner that waits for their end would wait for the cluster.
 */
const CLOSE_INHERITED = 'for f in /proc/$$/fd/*; do n=${f##*/}; [ "$n" -le 2 ] || eval "exec $n>&-"; done; exec "$@"';

/** Pipes that must stay open as long as this process lives: their end is the clusters' end. */
const held = new Set<unknown>();

/**
 * Starts the process that runs all others. Its standard input is a pipe from this process, which closes when this process
 * ends in any way, and then everything ends. It has a session of its own, so that Ctrl-C reaches only the owner.
 */
export async function startSupervisor(folder: string, tier: Tier): Promise<ProcessId> {
  const log = openSync(join(folder, 'log', 'supervisor.log'), 'a');
  const argv = [...SCRIPTS[tier], folder, NODE_ADDRESS];
  const child = spawn('bash', ['-c', CLOSE_INHERITED, 'bash', ...argv], { detached: true, stdio: ['pipe', log, log] });
  child.on('error', () => undefined); // no pid tells it, below
  child.unref();
  held.add(child.stdin);
  // A pipe to a child keeps the event loop alive unless it is told not to; the socket that it is has no type for that.
  (child.stdin as unknown as { unref?: () => void }).unref?.();
  if (child.pid === undefined) throw new Error('bash could not be started');
  const id = processId(child.pid);
  await waitUntil(folder, 'the supervisor', 10_000, () => {
    if (!isAlive(id)) throw new Error('the supervisor ended at once');
    return existsSync(join(folder, 'run', 'supervisor'));
  });
  return id;
}

export async function startPrograms(folder: string, names: readonly string[]): Promise<void> {
  await command(folder, names.map((name) => `start ${name}\n`).join(''));
}

/** From now on the cluster stays when this process ends. Until this, a start that is broken off leaves nothing. */
export async function keepRunning(folder: string): Promise<void> {
  await command(folder, 'keep\n');
}

/** Ends the whole cluster, politely; killing its root process does the same. */
export async function endSupervisor(folder: string): Promise<void> {
  await command(folder, 'end\n');
}

/** Kills a program and waits until it is gone. */
export async function stopProgram(folder: string, name: string): Promise<void> {
  await command(folder, `stop ${name}\n`);
  await waitUntil(folder, `the end of ${name}`, 10_000, () => !existsSync(join(folder, 'run', `${name}.pid`)));
}

/** Non-blocking, so that a pipe whose reader is gone is an error and not a wait without end. */
async function command(folder: string, text: string): Promise<void> {
  const pipe = await open(join(folder, 'control'), constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    await pipe.write(text);
  } finally {
    await pipe.close();
  }
}

/** Waits for a condition; fails early, with the end of its log, when a program of the cluster ended by itself. */
export async function waitUntil(
  folder: string,
  what: string,
  timeoutMs: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    let problem = '';
    try {
      if (await condition()) return;
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    const ended = await endedProgram(folder);
    if (ended !== undefined) throw new Error(`waiting for ${what}: ${ended}`);
    if (Date.now() > deadline) {
      throw new Error(
        `waited ${timeoutMs} ms for ${what}${problem === '' ? '' : `: ${problem}`}; logs are in ${folder}/log`,
      );
    }
    await sleep(100);
  }
}

async function endedProgram(folder: string): Promise<string | undefined> {
  for (const name of PROGRAMS) {
    if (!existsSync(join(folder, 'run', `${name}.exited`))) continue;
    const log = await readFile(join(folder, 'log', `${name}.log`), 'utf8').catch(() => '');
    return `${name} ended by itself; the end of its log:\n${log.split('\n').slice(-8).join('\n')}`;
  }
  return undefined;
}

const PROGRAMS = ['etcd', 'apiserver', 'controller-manager', 'scheduler', 'containerd', 'kubelet', 'proxy'];
