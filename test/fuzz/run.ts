/** A fuzz run: subjects in turn, in batches of a seed each, in a thread that is ended when one input takes too long. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Subject } from './subject.ts';

export interface BatchRequest {
  readonly name: string;
  readonly count: number;
  readonly seed: number;
  /** A path of a failure that was reported: only that input is run. */
  readonly path: string | undefined;
}

export interface BatchResult {
  readonly slowestMs: number;
  readonly failure: string | null;
}

export interface FuzzOptions {
  /** Inputs in all; each subject gets its part by weight. */
  readonly count: number;
  readonly seed: number;
  readonly path?: string;
  /** Longest time that one input may take, milliseconds, on a machine that may be busy. */
  readonly deadlineMs: number;
  readonly onBatch?: (subject: string, done: number) => void;
}

export interface FuzzReport {
  readonly subject: string;
  readonly inputs: number;
  readonly slowestMs: number;
  /** What was found, with the seed that finds it again; null when nothing was. */
  readonly failure: string | null;
}

const BATCH = 2000;

/** Feeds the subjects, one after the other. A subject ends with its first failure; the others go on. */
export async function fuzz(subjects: readonly Subject[], options: FuzzOptions): Promise<readonly FuzzReport[]> {
  const weights = subjects.reduce((sum, { weight }) => sum + weight, 0);
  const reports: FuzzReport[] = [];
  for (const { name, weight } of subjects) {
    reports.push(await feed(name, Math.ceil((options.count * weight) / weights), options));
  }
  return reports;
}

async function feed(name: string, count: number, options: FuzzOptions): Promise<FuzzReport> {
  const watched = new WatchedWorker(options.deadlineMs);
  let [inputs, slowestMs] = [0, 0];
  try {
    await watched.ready();
    while (inputs < count) {
      const seed = (options.seed + inputs) | 0;
      const size = Math.min(BATCH, count - inputs);
      const result = await watched.run({ name, count: size, seed, path: options.path });
      inputs += size;
      slowestMs = Math.max(slowestMs, result.slowestMs);
      if (result.failure !== null) {
        return { subject: name, inputs, slowestMs, failure: `seed ${seed}: ${result.failure}` };
      }
      options.onBatch?.(name, inputs);
    }
    return { subject: name, inputs, slowestMs, failure: null };
  } finally {
    await watched.end();
  }
}

/** A worker and its clock. */
class WatchedWorker {
  readonly #fed = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker: Worker;
  readonly #deadlineMs: number;

  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs;
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { fed: this.#fed } });
  }

  /** Loading the program's text is no input, however busy the machine is. */
  async ready(): Promise<void> {
    await once(this.#worker, 'message');
  }

  run(request: BatchRequest): Promise<BatchResult> {
    return new Promise((resolve) => {
      const done = (result: BatchResult): void => {
        clearInterval(watch);
        this.#worker.off('message', done);
        this.#worker.off('error', broke);
        resolve(result);
      };
      const broke = (error: unknown): void => {
        const how = error instanceof Error ? (error.stack ?? error.message) : String(error);
        done({ slowestMs: 0, failure: `the thread ended: ${how}` });
      };
      const first = Atomics.load(this.#fed, 0);
      let [known, since] = [first, performance.now()];
      const watch = setInterval(() => {
        const fed = Atomics.load(this.#fed, 0);
        if (fed !== known) [known, since] = [fed, performance.now()];
        else if (performance.now() - since > this.#deadlineMs) {
          const failure = `input ${fed - first} of the batch ran for more than ${this.#deadlineMs} ms`;
          done({ slowestMs: this.#deadlineMs, failure });
        }
      }, 200);
      this.#worker.once('message', done);
      this.#worker.once('error', broke);
      this.#worker.postMessage(request);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
