/** One reconcile of one tuning: observe, decide, then the status or the one effect. Level-triggered; keeps no state. */
import { validateTuning, withoutSpec } from '../api/validate.ts';
import { keyOf, type TuningStatus, type UwsgiTuning } from '../api/uwsgi-tuning.ts';
import { ClusterError, isClusterError } from '../cluster/errors.ts';
import { read } from '../cluster/listing.ts';
import { decide } from '../core/decide/decide.ts';
import { pauseBefore } from '../core/decide/decision.ts';
import { changedPods } from '../core/decide/evidence.ts';
import type { Snapshot } from '../core/decide/snapshot.ts';
import { eventsBetween, type EventIntent } from '../core/decide/transitions.ts';
import { decideUnseen } from '../core/decide/unseen.ts';
import { addVerifiedPoint, decodeDigest } from '../core/recommend/digest.ts';
import { act, setFinalizer, tunings, type Actor } from './act.ts';
import { ChangeGuard, type GuardSources } from './guard.ts';
import { TuningMemories, type TuningMemory } from './memory.ts';
import { observe } from './observe.ts';

/** What the reconciler needs beside the cluster. */
export interface ReconcilerOptions extends Actor {
  readonly readOnly: boolean;
  /** An older tuning of the same container, from the watch's copy. */
  readonly duplicateOf: (tuning: UwsgiTuning) => string | null;
  /** Another tuning's change in flight on the same workload, from the watch's copy. */
  readonly otherChange: (tuning: UwsgiTuning) => Snapshot['otherChange'];
  readonly guardSources: (tuning: UwsgiTuning, container: string) => GuardSources;
  /** Sends events; failures are its own matter. */
  readonly publish: (events: readonly EventIntent[], tuning: UwsgiTuning, workload: Snapshot['workload']) => void;
  readonly onStatus: (tuning: UwsgiTuning, before: TuningStatus, after: TuningStatus) => void;
}

/** A short pause after each write lets the effects of a bug stay bounded. */
const AFTER_WRITE_MS = 20;

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #memories = new TuningMemories();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Returns after how many milliseconds to look again; null when the object is gone. Rejects with `ClusterError`. */
  async reconcile(key: string, signal: AbortSignal): Promise<number | null> {
    const raw = await this.#readTuning(key, signal);
    if (raw === null) {
      this.#memories.forget(key);
      return null;
    }
    const validation = validateTuning(raw);
    const tuning = validation.ok ? { ...validation.tuning, metadata: raw.metadata } : withoutSpec(raw);
    const stored = withStatus(raw, tuning.status);
    const problems = validation.ok ? [] : validation.problems;
    const memory = this.#memories.of(keyOf(raw.metadata), raw.metadata.uid ?? '', () =>
      decodeDigest(tuning.status?.sample?.digest),
    );
    const { transport, readOnly, now, duplicateOf, otherChange } = this.#options;
    const others = { duplicateOf: duplicateOf(tuning), otherChange: otherChange(tuning) };
    const subject = { tuning, problems, ...others, memory };
    let snapshot: Snapshot;
    try {
      snapshot = await observe(subject, { transport, readOnly, signal });
      memory.unseenSince = null;
    } catch (error) {
      return await this.#unseen(stored, memory, error, signal);
    }
    if (signal.aborted) throw ClusterError.aborted(`reconcile of ${key}`);
    this.#guard(snapshot, memory);
    const decision = decide({ ...snapshot, evidence: memory.guard?.evidence() ?? [] }, now());
    if (decision.status !== null) {
      await this.#writeStatus(stored, decision.status, snapshot.workload, memory, signal);
      return AFTER_WRITE_MS;
    }
    if (decision.action === null) return decision.requeueAfterMs;
    const pause = pauseBefore(decision.action, memory.performed, now());
    if (pause > 0) return pause;
    memory.performed = { action: decision.action, at: now() };
    await act(decision.action, { tuning, snapshot, memory, signal }, this.#options);
    return AFTER_WRITE_MS;
  }

  /** The cluster could not be read: what can be done without, or the failure. */
  async #unseen(raw: UwsgiTuning, memory: TuningMemory, error: unknown, signal: AbortSignal): Promise<number> {
    if (!isClusterError(error) || error.kind === 'Aborted') throw error;
    const now = this.#options.now();
    memory.unseenSince ??= now;
    const decision = decideUnseen(raw, { since: memory.unseenSince, failure: error.message }, now);
    if (decision.kind === 'Wait') throw error;
    if (decision.kind === 'Settle') await this.#writeStatus(raw, decision.status, null, memory, signal);
    else await setFinalizer(false, raw, this.#options.writer, signal);
    return AFTER_WRITE_MS;
  }

  /** Ends every guard; for the end of leading and of the process. */
  stop(): void {
    this.#memories.stop();
  }

  async #readTuning(key: string, signal: AbortSignal): Promise<UwsgiTuning | null> {
    const [namespace = '', name = ''] = key.split('/');
    try {
      return await read<UwsgiTuning>(this.#options.transport, tunings, { namespace, name }, { signal });
    } catch (error) {
      if (isClusterError(error, 'NotFound')) return null;
      throw error;
    }
  }

  /** The guard runs while a change is in flight and watches the pods that carry it. */
  #guard(snapshot: Snapshot, memory: TuningMemory): void {
    const { change: stored } = snapshot.tuning.status ?? {};
    // Once the change turns round nothing more is judged.
    const change = stored?.direction === 'Forward' ? stored : undefined;
    if (memory.guard !== null && memory.guard.changeId !== change?.id) {
      memory.guard.stop();
      memory.guard = null;
    }
    if (change === undefined) return;
    const sources = this.#options.guardSources(snapshot.tuning, change.workload?.container ?? '');
    memory.guard ??= new ChangeGuard(change.id ?? '', change.to?.processes ?? 0, sources);
    const containers = changedPods(change, snapshot.pods).filter((pod) => pod.running && pod.containerId !== '');
    memory.guard.watch(
      containers.map(({ name, uid, node, containerId }) => ({ pod: name, podUid: uid, node, containerId })),
    );
  }

  async #writeStatus(
    raw: UwsgiTuning,
    status: TuningStatus,
    workload: Snapshot['workload'],
    memory: TuningMemory,
    signal: AbortSignal,
  ): Promise<void> {
    const { namespace = '', name } = raw.metadata;
    await this.#options.writer.replace(
      tunings,
      { namespace, name, subresource: 'status' },
      { ...raw, status },
      { signal },
    );
    const before = raw.status ?? {};
    if (before.change !== undefined && status.change === undefined) this.#forgetChange(before, status, memory);
    this.#options.publish(eventsBetween(before, status), raw, workload);
    this.#options.onStatus(raw, before, status);
  }

  /** What was measured during a change speaks of pods that may be gone. */
  #forgetChange(before: TuningStatus, after: TuningStatus, memory: TuningMemory): void {
    const { change } = before;
    if (after.history?.[0]?.verdict === 'Verified' && change !== undefined) {
      memory.digest = addVerifiedPoint(memory.digest, change.workload?.image ?? '', change.to?.threads ?? 0);
    }
    memory.round = null;
    memory.preflight = null;
    memory.verifySamples.clear();
    memory.guard?.stop();
    memory.guard = null;
  }
}

/** The object as it is stored, but for what could not be read of its status. */
function withStatus(raw: UwsgiTuning, status: TuningStatus | undefined): UwsgiTuning {
  const { status: _unread, ...object } = raw;
  return status === undefined ? object : { ...object, status };
}
