/** What is told about a config text. */
import type { Bytes } from '../quantity.ts';
import type { Cause } from './cause.ts';
import type { Fault } from './dialect.ts';
import type { ConfigFacts } from './facts.ts';

/** The options that this program tunes. */
export type TunedOption = 'processes' | 'threads' | 'threadStackSize';

/** All of them, in the order in which they are edited. */
export const TUNED_OPTIONS: readonly TunedOption[] = ['processes', 'threads', 'threadStackSize'];

/** Where a value is written. */
export interface Where {
  /** Counted from 1. */
  readonly line: number;
  /** The spelling used there. */
  readonly key: string;
}

/** One value of a config. */
export interface Setting<T> {
  readonly value: T | null;
  /** Null exactly when the value is not. */
  readonly reason: string | null;
  /** What kind of reason; null exactly when the reason is. */
  readonly cause: Cause | null;
  /** The occurrence that wins; null when the option is not in the text. */
  readonly where: Where | null;
  /** Whether `editConfig` can set it; for an option that is not there: add it. */
  readonly editable: true | { readonly reason: string };
}

/** What a config text says. */
export interface ConfigReading {
  readonly section: string;
  /** False when the text has no option in that section: uWSGI warns and runs with its defaults. */
  readonly sectionFound: boolean;
  /** Why uWSGI exits on this text, or why it is not read (then every value is null); null when it runs. */
  readonly fault: Fault | null;
  /** Workers; the most that run when `cheaper` is on; 1 when not set; 0 workers serve nothing. */
  readonly processes: Setting<number>;
  /** Request cores of a worker; 1 when not set. */
  readonly threads: Setting<number>;
  /** The stack of cores 1..threads-1, rounded up to pages as it is mapped; null when the C library's default holds. */
  readonly threadStackSize: Setting<Bytes>;
  /** The least workers that `cheaper` keeps; 0 is off; null when not set. */
  readonly cheaper: Setting<number>;
  readonly facts: ConfigFacts;
  /** Things that a person should know: keys that set nothing, lines that magic joined. */
  readonly notes: readonly Note[];
}

export interface Note {
  readonly line: number;
  readonly text: string;
}
