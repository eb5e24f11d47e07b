/** What a machine needs to run the throwaway cluster. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { missingPackages } from '../../test/cluster/packages.ts';

/** What was found out about a machine; null where it was not asked because something before it is missing. */
export interface Machine {
  readonly platform: string;
  /** Null where the system has no user ids. */
  readonly uid: number | null;
  /** Whether this user can make namespaces, which root in an ordinary container cannot. */
  readonly namespaces: boolean | null;
  readonly canInstall: boolean;
  /** Debian packages that the cluster needs and that are not installed. */
  readonly missingPackages: readonly string[];
}

export function inspectMachine(): Machine {
  const { platform } = process;
  const uid = process.getuid?.() ?? null;
  const suitable = platform === 'linux' && uid === 0;
  const missing = suitable ? missingPackages(['control-plane', 'node', 'images']) : [];
  return {
    platform,
    uid,
    namespaces: suitable ? canMakeNamespaces() : null,
    canInstall: existsSync('/usr/bin/apt-get'),
    missingPackages: missing,
  };
}

function canMakeNamespaces(): boolean {
  const { status, error } = spawnSync('unshare', ['--mount', '--net', '--pid', '--fork', 'true'], { timeout: 10_000 });
  // Without the program nothing is proven; it is among the packages that are installed then.
  return error !== undefined || status === 0;
}

/** What is missing for the throwaway cluster, one phrase each; empty when it can run. */
export function whatIsMissing(machine: Machine): readonly string[] {
  const missing: string[] = [];
  if (machine.platform !== 'linux') missing.push(`Linux (this is ${machine.platform})`);
  if (machine.uid !== 0) missing.push(`root (${machine.uid === null ? 'no user id' : `this is user ${machine.uid}`})`);
  if (machine.namespaces === false) missing.push('the right to make namespaces (a privileged container has it)');
  if (machine.missingPackages.length > 0 && !machine.canInstall) {
    missing.push(`these programs, by their Debian packages: ${machine.missingPackages.join(' ')}`);
  }
  return missing;
}
