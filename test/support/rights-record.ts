/** Hands what the operator used from the end of the tests on a node to the comparison that runs after them. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Use } from './rights.ts';

/** Keeps the uses where RIGHTS_RECORD says; of a run without it, as of one file by hand, nothing is kept. */
export async function keepUses(uses: readonly Use[]): Promise<void> {
  const path = process.env['RIGHTS_RECORD'];
  if (path !== undefined) await writeFile(path, JSON.stringify(uses));
}

/** The kept uses. Throws when the tests on a node left none. */
export async function readUses(): Promise<readonly Use[]> {
  return JSON.parse(await readFile(process.env['RIGHTS_RECORD'] ?? '', 'utf8')) as Use[];
}
