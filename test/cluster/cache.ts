import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The repository's root folder. */
export const REPOSITORY = join(import.meta.dirname, '..', '..');

/**
 * A path in the cache folder, which lies outside the repository: programs and images outlive a checkout, and several
 * checkouts share them. The folder that holds the path is made.
 */
export function cachePath(...parts: readonly string[]): string {
  const base = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const path = join(base, 'uwsgi-tuner', ...parts);
  mkdirSync(join(path, '..'), { recursive: true });
  return path;
}

/** A short hash of some texts. The length of each is hashed too, so that moving a character between two changes it. */
export function hashTexts(texts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest('hex').slice(0, 12);
}

/** The same for the contents of files; their names do not count. */
export function hashFiles(paths: readonly string[]): string {
  return hashTexts(paths.map((path) => readFileSync(path)));
}
