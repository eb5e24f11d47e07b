import { spawn } from 'node:child_process';

/** What a program that has ended left behind. */
export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit status; 124 after a time-out, 127 when the program was not found, 128 + N after signal N. */
  readonly code: number;
}

export interface RunOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const DEFAULT_TIMEOUT_MS = 120_000;
const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 };

/** Runs a program to its end. Never throws for what the program did: look at `code`. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [program, ...args] = argv;
  if (program === undefined) return Promise.reject(new Error('run: an empty command line'));
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    let stdout = '';
    let stderr = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
      // A grandchild may still hold the pipes open; the answer must not wait for it.
      child.stdout.destroy();
      child.stderr.destroy();
    }, timeoutMs);
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => undefined); // the program ended before it read its input
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve({ stdout, stderr: `${stderr}${error.message}\n`, code: 127 });
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (timedOut) {
        resolve({ stdout, stderr: `${stderr}${program}: ended after ${timeoutMs} ms without finishing\n`, code: 124 });
      } else {
        resolve({ stdout, stderr, code: code ?? 128 + (SIGNALS[signal ?? ''] ?? 0) });
      }
    });
  });
}

/** Runs a program that has to succeed and returns its stdout; otherwise throws with its command line and stderr. */
export async function runOk(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(argv, options);
  if (result.code === 0) return result.stdout;
  const words = argv.join(' ');
  const shown = words.length > 300 ? `${words.slice(0, 300)}…` : words;
  throw new Error(`${shown}: exit status ${result.code}\n${result.stderr.trim() || result.stdout.trim()}`);
}
