import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { cachePath, hashFiles, hashTexts, REPOSITORY } from '../cluster/cache.ts';
import { withLock } from '../cluster/lock.ts';
import { ensurePackages } from '../cluster/packages.ts';
import { showProgress } from '../cluster/progress.ts';
import { runOk } from '../cluster/run.ts';
import { ensureImages, imageFolder, imageReference } from './images.ts';

/** A built image of the project itself. */
export interface OperatorImage {
  /** For pod specs and the chart's values: `repository:tag`. */
  readonly reference: string;
  readonly repository: string;
  readonly tag: string;
  /** The archive to import into a cluster. */
  readonly archive: string;
}

const REPOSITORY_NAME = 'uwt.local/uwsgi-tuner';

/** Bundles the project (`npm run build`) and builds its image from the Dockerfile, unless that very image is there. */
export async function buildOperatorImage(): Promise<OperatorImage> {
  return withLock('operator-image', async () => {
    await ensurePackages(['control-plane', 'images']);
    await runOk(['npm', 'run', '--silent', 'build'], { cwd: REPOSITORY, timeoutMs: 300_000 });
    await ensureImages(['node-base']);
    const tag = await imageKey();
    const image = {
      reference: `${REPOSITORY_NAME}:${tag}`,
      repository: REPOSITORY_NAME,
      tag,
      archive: cachePath('operator', `${tag}.tar`),
    };
    if (!existsSync(image.archive)) {
      await removeOlder(image.archive);
      await buildWithBuildah(image.reference, image.archive);
    }
    return image;
  });
}

/** The hash of the Dockerfile, of all that it copies, and of the base image. */
async function imageKey(): Promise<string> {
  const dockerfile = await readFile(join(REPOSITORY, 'Dockerfile'), 'utf8');
  const copied: string[] = [];
  for (const line of dockerfile.split('\n')) {
    const words = line.trim().split(/\s+/);
    if (!/^(COPY|ADD)$/i.test(words[0] ?? '')) continue;
    for (const source of words.slice(1, -1).filter((word) => !word.startsWith('--'))) {
      copied.push(...(await filesBelow(join(REPOSITORY, source))));
    }
  }
  return hashTexts([dockerfile, hashFiles(copied.sort()), imageFolder('node-base')]);
}

async function filesBelow(path: string): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Each image holds the base again (220 MB): only the newest two are worth their space. */
async function removeOlder(archive: string): Promise<void> {
  const folder = join(archive, '..');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.tar'));
  const dated = await Promise.all(
    names.map(async (name) => ({ name, time: (await stat(join(folder, name))).mtimeMs })),
  );
  dated.sort((a, b) => b.time - a.time);
  for (const { name } of dated.slice(1)) await rm(join(folder, name));
}

/** No container engine and no daemon: chroot isolation and the plain-copy storage driver work in any root shell. */
async function buildWithBuildah(reference: string, archive: string): Promise<void> {
  const work = `${archive}.work`;
  const progress = showProgress(`building ${reference}`, 15);
  const storage = ['--root', join(work, 'root'), '--runroot', join(work, 'run'), '--storage-driver', 'vfs'];
  const options = { cwd: REPOSITORY, env: { BUILDAH_ISOLATION: 'chroot' }, timeoutMs: 300_000 };
  const base = imageReference('node-base');
  try {
    await rm(work, { recursive: true, force: true });
    await mkdir(work, { recursive: true });
    // buildah makes a name of an OCI folder's path and refuses an absolute one; so a relative path, then the real name.
    const folder = imageFolder('node-base');
    const pull = ['buildah', ...storage, 'pull', '--quiet', `oci:${basename(folder)}`];
    const id = (await runOk(pull, { ...options, cwd: dirname(folder) })).trim();
    await runOk(['buildah', ...storage, 'tag', id, base], options);
    await runOk(
      [
        'buildah',
        ...storage,
        'bud',
        '--pull-never',
        '--build-arg',
        `BASE=${base}`,
        '-t',
        reference,
        '-f',
        'Dockerfile',
        '.',
      ],
      options,
    );
    await runOk(['buildah', ...storage, 'push', reference, `oci-archive:${archive}.unfinished:${reference}`], options);
    await rename(`${archive}.unfinished`, archive);
  } finally {
    progress.done();
    await rm(work, { recursive: true, force: true });
  }
}
