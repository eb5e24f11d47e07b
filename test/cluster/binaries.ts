import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

import { cachePath, hashFiles } from './cache.ts';
import { withLock } from './lock.ts';
import { showProgress } from './progress.ts';
import { markUsed } from './stale.ts';

/** The programs of the test cluster. They are built from source out of the Go module proxy, as pinned in modules/. */
export type ProgramName =
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kubelet'
  | 'kube-proxy'
  | 'kubectl'
  | 'helm'
  | 'helm-unittest';

/** Programs whose libraries have to agree: one go.mod, one build. */
interface Family {
  readonly name: string;
  /** Program name to main package. */
  readonly programs: Readonly<Partial<Record<ProgramName, string>>>;
  readonly linkerFlags: string;
  /** Measured on two cores with an empty Go build cache; shown to who waits. */
  readonly expectedSeconds: number;
  readonly expectedPackages: number;
}

const KUBERNETES_VERSION = 'v1.34.4';
const VERSION_FLAG = '-X k8s.io/component-base/version';

const FAMILIES: readonly Family[] = [
  {
    name: 'kubernetes',
    programs: Object.fromEntries(
      (
        [
          'kube-apiserver',
          'kube-controller-manager',
          'kube-scheduler',
          'kubelet',
          'kube-proxy',
          'kubectl',
        ] satisfies ProgramName[]
      ).map((name) => [name, `k8s.io/kubernetes/cmd/${name}`]),
    ),
    // Without a version the API server calls itself v0.0.0, which Helm and discovery refuse.
    linkerFlags: `${VERSION_FLAG}.gitVersion=${KUBERNETES_VERSION} ${VERSION_FLAG}.gitMajor=1 ${VERSION_FLAG}.gitMinor=34 ${VERSION_FLAG}.gitTreeState=clean`,
    expectedSeconds: 260,
    expectedPackages: 2650,
  },
  {
    name: 'etcd',
    programs: { etcd: 'go.etcd.io/etcd/server/v3' },
    linkerFlags: '',
    expectedSeconds: 30,
    expectedPackages: 320,
  },
  {
    name: 'helm',
    programs: { helm: 'helm.sh/helm/v4/cmd/helm' },
    linkerFlags: '',
    expectedSeconds: 90,
    expectedPackages: 920,
  },
  {
    name: 'helm-unittest',
    programs: { 'helm-unittest': 'github.com/helm-unittest/helm-unittest/cmd/helm-unittest' },
    linkerFlags: '',
    expectedSeconds: 30,
    expectedPackages: 260,
  },
];

const MODULES = join(import.meta.dirname, 'modules');

/** Where a program is, or will be once `ensureBinaries` has run. */
export function binaryPath(program: ProgramName): string {
  const family = FAMILIES.find((candidate) => program in candidate.programs);
  if (family === undefined) throw new Error(`no program ${program} in the test cluster`);
  return join(folderOf(family), program);
}

/** Builds what is missing of the given programs (default: all) and returns how many families that took. */
export async function ensureBinaries(programs?: readonly ProgramName[]): Promise<number> {
  let built = 0;
  for (const family of FAMILIES) {
    const wanted = programs === undefined || programs.some((program) => program in family.programs);
    if (!wanted) continue;
    if (!existsSync(folderOf(family))) {
      // One build at a time: the compiler uses every core by itself, and two builds of one module would repeat work.
      await withLock('go-build', async () => {
        if (existsSync(folderOf(family))) return; // another process built it while we waited
        await build(family);
        built += 1;
      });
    }
    markUsed(folderOf(family));
  }
  return built;
}

/** The folder is named after all that decides what is in it, so a new pin never meets an old program. */
function folderOf(family: Family): string {
  const module = join(MODULES, family.name);
  const key = hashFiles([join(module, 'go.mod'), join(module, 'go.sum')]);
  return cachePath('bin', `${family.name}-${key}-${process.arch}`);
}

/** Builds into a temporary folder and renames it: what has its final name is whole. */
async function build(family: Family): Promise<void> {
  const folder = folderOf(family);
  await removeUnfinished(dirname(folder), family.name);
  const unfinished = `${folder}.${process.pid}.unfinished`;
  await mkdir(unfinished, { recursive: true });
  const progress = showProgress(`building ${Object.keys(family.programs).join(', ')}`, family.expectedSeconds);
  try {
    for (const batch of batchesOf(family, unfinished)) {
      await goBuild(family, batch, (packages) => {
        progress.detail(`${packages} of about ${family.expectedPackages} packages`);
      });
    }
  } finally {
    progress.done();
  }
  await rename(unfinished, folder);
}

/** Several programs go into a folder in one build; a single one gets its name, as its package may be named otherwise. */
function batchesOf(family: Family, folder: string): readonly (readonly string[])[] {
  const programs = Object.entries(family.programs);
  if (programs.length > 1) return [['-o', `${folder}/`, ...programs.map(([, path]) => path)]];
  return programs.map(([name, path]) => ['-o', join(folder, name), path]);
}

/** A build that was killed leaves a folder behind. Only the holder of the lock comes here, so nobody uses it. */
async function removeUnfinished(folder: string, family: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.startsWith(`${family}-`) && name.endsWith('.unfinished'))
      await rm(join(folder, name), { recursive: true });
  }
}

function goBuild(family: Family, args: readonly string[], onPackages: (count: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const flags = ['-v', '-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags', `-s -w ${family.linkerFlags}`];
    // The compiler ends with this process instead of keeping both cores busy for nobody.
    const child = spawn('setpriv', ['--pdeathsig', 'INT', '--', 'go', 'build', ...flags, ...args], {
      cwd: join(MODULES, family.name),
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let packages = 0;
    const last: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => {
      // -v prints each package as it is compiled; all else is a download or a complaint.
      if (/^[\w./~-]+$/.test(line)) onPackages((packages += 1));
      else last.push(line);
      if (last.length > 40) last.shift();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else if (code === 127)
        reject(new Error('go was not found: the test cluster is built from source and needs Go 1.26 or later'));
      else
        reject(
          new Error(`go build in modules/${family.name} failed, exit status ${code ?? 'none'}\n${last.join('\n')}`),
        );
    });
  });
}
