/** However a run ends, its virtual machine ends with it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { REPOSITORY } from '../cluster/cache.ts';
import { waitFor } from '../support/wait.ts';
import { ensureGuest } from './guest.ts';
import type { Guest } from './guest.ts';
import { runMachine } from './machine.ts';

let guest: Guest;

beforeAll(async () => {
  guest = await ensureGuest('bookworm');
});

function payload(init: string): Parameters<typeof runMachine>[1] {
  return { copied: new Map(), written: new Map([['init', `#!/bin/sh\n${init}\n`]]) };
}

/** QEMU's processes below another one. */
function machinesOf(parent: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
        const [, above] = /^.*\) \S (\d+) /s.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? [];
        return command.startsWith('qemu-system-') && Number(above) === parent ? [Number(name)] : [];
      } catch {
        return []; // it ended on the way
      }
    });
}

function isThere(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
}

test('a machine ends with the process that started it, when that is killed', async () => {
  const code = `const { runMachine } = await import('./test/kernels/machine.ts');
    const guest = ${JSON.stringify(guest)};
    const payload = { copied: new Map(), written: new Map([['init', 'sleep 1000']]) };
    await runMachine(guest, payload, { onLine: () => {}, timeoutMs: 600_000 });`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', code], { cwd: REPOSITORY, stdio: 'inherit' });
  const ended = once(owner, 'exit');
  const found = (): Promise<readonly number[] | null> => {
    const machines = machinesOf(owner.pid ?? 0);
    return Promise.resolve(machines.length > 0 ? machines : null);
  };
  const machines = await waitFor('the start of qemu', found, { timeoutMs: 60_000 });
  owner.kill('SIGKILL');
  await ended;
  const gone = (): Promise<true | null> => Promise.resolve(machines.some(isThere) ? null : true);
  await waitFor('the end of qemu', gone, { timeoutMs: 60_000 });
});

test('a machine that does not come to an end is ended', async () => {
  const run = runMachine(guest, payload('sleep 1000'), { onLine: () => undefined, timeoutMs: 3_000 });
  await expect(run).rejects.toThrow('the virtual machine of bookworm was ended by SIGKILL');
  expect(machinesOf(process.pid)).toEqual([]);
});

test('a machine whose first program fails ends, and says why', async () => {
  const last = await runMachine(guest, payload('exit 3'), {
    onLine: () => undefined,
    timeoutMs: 600_000,
  });
  expect(last.join('\n')).toMatch(/Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000300/);
});
