import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { cachePath } from './cache.ts';
import { showProgress } from './progress.ts';

/**
 * Runs `work` while no other process on this machine runs under the same lock name.
 *
 * The lock is a kernel lock held by a small `flock` process that reads from a pipe of ours: when this process ends in
 * any way, even by kill -9, the pipe closes and the lock is free. A lock file with a pid in it could not promise that.
 */
export async function withLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const file = cachePath('locks', name);
  const holder = spawn('flock', [file, 'sh', '-c', 'echo held; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = showProgress(`waiting for another process to finish (${name})`);
  const failed = once(holder, 'exit').then(() => {
    throw new Error(`could not lock ${file}: is flock (package util-linux) installed?`);
  });
  const ended = once(holder, 'close');
  try {
    await Promise.race([once(holder.stdout, 'data'), failed]);
  } finally {
    waiting.done();
  }
  failed.catch(() => undefined); // from here on its end is expected
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
