/** What a run found and did: the story is told from this alone, and `-o json` prints it. */
import type { TuningSpec, UwsgiTuning } from '../../src/api/uwsgi-tuning.ts';
import type { StackRow } from '../../src/cli/analysis.ts';
import type { BudgetLine } from '../../src/core/recommend/types.ts';

type Status = NonNullable<UwsgiTuning['status']>;

export interface EventFact {
  readonly time: string;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

export interface LoadFact {
  readonly ok: number;
  readonly failed: number;
  /** Requests that were open at once on each pod, at most. */
  readonly atOnce: number;
  readonly seconds: number;
}

/** A stack size by the names that a table needs. */
export type StackRowFact = Pick<StackRow, 'size' | 'mapped' | 'provenance' | 'blog' | 'risk'>;

/** What runs and what is recommended, before anything is written. */
export interface Found {
  readonly workload: string;
  readonly replicas: number;
  readonly load: LoadFact;
  /** The tuning's spec as the API server has it, defaults filled in. */
  readonly spec: TuningSpec;
  readonly status: Pick<
    Status,
    'current' | 'limit' | 'recommendation' | 'budget' | 'savings' | 'worstCase' | 'sample' | 'conditions'
  >;
  /** Rows of one worker's memory map as pmap prints them, where its stacks have rows of their own. */
  readonly pmap: readonly string[];
  /** From a capture of one pod of this run. */
  readonly stackTable: readonly StackRowFact[];
  readonly warnings: readonly string[];
  /** The Python of that pod, "3.11". */
  readonly python: string | null;
}

/** A config that was written, with the proof of what it did. */
export interface Changed {
  readonly diff: string;
  /** The ConfigMap in which the old text was saved first; it held the old text to the byte. */
  readonly savedIn: string;
  readonly rolloutSeconds: number;
  readonly load: LoadFact;
  readonly before: Figures;
  readonly after: Figures;
  /** Bytes that the sum of one pod was charged with. */
  readonly charged: number;
  readonly history: NonNullable<Status['history']>[number];
  readonly applied: string;
  readonly events: readonly EventFact[];
}

/** One column of before and after: as in status. */
export interface Figures {
  readonly summary: string;
  readonly stacksMapped: string;
  readonly stacksResident: string;
  readonly highWater: string;
  readonly memoryUsed: string;
}

/** A worker that died. */
export interface Death {
  readonly pod: string;
  readonly line: string;
  readonly signal: number;
}

/** A change that harmed and was undone. */
export interface PutBack {
  readonly workload: string;
  readonly spec: TuningSpec;
  readonly from: string;
  readonly to: string;
  /** The warning that the recommendation carried. */
  readonly warnings: readonly string[];
  readonly diff: string;
  readonly deaths: readonly Death[];
  /** `kubectl get pods` right after the first death. */
  readonly podsText: string;
  readonly secondsToOldText: number;
  readonly secondsToVerdict: number;
  readonly history: NonNullable<Status['history']>[number];
  readonly rejected: NonNullable<Status['rejected']>[number];
  /** Condition Applied at the end of the demo. */
  readonly held: { readonly status: string; readonly reason: string; readonly message: string };
  /** What would be tried when that gate opens. */
  readonly next: string;
  readonly events: readonly EventFact[];
}

export interface Facts {
  readonly recorded: false;
  readonly startedAt: string;
  readonly stage: { readonly kind: 'throwaway' | 'context'; readonly description: readonly string[] };
  readonly found: Found;
  readonly changed: Changed;
  readonly putBack: PutBack;
  /** `kubectl get uwt` at the end. */
  readonly tunings: string;
  readonly seconds: number;
}

/** A line of the sum as both status and an analysis have it. */
export type SumLine = Pick<BudgetLine, 'name' | 'provenance'> & {
  readonly bytes: number;
  readonly expectedBytes: number;
};
