/** The sizes of /proc/PID/status and smaps_rollup, whose fields process-files.ts has split. */
import type { Bytes } from '../quantity.ts';
import { kib } from '../quantity.ts';
import { MOST_THREADS } from './sample.ts';

/** A field "123 kB" in bytes; null when it is absent or not of that form. */
export function sizeField(fields: ReadonlyMap<string, string>, name: string): Bytes | null {
  const match = /^(\d{1,13}) kB$/.exec(fields.get(name) ?? '');
  return match === null ? null : kib(Number(match[1]));
}

/** A field that is a whole number; null when it is absent or not one. */
export function countField(fields: ReadonlyMap<string, string>, name: string): number | null {
  const match = /^(\d{1,15})$/.exec(fields.get(name) ?? '');
  return match === null ? null : Number(match[1]);
}

/** Threads of the process; null when it is not told, or is no number that a kernel gives. */
export function threadCount(fields: ReadonlyMap<string, string>): number | null {
  const count = countField(fields, 'Threads');
  return count !== null && count <= MOST_THREADS ? count : null;
}

/** Reads the text of a status file into its fields. */
export function parseStatus(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return fields;
}
