import { accessSync, constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { withLock } from './lock.ts';
import { showProgress } from './progress.ts';
import { run } from './run.ts';

/** What a task needs besides the programs built from source. */
export type PackageSet = 'unit' | 'uwsgi' | 'control-plane' | 'node' | 'images' | 'kernels';

/** A program (searched on the PATH) or a file with the Debian package that brings it. */
type Need = readonly [program: string, debianPackage: string];

const NEEDS: Readonly<Record<PackageSet, readonly Need[]>> = {
  // The shells that the sampler must run under.
  unit: [
    ['dash', 'dash'],
    ['bash', 'bash'],
    ['busybox', 'busybox'],
    ['python3', 'python3'],
  ],
  // The two builds of uWSGI that the config room is held against, and pip to get the second.
  uwsgi: [
    ['/usr/bin/uwsgi-core', 'uwsgi-core'],
    ['python3', 'python3'],
    ['pip3', 'python3-pip'],
    ['flock', 'util-linux'],
  ],
  'control-plane': [
    ['bash', 'bash'],
    ['flock', 'util-linux'],
    ['setpriv', 'util-linux'],
    ['openssl', 'openssl'],
  ],
  node: [
    ['unshare', 'util-linux'],
    ['nsenter', 'util-linux'],
    ['ip', 'iproute2'],
    ['iptables', 'iptables'],
    ['conntrack', 'conntrack'],
    ['socat', 'socat'],
    ['runc', 'runc'],
    ['containerd', 'containerd'],
    ['ctr', 'containerd'],
    ['/usr/lib/cni/bridge', 'containernetworking-plugins'],
  ],
  images: [
    ['debootstrap', 'debootstrap'],
    ['/usr/share/keyrings/debian-archive-keyring.gpg', 'debian-archive-keyring'],
    ['buildah', 'buildah'],
    ['cc', 'gcc'],
    ['/usr/include/stdlib.h', 'libc6-dev'],
    ['tar', 'tar'],
  ],
  kernels: [
    ['qemu-system-x86_64', 'qemu-system-x86'],
    ['cpio', 'cpio'],
  ],
};

/** Debian puts these outside an ordinary user's PATH. */
const EXTRA_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The Debian packages that are missing for the given sets. */
export function missingPackages(sets: readonly PackageSet[]): readonly string[] {
  const needs = sets.flatMap((set) => NEEDS[set]);
  return [...new Set(needs.filter(([program]) => !isInstalled(program)).map(([, name]) => name))];
}

/** Installs what is missing when we are root on Debian or Ubuntu; otherwise says in one message what to install. */
export async function ensurePackages(sets: readonly PackageSet[]): Promise<void> {
  if (missingPackages(sets).length === 0) return;
  if (process.getuid?.() !== 0 || !(await exists('/usr/bin/apt-get'))) {
    throw new Error(
      `the tests need programs that are not installed; install these Debian packages (or what your system ` +
        `calls them): ${missingPackages(sets).join(' ')}`,
    );
  }
  // No other process can hold this lock without flock; then there is nothing better than to go on without it.
  if (isInstalled('flock')) await withLock('apt', () => install(sets));
  else await install(sets);
}

async function install(sets: readonly PackageSet[]): Promise<void> {
  const missing = missingPackages(sets);
  if (missing.length === 0) return;
  const progress = showProgress(`installing ${missing.join(' ')}`, 30);
  try {
    // A fresh machine has no package lists; an old list names versions that the mirror no longer has.
    await aptGet(['update', '-q']);
    await aptGet(['install', '-q', '-y', '--no-install-recommends', ...missing]);
  } finally {
    progress.done();
  }
  const still = missingPackages(sets);
  if (still.length > 0) throw new Error(`apt-get installed ${still.join(' ')}, and their programs are still not found`);
}

async function aptGet(args: readonly string[]): Promise<void> {
  const result = await run(['apt-get', '-o', 'DPkg::Lock::Timeout=300', ...args], {
    env: { DEBIAN_FRONTEND: 'noninteractive' },
    timeoutMs: 900_000,
  });
  if (result.code !== 0)
    throw new Error(`apt-get ${args.join(' ')}: exit status ${result.code}\n${result.stderr.trim()}`);
}

function isInstalled(program: string): boolean {
  if (program.startsWith('/')) return isReadable(program);
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...EXTRA_FOLDERS];
  return folders.some((folder) => isReadable(join(folder, program)));
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
