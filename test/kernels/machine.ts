/** One run of a virtual machine, from its start until it turns itself off. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { runOk } from '../cluster/run.ts';
import { packCpio } from './guest.ts';
import type { Guest } from './guest.ts';

/** What is put into the machine beside its system. */
export interface Payload {
  /** Path inside the machine to a file or folder of this machine. */
  readonly copied: ReadonlyMap<string, string>;
  /** Path inside the machine to a text. */
  readonly written: ReadonlyMap<string, string>;
}

export interface MachineOptions {
  /** Called for each line on the machine's console. */
  readonly onLine: (line: string) => void;
  /** Not a measure: only a machine that hangs takes this long. */
  readonly timeoutMs: number;
}

const MEMORY_MIB = 1536;
const PROCESSORS = 2;
/** The backtrace of a kernel that gives up has 60. */
const SHOWN_LINES = 100;

/**
 * Boots a guest whose /init is in the payload; the result is its last lines. The processor is emulated (QEMU's TCG), so that every machine can do it
 * and all do the same. When this process ends in any way, the kernel kills QEMU; no file of a run has a name.
 */
export async function runMachine(guest: Guest, payload: Payload, options: MachineOptions): Promise<readonly string[]> {
  const system = await systemWith(guest, payload);
  const last: string[] = [];
  try {
    // The least of all priorities: what runs beside it is timed, and this is not.
    const argv = ['-n', '19', 'setpriv', '--pdeathsig', 'KILL', '--', ...qemuArgv(guest)];
    const child = spawn('nice', argv, { stdio: ['ignore', 'pipe', 'pipe', system.fd] });
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs);
    for (const input of [child.stdout, child.stderr]) {
      if (input === null) throw new Error('qemu has no output to read');
      createInterface({ input }).on('line', (line) => {
        last.splice(0, last.length - SHOWN_LINES + 1);
        last.push(line.slice(0, 400));
        options.onLine(line);
      });
    }
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    clearTimeout(timer);
    if (code === 0) return last;
    const ended = signal === null ? `ended with status ${String(code)}` : `was ended by ${signal}`;
    throw new Error(`the virtual machine of ${guest.suite} ${ended}; its last lines:\n${last.join('\n')}`);
  } finally {
    await system.close();
  }
}

function qemuArgv({ kernel }: Guest): readonly string[] {
  return [
    ...['qemu-system-x86_64', '-accel', 'tcg,thread=multi', '-cpu', 'max'],
    ...['-m', String(MEMORY_MIB), '-smp', String(PROCESSORS)],
    ...['-kernel', kernel, '-initrd', '/proc/self/fd/3'],
    ...['-append', 'console=ttyS0 quiet loglevel=1 rdinit=/init panic=1 transparent_hugepage=always'],
    ...['-nodefaults', '-display', 'none', '-serial', 'stdio', '-no-reboot'],
  ];
}

/** The guest's system and the payload behind it, as an open file without a name. */
async function systemWith(guest: Guest, payload: Payload): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), 'uwsgi-tuner-machine-'));
  try {
    const upper = join(folder, 'upper');
    await mkdir(upper);
    for (const [path, source] of payload.copied) await cp(source, join(upper, path), { recursive: true });
    for (const [path, text] of payload.written) await writeFile(join(upper, path), text, { mode: 0o755 });
    await packCpio(upper, join(folder, 'upper.cpio'));
    const whole = join(folder, 'whole.cpio');
    await runOk(['sh', '-c', 'cat "$1" "$2" >"$0"', whole, guest.system, join(folder, 'upper.cpio')]);
    return await open(whole);
  } finally {
    await rm(folder, { recursive: true });
  }
}
