/** The thread that feeds one subject: it may hang, and the one who watches it ends it then. */
import { parentPort, workerData } from 'node:worker_threads';
import fc from 'fast-check';
import type { BatchRequest, BatchResult } from './run.ts';
import { SUBJECTS } from './subjects.ts';

const { fed } = workerData as { readonly fed: Int32Array };

parentPort?.postMessage('ready');
parentPort?.on('message', ({ name, count, seed, path }: BatchRequest) => {
  const found = SUBJECTS.find((subject) => subject.name === name);
  if (found === undefined) throw new RangeError(`no subject ${name}`);
  let slowestMs = 0;
  const property = found.property();
  const run = property.run.bind(property);
  property.run = (value) => {
    Atomics.add(fed, 0, 1);
    const started = performance.now();
    const result = run(value);
    slowestMs = Math.max(slowestMs, performance.now() - started);
    return result;
  };
  const details = checked(property, { seed, numRuns: count, ...(path === undefined ? {} : { path }) });
  const answer: BatchResult = { slowestMs, failure: details.failed ? describe(details) : null };
  parentPort?.postMessage(answer);
});

/** Properties here are never asynchronous. */
function checked(property: fc.IRawProperty<unknown>, options: fc.Parameters<unknown>): fc.RunDetails<unknown> {
  return fc.check(property, options) as fc.RunDetails<unknown>;
}

function describe({ errorInstance, counterexample, counterexamplePath }: fc.RunDetails<unknown>): string {
  const error = errorInstance instanceof Error ? (errorInstance.stack ?? errorInstance.message) : String(errorInstance);
  return `path ${counterexamplePath ?? ''}\n${error.slice(0, 2000)}\n${fc.stringify(counterexample).slice(0, 3000)}`;
}
