/** The words that the stages of a recommendation hand to each other. Sizes are bytes unless a name says otherwise. */
import type { Platform } from '../memory/sample.ts';
import type { Bytes } from '../quantity.ts';
import type { Usage } from './usage.ts';

/** Where a figure comes from. `default`: a formula of ours without a measurement of this workload. */
export type Provenance = 'default' | 'user' | 'measured' | 'calculated';

/** The three values that are sized. A stack of null means: no value is set, the C library's default is in force. */
export interface Values {
  /** Worker processes, a count. */
  readonly processes: number;
  /** Threads in each worker, a count; threads - 1 of them have a stack of this size. */
  readonly threads: number;
  readonly threadStackSize: Bytes | null;
}

/** One range of the policy; null is unbounded. */
export interface Range<N extends number = number> {
  readonly min: N | null;
  readonly max: N | null;
}

export type Controlled = 'Processes' | 'Threads' | 'ThreadStackSize';

/** What the user allows. */
export interface Policy {
  readonly objective: 'PreserveConcurrency' | 'MaximizeConcurrency';
  readonly bounds: {
    readonly processes: Range;
    readonly threads: Range;
    readonly threadStackSize: Range<Bytes> & { readonly allowBelowFloor: boolean };
  };
  /** What may be changed; the rest is kept as it runs and the others move around it. */
  readonly controlled: readonly Controlled[];
  /** Per cent of the limit that stays free. */
  readonly headroomPercent: number;
  readonly stackCharge: 'HighWater' | 'Reserved';
}

/** What a failure taught about one image. */
export type Lesson =
  | { readonly kind: 'StackTooSmall'; readonly image: string; readonly stackSize: Bytes }
  | { readonly kind: 'OutOfMemory'; readonly image: string; readonly processes: number; readonly threads: number };

/** The memory limit that counts, and who set it. */
export interface MemoryLimit {
  readonly bytes: Bytes;
  readonly source: 'override' | 'cgroup' | 'template';
}

export interface RecommendInput {
  readonly usage: Usage;
  /** What runs now. */
  readonly current: Values;
  /** uWSGI's `cheaper`, the least workers it keeps; must stay below `processes`. Null when unset. */
  readonly cheaper: number | null;
  readonly limit: MemoryLimit | null;
  readonly platform: Platform;
  readonly policy: Policy;
  readonly lessons: readonly Lesson[];
  /** False where `threads` means nothing (gevent and other async loops): threads are kept as they run. */
  readonly threadsTunable: boolean;
}

/** One addend of the sum. */
export interface BudgetLine {
  /** Stable and unique in a budget. */
  readonly name: string;
  /** Charged against the limit. */
  readonly bytes: Bytes;
  /** Expected under the load that was measured. */
  readonly expectedBytes: Bytes;
  readonly provenance: Provenance;
  /** How the line was computed, for a reader: "4 x 44.2Mi". */
  readonly detail: string;
}

/** A sum and its parts: `charged` and `expected` are the sums of the lines, never anything else. */
export interface Budget {
  readonly lines: readonly BudgetLine[];
  readonly charged: Bytes;
  readonly expected: Bytes;
  /** limit x (1 - head room), null without a limit. */
  readonly limit: Bytes | null;
  /** The same sum with every thread stack touched to its end. */
  readonly worstCase: Bytes;
}

/** Which rule set the stack size. */
export type StackDecision =
  'HighWater' | 'RuntimeFloor' | 'LibcMinimum' | 'Lesson' | 'BoundsMin' | 'Kept' | 'NoStacks' | 'NotControlled';

export interface StackChoice {
  /** Null: leave unset. */
  readonly size: Bytes | null;
  readonly decidedBy: StackDecision;
  /** One sentence with every number that was compared. */
  readonly explanation: string;
}

/** Savings of thread stacks in one pod, signed: negative is growth. The two must not be confused (rightsizers.md F1). */
export interface Savings {
  /** Address space that is no longer reserved, bytes. The memory limit does not charge it. */
  readonly mapped: number;
  /** Memory that is freed, bytes: only measured huge pages inside stacks that the new size cannot hold. */
  readonly resident: number;
}

export interface Recommendation extends Values {
  readonly kind: 'Recommendation';
  /** The same search without bounds; null when even that finds nothing. */
  readonly uncapped: Values | null;
  /** 0 to 1. */
  readonly confidence: number;
  readonly budget: readonly BudgetLine[];
  /** Sum of the charged bytes. */
  readonly charged: Bytes;
  /** limit x (1 - head room); null when no limit is known. */
  readonly budgetLimit: Bytes | null;
  /** Sum of the expected bytes: what `usage - file cache` of the cgroup should show under the same load. */
  readonly expectedUsage: Bytes;
  readonly worstCase: Bytes;
  readonly savings: Savings;
  readonly stack: StackChoice;
  /** At most 16 sentences with numbers and units, each at most 512 characters. */
  readonly reasons: readonly string[];
}

export type RefusalReason =
  'NoSample' | 'NoResidentMemory' | 'BoundsImpossible' | 'HighWaterUnknown' | 'InvalidPolicy' | 'DoesNotFit';

/** Why nothing can be recommended, with the sum that was tried (empty when there was none). */
export interface Refusal {
  readonly kind: 'Refusal';
  readonly reason: RefusalReason;
  readonly message: string;
  readonly budget: readonly BudgetLine[];
  readonly budgetLimit: Bytes | null;
  readonly confidence: number;
}
