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
import { act, setFinalizer, tunings, type Actor, type Scene } from './act.ts';
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

/** What one look at the cluster found. */
interface Look extends Scene {
  /** The tuning as it is stored: what a status is written over. */
  readonly stored: UwsgiTuning;
}

/** What a status is written from; without a snapshot when nothing could be read. */
type Written = Omit<Look, 'tuning' | 'snapshot'> & { readonly snapshot: Snapshot | null };

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
    const { transport, readOnly, duplicateOf, otherChange } = this.#options;
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
    return this.#carryOut({ tuning, stored, snapshot, memory, signal });
  }

  /** The status, or the one effect. Measuring is neither: it goes along with a status, and what it tells is said at once. */
  async #carryOut(look: Look): Promise<number> {
    const { snapshot, memory } = look;
    const { now } = this.#options;
    const { status, action, requeueAfterMs } = decide({ ...snapshot, evidence: memory.guard?.evidence() ?? [] }, now());
    const isIdle = look.tuning.status?.change === undefined && status?.change === undefined;
    const stored = status === null ? look.stored : await this.#writeStatus(look, status);
    if (isIdle && action?.kind === 'Sample') {
      await act(action, look, this.#options);
      return this.#conclude({ ...look, stored });
    }
    if (status !== null && !(isIdle && action === null)) return AFTER_WRITE_MS;
    if (action === null) return requeueAfterMs;
    const pause = pauseBefore(action, memory.performed, now());
    if (pause > 0) return pause;
    memory.performed = { action, at: now() };
    await act(action, look, this.#options);
    return AFTER_WRITE_MS;
  }

  /**
   * What the samples just taken tell, said on what was read before them. Where they ask for more than a status, a change
   * above all, everything is read anew first.
   */
  async #conclude(look: Look): Promise<number> {
    const { stored, snapshot, memory, signal } = look;
    if (signal.aborted) throw ClusterError.aborted(`reconcile of ${keyOf(stored.metadata)}`);
    const { digest, round } = memory;
    const tuning = withStatus(snapshot.tuning, stored.status);
    const decision = decide({ ...snapshot, tuning, digest, round }, this.#options.now());
    if (decision.action !== null || decision.status?.change !== undefined) return 0;
    if (decision.status !== null) await this.#writeStatus(look, decision.status);
    return decision.requeueAfterMs;
  }

  /** The cluster could not be read: what can be done without, or the failure. */
  async #unseen(stored: UwsgiTuning, memory: TuningMemory, error: unknown, signal: AbortSignal): Promise<number> {
    if (!isClusterError(error) || error.kind === 'Aborted') throw error;
    const now = this.#options.now();
    memory.unseenSince ??= now;
    const decision = decideUnseen(stored, { since: memory.unseenSince, failure: error.message }, now);
    if (decision.kind === 'Wait') throw error;
    if (decision.kind === 'Settle')
      await this.#writeStatus({ stored, snapshot: null, memory, signal }, decision.status);
    else await setFinalizer(false, stored, this.#options.writer, signal);
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

  /** Gives the tuning as it is stored then. */
  async #writeStatus(look: Written, status: TuningStatus): Promise<UwsgiTuning> {
    const { stored, snapshot, memory, signal } = look;
    const { namespace = '', name } = stored.metadata;
    const place = { namespace, name, subresource: 'status' } as const;
    const written = await this.#options.writer.replace<UwsgiTuning>(tunings, place, { ...stored, status }, { signal });
    const before = stored.status ?? {};
    if (before.change !== undefined && status.change === undefined) this.#forgetChange(before, status, memory);
    this.#options.publish(eventsBetween(before, status), stored, snapshot?.workload ?? null);
    this.#options.onStatus(stored, before, status);
    return written;
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
