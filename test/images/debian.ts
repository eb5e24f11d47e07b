import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { cachePath } from '../cluster/cache.ts';
import { showProgress } from '../cluster/progress.ts';
import { run, runOk } from '../cluster/run.ts';

/** A Debian system in an archive, from the mirror that this machine's apt already uses. */
export interface DebianRoot {
  readonly suite: 'bookworm' | 'forky';
  readonly packages: readonly string[];
}

/** Nothing of this is read by a running container, and it is half of the size. */
const REMOVE = [
  'var/cache/apt',
  'var/lib/apt/lists',
  'var/log',
  'usr/share/doc',
  'usr/share/man',
  'usr/share/info',
  'usr/share/locale',
  'usr/share/zoneinfo',
];
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Builds the archive `out`, in about a minute. Debian's signatures are checked with the keys on this machine. */
export async function buildDebianRoot(root: DebianRoot, out: string): Promise<void> {
  const folder = `${out}.root`;
  const debs = cachePath('debs', root.suite);
  await rm(folder, { recursive: true, force: true });
  await mkdir(debs, { recursive: true });
  const progress = showProgress(`installing Debian ${root.suite} into an image`, 60);
  try {
    await runOk(
      [
        // In namespaces of its own, which end with this process: killed half-way, it leaves no mount and no process behind
        // that would go on writing where the next try begins.
        ...['setpriv', '--pdeathsig', 'KILL', '--'],
        ...['unshare', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child', 'debootstrap'],
        '--variant=minbase', // no procps in it, as in the images people build on
        `--keyring=${KEYRING}`,
        `--cache-dir=${debs}`,
        `--include=${root.packages.join(',')}`,
        root.suite,
        folder,
        await debianMirror(),
        // One script serves every suite of the last ten years; this machine's debootstrap may not know the newest name.
        '/usr/share/debootstrap/scripts/sid',
      ],
      { timeoutMs: 900_000 },
    );
    for (const path of REMOVE) await rm(join(folder, path), { recursive: true, force: true });
    await mkdir(join(folder, 'var', 'log'));
    await packFolder(folder, `${out}.unfinished`);
    await rename(`${out}.unfinished`, out);
  } finally {
    progress.done();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Packs a folder as an image layer. Device files are left out: the container runtime makes its own /dev. */
export async function packFolder(folder: string, out: string): Promise<void> {
  await runOk(['tar', '--sort=name', '--numeric-owner', '--exclude=./dev/*', '-C', folder, '-cf', out, '.'], {
    timeoutMs: 300_000,
  });
}

/** The Debian mirror of this machine's apt; on a machine that is not Debian, $DEBIAN_MIRROR. */
async function debianMirror(): Promise<string> {
  const chosen = process.env['DEBIAN_MIRROR'];
  if (chosen !== undefined) return chosen;
  const found = (await mirrorInApt()) ?? (await run(['apt-get', 'update', '-q']).then(mirrorInApt));
  if (found !== undefined) return found;
  throw new Error('no Debian mirror found: apt has none, so set DEBIAN_MIRROR to the address of one');
}

async function mirrorInApt(): Promise<string | undefined> {
  const format = '$(SITE) $(ORIGIN) $(CODENAME)';
  const result = await run(['apt-get', 'indextargets', '--format', format, 'Created-By: Packages']);
  for (const line of result.stdout.split('\n')) {
    const [site, origin, codename] = line.split(' ');
    // Names like bookworm-security have a mirror of their own that lacks the main archive.
    if (site !== undefined && origin === 'Debian' && codename !== undefined && !codename.includes('-')) return site;
  }
  return undefined;
}
