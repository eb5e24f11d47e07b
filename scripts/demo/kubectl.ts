/** kubectl against one cluster. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Unmet } from './expectation.ts';

export interface KubectlPlace {
  readonly program: string;
  /** Before every command: --context and the like. */
  readonly prefix: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly code: number;
}

export interface RunOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** Programs that are still running, so that an interrupted demo leaves none. */
const children = new Set<ChildProcess>();

/** Ends what this demo started and has not ended yet. */
export function endChildren(): void {
  for (const child of children) child.kill('SIGKILL');
}

/** Starts a program that the demo ends; a Ctrl-C at the terminal does not reach it before. */
export function start(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  const stdio: ['pipe', 'pipe', 'pipe'] = ['pipe', 'pipe', 'pipe'];
  return adopt(spawn(program, args, { stdio, env: { ...process.env, ...env }, detached: true }));
}

export function adopt(child: ChildProcess): ChildProcess {
  children.add(child);
  child.on('close', () => children.delete(child));
  child.on('error', () => children.delete(child));
  child.stdin?.on('error', () => undefined);
  return child;
}

export class Kubectl {
  readonly #place: KubectlPlace;
  readonly #children = new Set<ChildProcess>();
  #halted = false;

  constructor(place: KubectlPlace) {
    this.#place = place;
  }

  start(args: readonly string[]): ChildProcess {
    if (this.#halted) throw new Error('the demo was interrupted');
    const { program, prefix, env } = this.#place;
    const child = start(program, [...prefix, ...args], env);
    this.#children.add(child);
    child.on('close', () => this.#children.delete(child));
    return child;
  }

  /** Ends what runs and refuses what would follow: nothing is written any more. */
  halt(): void {
    this.#halted = true;
    for (const child of this.#children) child.kill('SIGKILL');
  }

  /** Runs to the end and never throws for what kubectl did. */
  run(args: readonly string[], { input = '', timeoutMs = 60_000 }: RunOptions = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const child = this.start(args);
      const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
      child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
      child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      child.on('error', (error) => {
        reject(new Unmet('a kubectl that can be run', error.message));
      });
      child.on('close', (code) => {
        clearTimeout(timer);
        const late = code === null ? `kubectl was ended (allowed: ${timeoutMs} ms) ` : '';
        resolve({ stdout: Buffer.concat(stdout), stderr: late + Buffer.concat(stderr).toString(), code: code ?? 124 });
      });
      child.stdin?.end(input);
    });
  }

  /** Runs what has to succeed. */
  async ok(args: readonly string[], options?: RunOptions): Promise<string> {
    const { stdout, stderr, code } = await this.run(args, options);
    if (code === 0) return stdout.toString();
    throw new Unmet(`kubectl ${args.join(' ').slice(0, 200)} to succeed`, `exit status ${code}: ${stderr.trim()}`);
  }

  async json<T>(args: readonly string[]): Promise<T> {
    return JSON.parse(await this.ok([...args, '-o', 'json'])) as T;
  }

  async apply(objects: readonly object[]): Promise<void> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    await this.ok(['apply', '-f', '-'], { input: JSON.stringify(list) });
  }

  /** Hands over each line of a command that goes on; the answer stops it. */
  follow(args: readonly string[], onLine: (line: string) => void): () => void {
    const child = this.start(args);
    if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', onLine);
    child.stderr?.resume();
    child.stdin?.end();
    return () => void child.kill('SIGKILL');
  }
}
