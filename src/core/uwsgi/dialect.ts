/**
 * What every config dialect offers: its options in file order, and edits of single ones as splices of the raw text.
 * A splice never touches a byte outside `from`..`to`.
 */

/*
 * What is larger than any file that people write is not read: so no text, however it was made, takes long or fills the
 * memory.
 */

/** Characters of a text; a ConfigMap holds 1 MiB. */
export const MAX_TEXT = 16_777_216;
/** Options, those that blocks make among them (`for-times = 1000000000`). */
export const MAX_OPTIONS = 10_000;
/** Characters of one key or value. */
export const MAX_VALUE = 65_536;
/** Characters that blocks make in all. */
export const MAX_MADE = 4_194_304;

/** One `key = value` of a section, after the dialect's own substitutions and before placeholders. */
export interface Directive {
  readonly key: string;
  readonly value: string;
  /** Line of the raw text, counted from 1. */
  readonly line: number;
  /** Why the value cannot be changed where it stands, as it is written there; null when it can. */
  readonly lock: string | null;
}

/** Why a text does not tell what runs, whatever its options are. */
export interface Fault {
  readonly line: number;
  readonly reason: string;
  readonly cause: 'Fault' | 'MagicVariable' | 'UnreadForm';
}

/** What one section of a file says. */
export interface SectionReading {
  readonly found: boolean;
  /** At most one more than MAX_OPTIONS. */
  readonly directives: readonly Directive[];
  /** Why nothing can be told from some line on. */
  readonly unreadable: Fault | null;
  /** Why uWSGI exits on the whole text. */
  readonly fatal: Fault | null;
}

/** Replaces the raw text between two offsets. */
export interface Splice {
  readonly from: number;
  readonly to: number;
  readonly insert: string;
}

/** A piece of a directive's value: from an index on. `set = processes=3` holds the value of processes from index 10. */
export interface ValuePlace {
  readonly directive: Directive;
  readonly index: number;
}

/** A text as one build of uWSGI reads it. */
export interface BuildReading {
  readonly section: (name: string) => SectionReading;
  /** Whether `ini = :name` reads another section of this very text. */
  readonly followsSections: boolean;
}

/** A text read in one dialect, with its edits. */
export interface ConfigDocument extends BuildReading {
  /** Puts a number where the value's own number (or the word in its place) stands. */
  readonly replaceNumber: (place: ValuePlace, value: number) => Splice;
  /** Puts back, on the place's line, the value as it is written at a place of another document of this dialect. */
  readonly copyValue: (place: ValuePlace, from: ConfigDocument, source: ValuePlace) => Splice;
  /** The value as written, in raw text: from the first character of the value to its last. */
  readonly rawValue: (place: ValuePlace) => RawValue;
  /** A new option behind a directive, or first in the section when `after` is null. */
  readonly insert: (section: string, after: Directive | null, option: { key: string; value: number }) => Splice | null;
  /** Takes the directive's line out. */
  readonly remove: (directive: Directive) => Splice;
}

/** How a value is written. */
export interface RawValue {
  /** False when the key stands alone (`threads` without `=`). */
  readonly hasSeparator: boolean;
  /** The text that an edit replaces: the number, or the word in its place. */
  readonly token: string;
}

/** A text with splices applied; they must not overlap. */
export function applySplices(text: string, splices: readonly Splice[]): string {
  let result = text;
  for (const splice of [...splices].sort((a, b) => b.from - a.from)) {
    result = result.slice(0, splice.from) + splice.insert + result.slice(splice.to);
  }
  return result;
}
