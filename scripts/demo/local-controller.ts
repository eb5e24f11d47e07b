/** The operator as a process on this machine, from this checkout. */
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { start } from './kubectl.ts';
import { NAMESPACE } from './stage.ts';

const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'uwsgi-tuner');
const KEPT_LINES = 200;
const STOP_MS = 10_000;

export interface LocalController {
  /** How it ended; null while it runs. */
  readonly ended: () => string | null;
  readonly log: () => readonly string[];
  readonly stop: () => Promise<void>;
}

export function startController(context: string): LocalController {
  const where = ['--namespaces', NAMESPACE, '--lease-namespace', NAMESPACE];
  const child = start(PROGRAM, ['controller', '--context', context, ...where, '--listen', '127.0.0.1:0']);
  const lines: string[] = [];
  let ended: string | null = null;
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
    });
  }
  child.on('error', (error) => {
    ended = error.message;
  });
  child.on('close', (code, signal) => {
    ended ??= `ended with ${signal ?? `exit status ${String(code)}`}`;
  });
  return {
    ended: () => ended,
    log: () => lines,
    stop: async () => {
      if (ended !== null) return;
      const closed = new Promise((resolve) => child.on('close', resolve));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}
