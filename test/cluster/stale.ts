import { readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const KEEP_MS = 14 * 24 * 3600 * 1000;

/**
 * Notes that a cached file or folder is in use, and removes what nobody used for two weeks beside it. Every change of a
 * pin or of an image's sources makes a new one, and another checkout may still use the one before: age is the only sign.
 */
export function markUsed(path: string, now: Date = new Date()): void {
  utimesSync(path, now, now);
  const folder = dirname(path);
  for (const name of readdirSync(folder)) {
    if (name === basename(path)) continue;
    const other = join(folder, name);
    // Another process may remove it at the same moment.
    const { mtimeMs } = statSync(other, { throwIfNoEntry: false }) ?? { mtimeMs: now.getTime() };
    if (now.getTime() - mtimeMs > KEEP_MS) rmSync(other, { recursive: true, force: true });
  }
}
