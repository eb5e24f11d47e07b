/** Reads what a command was given to read, a file or stdin, and never more than a program can hold. */
import { CAPTURE_LIMIT } from '../core/memory/capture.ts';
import { refused, type Io } from './io.ts';

export interface Input {
  /** As shown in messages: the path, or "stdin". */
  readonly name: string;
  readonly data: Uint8Array;
}

/** Reads a path, or stdin where it is "-". Throws a refusal that names it, whatever keeps it from being read. */
export async function readInput(path: string, io: Io): Promise<Input> {
  const name = path === '-' ? 'stdin' : path;
  let data: Uint8Array | null;
  try {
    data = path === '-' ? await io.readStdin(CAPTURE_LIMIT) : await io.readFile(path, CAPTURE_LIMIT);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw refused(`${name}: found no readable file (${code}), allowed: a file, or - for stdin`);
  }
  if (data === null) throw refused(`${name}: found more than ${CAPTURE_LIMIT} bytes, allowed: up to that many`);
  return { name, data };
}
