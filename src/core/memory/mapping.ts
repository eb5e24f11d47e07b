/** One row of a process's memory map, in bytes. A field is null where this form of capture does not have it. */
import type { Bytes } from '../quantity.ts';

export interface Mapping {
  /** First and one-past-last address. A double holds even the topmost exactly: all are multiples of 4096. */
  readonly start: number;
  readonly end: number;
  readonly size: Bytes;
  /** Four letters as in /proc/PID/maps: "rw-p". */
  readonly permissions: string;
  /** Path, "[heap]", "[anon:name]" and the like; empty for anonymous memory. pmap shows only a file's last part. */
  readonly name: string;
  readonly rss: Bytes | null;
  readonly pss: Bytes | null;
  readonly pssDirty: Bytes | null;
  readonly sharedClean: Bytes | null;
  readonly sharedDirty: Bytes | null;
  readonly privateClean: Bytes | null;
  readonly privateDirty: Bytes | null;
  readonly anonymous: Bytes | null;
  readonly anonHugePages: Bytes | null;
  readonly swap: Bytes | null;
  readonly kernelPageSize: Bytes | null;
  /** Two-letter flags, blank between and around: " rd wr gu nh ". */
  readonly flags: string | null;
}

/** Why a text is not what it should be. */
export interface ParseError {
  readonly code: 'Empty' | 'UnknownForm' | 'BadLine' | 'CutShort' | 'TooLarge';
  /** The line, from 1; null where the fault is not in one line. */
  readonly line: number | null;
  readonly found: string;
  readonly allowed: string;
}

/** Tells a fault from a result. */
export function isParseError(value: unknown): value is ParseError {
  return typeof value === 'object' && value !== null && 'allowed' in value && 'found' in value;
}

/** A fault as one sentence for a person; text of the file is shown cut and with its control characters escaped. */
export function describeParseError(error: ParseError, name: string): string {
  const where = error.line === null ? name : `${name}, line ${error.line}`;
  return `${where}: found ${error.found}, allowed: ${error.allowed}`;
}

/** Text of the input as it may be shown: short, control characters escaped. */
export function quoted(text: string): string {
  const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
  // JSON leaves the controls above ASCII as they are, and a terminal obeys them.
  return shown.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Whether a flag of two letters is set; false when flags are unknown. */
export function hasFlag(mapping: Mapping, flag: string): boolean {
  return mapping.flags?.includes(` ${flag} `) ?? false;
}

/** Private memory that no file backs. */
export function isAnonymous(mapping: Mapping): boolean {
  return (mapping.name === '' || mapping.name.startsWith('[anon')) && mapping.permissions.endsWith('p');
}

/** Rows of several processes in one text: where the addresses fall, another process begins. */
export function splitProcesses(mappings: readonly Mapping[]): Mapping[][] {
  const processes: Mapping[][] = [];
  let previousEnd = Infinity;
  for (const mapping of mappings) {
    if (mapping.start < previousEnd) processes.push([]);
    processes.at(-1)?.push(mapping);
    previousEnd = mapping.end;
  }
  return processes;
}
