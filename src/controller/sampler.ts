/** Measures one pod: runs the sampler in its container and reads what it printed. */
import { gunzipSync } from 'node:zlib';
import type { Clock } from '../cluster/clock.ts';
import { isClusterError } from '../cluster/errors.ts';
import { execInPod, type ExecResult } from '../cluster/exec.ts';
import type { ExecLimiter } from '../cluster/exec-limiter.ts';
import type { Transport } from '../cluster/transport.ts';
import type { PodView, SampleFailure, SampleFailureCode } from '../core/decide/snapshot.ts';
import { splitCapture } from '../core/memory/capture.ts';
import { samplerCommands } from '../core/memory/commands.ts';
import { depthAfter, leavesOpen } from '../core/memory/earlier-sample.ts';
import { guardArgv, parseGuardProbe, type GuardProbe } from '../core/memory/guard-probe.ts';
import type { Sample } from '../core/memory/sample.ts';
import { sampleFromCapture, type ConfiguredShape } from '../core/memory/sample-from-capture.ts';
import type { WatchedContainer } from './guard.ts';

/**
 * Most bytes of one capture on the wire: 50 processes of 400 threads need about 2 MiB. Sixteen may arrive at once
 * (exec-limiter.ts), so they hold 64 MiB at most.
 */
const MAX_CAPTURE_BYTES = 4 * 2 ** 20;
/** Most bytes of one capture once inflated: the guard against a gzip bomb. Captures are read one at a time, at once. */
const MAX_INFLATED_BYTES = 64 * 2 ** 20;
const MAX_STDERR_BYTES = 16 * 2 ** 10;
const PROBE_DEADLINE_MS = 4000;

export interface Target {
  readonly namespace: string;
  readonly container: string;
  /** What the config says: settles what the rows of a process leave open. */
  readonly configured?: ConfiguredShape;
}

export class Sampler {
  readonly #transport: Transport;
  readonly #limiter: ExecLimiter;
  readonly #clock: Clock;
  readonly #onExec: (result: string, seconds: number) => void;

  constructor(
    transport: Transport,
    limiter: ExecLimiter,
    clock: Clock,
    onExec: (result: string, seconds: number) => void,
  ) {
    this.#clock = clock;
    this.#transport = transport;
    this.#limiter = limiter;
    this.#onExec = onExec;
  }

  /**
   * One sample, or why there is none. Never rejects but on a bug. With an `earlier` sample of the same container the stat
   * of every thread is left out, unless that leaves something open.
   */
  async sample(
    target: Target,
    pod: PodView,
    { deadlineMs, earlier }: { readonly deadlineMs: number; readonly earlier: Sample | null },
    signal: AbortSignal,
  ): Promise<Sample | SampleFailure> {
    const take = (light: Sample | null): Promise<Sample | SampleFailure> =>
      this.#take(target, pod, deadlineMs, light, signal);
    try {
      if (earlier === null) return await take(null);
      const sample = await take(earlier);
      return 'code' in sample || !leavesOpen(sample, earlier) ? sample : await take(null);
    } catch (error) {
      return describeFailure(pod, target, error);
    }
  }

  async #take(
    target: Target,
    pod: PodView,
    deadlineMs: number,
    earlier: Sample | null,
    signal: AbortSignal,
  ): Promise<Sample | SampleFailure> {
    const options = { depth: depthAfter(earlier) };
    const result = await this.#run(target, pod, samplerCommands(options), deadlineMs, MAX_CAPTURE_BYTES, signal);
    const inflate = (bytes: Uint8Array): Uint8Array => gunzipSync(bytes, { maxOutputLength: MAX_INFLATED_BYTES });
    const capture = splitCapture(result.stdout, inflate);
    if (!capture.ok) return failure(pod, 'BadOutput', capture.message);
    const identity = { pod: pod.name, podUid: pod.uid, node: pod.node, takenAt: this.#clock.wall() };
    const sample = sampleFromCapture(capture.sections, identity, target.configured, earlier);
    if (sample.processes.length > 0) return sample;
    return failure(pod, 'NoUwsgi', `no uWSGI process was found in container ${target.container}`);
  }

  /** One guard probe; rejects with `ClusterError` or on bad output. */
  async probe(target: Target, container: WatchedContainer, signal: AbortSignal): Promise<GuardProbe> {
    const place = { name: container.pod, node: container.node };
    const result = await this.#run(target, place, [guardArgv()], PROBE_DEADLINE_MS, 2 ** 20, signal);
    const probe = parseGuardProbe(new TextDecoder().decode(result.stdout));
    if (probe === null) throw new Error('the guard probe printed something else than its protocol');
    return probe;
  }

  /** Runs the first of the argvs whose program exists. */
  async #run(
    target: Target,
    pod: { readonly name: string; readonly node: string },
    argvs: readonly (readonly string[])[],
    deadlineMs: number,
    maxStdoutBytes: number,
    signal: AbortSignal,
  ): Promise<ExecResult> {
    const slot = { namespace: target.namespace, pod: pod.name, node: pod.node === '' ? null : pod.node };
    return this.#limiter.run(
      slot,
      async () => {
        let missing: unknown = null;
        for (const argv of argvs) {
          try {
            return await this.#timed(target, pod.name, argv, {
              deadlineMs,
              maxStdoutBytes,
              maxStderrBytes: MAX_STDERR_BYTES,
              signal,
            });
          } catch (error) {
            if (!isClusterError(error, 'NoSuchExecutable')) throw error;
            missing = error;
          }
        }
        throw missing;
      },
      signal,
    );
  }

  async #timed(
    target: Target,
    pod: string,
    argv: readonly string[],
    options: Parameters<typeof execInPod>[3],
  ): Promise<ExecResult> {
    const started = performance.now();
    let outcome = 'error';
    try {
      const result = await execInPod(this.#transport, { ...target, pod }, argv, options);
      outcome = result.exitCode === 0 ? 'success' : 'failed';
      return result;
    } finally {
      this.#onExec(outcome, (performance.now() - started) / 1000);
    }
  }
}

const CODES: Readonly<Partial<Record<string, SampleFailureCode>>> = {
  NoSuchExecutable: 'NoShell',
  Forbidden: 'ExecForbidden',
  NotFound: 'PodGone',
  Timeout: 'Timeout',
  TooLarge: 'TooLarge',
};

const ADVICE: Readonly<Partial<Record<SampleFailureCode, string>>> = {
  NoShell: 'the container has neither sh nor python3, so it cannot be measured',
  ExecForbidden: 'the operator may not exec into the pod (pods/exec); grant it or leave this workload out',
};

function describeFailure(pod: PodView, target: Target, error: unknown): SampleFailure {
  if (!isClusterError(error)) throw error;
  const code = CODES[error.kind] ?? 'Failed';
  return failure(pod, code, ADVICE[code] ?? `container ${target.container}: ${error.message}`);
}

function failure(pod: PodView, code: SampleFailureCode, message: string): SampleFailure {
  return { pod: pod.name, code, message };
}
