/** What a virtual machine boots: a Debian suite's own kernel, and that suite with uWSGI as its memory file system. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { cachePath, hashFiles, hashTexts, REPOSITORY } from '../cluster/cache.ts';
import { withLock } from '../cluster/lock.ts';
import { ensurePackages } from '../cluster/packages.ts';
import { showProgress } from '../cluster/progress.ts';
import { runOk } from '../cluster/run.ts';
import { markUsed } from '../cluster/stale.ts';
import { buildDebianRoot } from '../images/debian.ts';
import type { DebianRoot } from '../images/debian.ts';

/** Kernel 6.1 with glibc 2.36; and the newest that Debian has, with merged stacks. */
export type Suite = DebianRoot['suite'];

/** Files to boot from. */
export interface Guest {
  readonly suite: Suite;
  readonly kernel: string;
  /** A cpio archive. Another one behind it in the same file adds to it. */
  readonly system: string;
}

const PACKAGES = ['uwsgi-core', 'uwsgi-plugin-python3', 'python3', 'busybox-static', 'linux-image-cloud-amd64'];
/** What the kernel needs is built in. The rest is only weight in memory. */
const REMOVE = ['boot', 'usr/lib/modules', 'usr/share/perl', 'usr/lib/x86_64-linux-gnu/perl', 'var/lib/dpkg'];

/** Builds what is missing, which takes two minutes a suite once; needs root and an x86-64 machine. */
export async function ensureGuest(suite: Suite): Promise<Guest> {
  if (process.arch !== 'x64') {
    throw new Error(`the kernels' tests boot x86-64 systems built on this machine, and it is ${process.arch}`);
  }
  await ensurePackages(['control-plane', 'images', 'kernels']);
  const sources = [join(REPOSITORY, 'test', 'images', 'debian.ts'), import.meta.filename];
  const folder = cachePath('kernels', `${suite}-${hashTexts([PACKAGES.join(' '), hashFiles(sources)])}`);
  await withLock('images', async () => {
    if (!existsSync(folder)) await build({ suite, packages: PACKAGES }, folder);
  });
  markUsed(folder);
  return { suite, kernel: join(folder, 'kernel'), system: join(folder, 'system.cpio') };
}

async function build(root: DebianRoot, folder: string): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('building a system for a virtual machine needs root: debootstrap does');
  const work = `${folder}.work`;
  const [archive, system, ready] = [join(work, 'root.tar'), join(work, 'root'), join(work, 'ready')];
  await rm(work, { recursive: true, force: true });
  for (const path of [system, ready]) await mkdir(path, { recursive: true });
  await buildDebianRoot(root, archive);
  const progress = showProgress(`packing Debian ${root.suite} for a virtual machine`, 10);
  try {
    await runOk(['tar', '-C', system, '-xf', archive], { timeoutMs: 300_000 });
    await copyFile(join(system, 'boot', await kernelIn(join(system, 'boot'))), join(ready, 'kernel'));
    for (const path of REMOVE) await rm(join(system, path), { recursive: true, force: true });
    await packCpio(system, join(ready, 'system.cpio'));
    await rename(ready, folder);
  } finally {
    progress.done();
    await rm(work, { recursive: true, force: true });
  }
}

async function kernelIn(boot: string): Promise<string> {
  const names = (await readdir(boot)).filter((name) => name.startsWith('vmlinuz-'));
  const [only] = names;
  if (only === undefined || names.length > 1) {
    throw new Error(`looking for the kernel in ${boot}: found ${names.join(', ') || 'none'}, allowed: one vmlinuz-*`);
  }
  return only;
}

/** Packs a folder in the format that the kernel unpacks as its first file system. All in it belongs to root. */
export async function packCpio(folder: string, out: string): Promise<void> {
  const pipeline = 'find . -print0 | cpio --quiet --null --create --format=newc >"$0"';
  await runOk(['bash', '-o', 'pipefail', '-c', pipeline, out], { cwd: folder, timeoutMs: 300_000 });
}
