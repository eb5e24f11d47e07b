/**
 * Two builds of uWSGI that read configs with different libraries: Debian's (libyaml, yajl, libxml2) and the wheel from
 * PyPI (uWSGI's own YAML parser, jansson, expat).
 */
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { cachePath, hashTexts } from '../cluster/cache.ts';
import { withLock } from '../cluster/lock.ts';
import { ensurePackages } from '../cluster/packages.ts';
import { runOk } from '../cluster/run.ts';
import { markUsed } from '../cluster/stale.ts';

/** How to start a build: the command line before its options, and what its environment needs. */
export interface Build {
  readonly name: 'debian' | 'wheel';
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const WHEEL = 'pyuwsgi==2.0.30.post1';

/** Installs what is missing: the Debian package (as root), the wheel into the cache folder. */
export async function ensureBuilds(): Promise<readonly Build[]> {
  await ensurePackages(['uwsgi']);
  const wheel = await ensureWheel();
  // What is found on the PATH may be a shell script, and a shell changes the order of the environment.
  const python = (await runOk(['python3', '-c', 'import sys; print(sys.executable)'])).trim();
  return [
    { name: 'debian', argv: ['/usr/bin/uwsgi-core'], env: {} },
    { name: 'wheel', argv: [python, join(wheel, 'bin', 'pyuwsgi')], env: { PYTHONPATH: wheel } },
  ];
}

/** A wheel is made for one Python, so the key holds its version. */
async function ensureWheel(): Promise<string> {
  const folder = cachePath('wheels', `pyuwsgi-${hashTexts([WHEEL, await runOk(['python3', '-VV'])])}`);
  if (!existsSync(folder)) {
    await withLock('wheels', async () => {
      if (existsSync(folder)) return;
      const unfinished = `${folder}.unfinished`;
      await rm(unfinished, { recursive: true, force: true });
      await runOk(['python3', '-m', 'pip', 'install', '-q', '--no-deps', '--target', unfinished, WHEEL]);
      await rename(unfinished, folder);
    });
  }
  markUsed(folder);
  return folder;
}
