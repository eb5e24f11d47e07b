/**
 * What the controller keeps of one tuning between two reconciles. All of it can be measured again, so a restart loses
 * time and nothing else; what must survive is in status.
 */
import type { Performed } from '../core/decide/decision.ts';
import type { Preflight, SampleRound, VerifySample } from '../core/decide/snapshot.ts';
import type { ThreadSamples } from '../core/memory/earlier-sample.ts';
import type { Digest } from '../core/recommend/digest.ts';
import type { ChangeGuard } from './guard.ts';

export interface TuningMemory {
  readonly uid: string;
  digest: Digest;
  round: SampleRound | null;
  /** By container id. */
  verifySamples: Map<string, VerifySample>;
  threadSamples: ThreadSamples;
  preflight: Preflight | null;
  /** Since when the cluster could not be read; null: the newest look succeeded. Milliseconds since the epoch. */
  unseenSince: number | null;
  guard: ChangeGuard | null;
  /** The newest write, so that one without effect is not repeated at once. */
  performed: Performed | null;
}

/** The memories by "namespace/name". */
export class TuningMemories {
  readonly #memories = new Map<string, TuningMemory>();

  /** The memory of one object; a new one where the object is another one of the same name. */
  of(key: string, uid: string, digest: () => Digest): TuningMemory {
    const known = this.#memories.get(key);
    if (known?.uid === uid) return known;
    known?.guard?.stop();
    const fresh: TuningMemory = {
      uid,
      digest: digest(),
      round: null,
      verifySamples: new Map(),
      threadSamples: new Map(),
      preflight: null,
      unseenSince: null,
      guard: null,
      performed: null,
    };
    this.#memories.set(key, fresh);
    return fresh;
  }

  forget(key: string): void {
    this.#memories.get(key)?.guard?.stop();
    this.#memories.delete(key);
  }

  stop(): void {
    for (const key of [...this.#memories.keys()]) this.forget(key);
  }
}
