import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { cachePath, hashFiles, hashTexts, REPOSITORY } from '../cluster/cache.ts';
import { withLock } from '../cluster/lock.ts';
import { ensurePackages } from '../cluster/packages.ts';
import { runOk } from '../cluster/run.ts';
import { markUsed } from '../cluster/stale.ts';
import { buildDebianRoot, packFolder } from './debian.ts';
import type { DebianRoot } from './debian.ts';
import { writeLayout } from './oci.ts';
import type { ImageConfig } from './oci.ts';

/** The images that are made here, without any registry. */
export type ImageName = 'pause' | 'uwsgi-bookworm' | 'uwsgi-forky' | 'uwsgi-noshell' | 'node-base';

interface Recipe {
  /** The Debian system below, if any. */
  readonly root?: DebianRoot;
  /** The files that decide what is in the upper layer; with the root they are the image's key. */
  readonly sources: readonly string[];
  /** Fills the folder of the upper layer. */
  readonly fill: (folder: string) => Promise<void>;
  readonly config: ImageConfig;
}

const HERE = import.meta.dirname;
const APP = join(HERE, 'uwsgi', 'app.py');
const NODE = join(REPOSITORY, 'node_modules', 'node', 'bin', 'node');
const BOOKWORM: DebianRoot = { suite: 'bookworm', packages: ['uwsgi-core', 'uwsgi-plugin-python3'] };
const FORKY: DebianRoot = { suite: 'forky', packages: ['uwsgi-core', 'uwsgi-plugin-python3'] };
/** www-data on Debian, which is what uWSGI runs as there. */
const UWSGI: ImageConfig = { entrypoint: ['uwsgi', '--ini', '/etc/uwsgi-config/uwsgi.ini'], user: '33' };

const RECIPES: Readonly<Record<ImageName, Recipe>> = {
  pause: {
    sources: [join(HERE, 'pause', 'pause.c')],
    fill: async (folder) => {
      await runOk(['cc', '-Os', '-static', '-s', '-o', join(folder, 'pause'), join(HERE, 'pause', 'pause.c')]);
    },
    config: { entrypoint: ['/pause'], user: '65535' },
  },
  // Python 3.11, glibc 2.36: a guard row below every thread's stack, and a stack too small is signal 11.
  'uwsgi-bookworm': { root: BOOKWORM, sources: [APP], fill: addApp, config: UWSGI },
  // Python 3.14, glibc 2.43: stacks merged into one mapping, and a stack too small fails the request instead.
  'uwsgi-forky': { root: FORKY, sources: [APP], fill: addApp, config: UWSGI },
  'uwsgi-noshell': {
    root: BOOKWORM,
    sources: [APP],
    fill: async (folder) => {
      await addApp(folder);
      await removePrograms(folder);
    },
    config: UWSGI,
  },
  // What the project's own image is built on.
  'node-base': {
    root: { suite: 'bookworm', packages: ['libstdc++6', 'ca-certificates'] },
    sources: [join(REPOSITORY, 'node_modules', 'node', 'package.json')], // its version; the binary has 120 MB to hash
    fill: async (folder) => {
      await mkdir(join(folder, 'usr', 'local', 'bin'), { recursive: true });
      await copyFile(NODE, join(folder, 'usr', 'local', 'bin', 'node'));
      await chmod(join(folder, 'usr', 'local', 'bin', 'node'), 0o755);
    },
    config: { entrypoint: ['/usr/local/bin/node'], user: '65532' },
  },
};

/** The name by which a pod spec asks for an image; with imagePullPolicy Never or IfNotPresent. */
export function imageReference(name: ImageName): string {
  return `uwt.local/${name}:1`;
}

/** The folder of a built image (an OCI layout). Its name holds the hash of what it is made from. */
export function imageFolder(name: ImageName): string {
  const recipe = RECIPES[name];
  const code = ['images.ts', 'oci.ts', 'debian.ts'].map((file) => join(HERE, file));
  const key = hashTexts([hashFiles([...code, ...recipe.sources]), JSON.stringify(recipe.root ?? null)]);
  return cachePath('images', `${name}-${key}`);
}

/** Builds what is missing of the given images; needs root. */
export async function ensureImages(names: readonly ImageName[]): Promise<void> {
  if (names.some((name) => !existsSync(imageFolder(name)))) {
    await ensurePackages(['control-plane', 'images']);
    await withLock('images', async () => {
      for (const name of names) if (!existsSync(imageFolder(name))) await build(name);
    });
  }
  for (const name of names) markUsed(imageFolder(name));
}

async function build(name: ImageName): Promise<void> {
  const recipe = RECIPES[name];
  const folder = imageFolder(name);
  const work = `${folder}.work`;
  await rm(work, { recursive: true, force: true });
  await mkdir(join(work, 'upper'), { recursive: true, mode: 0o755 });
  await recipe.fill(join(work, 'upper'));
  await packFolder(join(work, 'upper'), join(work, 'upper.tar'));
  const layers = [...(recipe.root === undefined ? [] : [await ensureRoot(recipe.root)]), join(work, 'upper.tar')];
  await writeLayout(`${work}/layout`, { reference: imageReference(name), layers, config: recipe.config });
  await rename(`${work}/layout`, folder);
  await rm(work, { recursive: true });
}

/** The archive of a Debian system; two images on the same one share it. */
async function ensureRoot(root: DebianRoot): Promise<string> {
  const key = hashTexts([JSON.stringify(root), await readFile(join(HERE, 'debian.ts'))]);
  const path = cachePath('roots', `${root.suite}-${key}.tar`);
  if (!existsSync(path)) await buildDebianRoot(root, path);
  markUsed(path);
  return path;
}

async function addApp(folder: string): Promise<void> {
  await mkdir(join(folder, 'app'), { mode: 0o755 });
  await copyFile(APP, join(folder, 'app', 'app.py'));
  await chmod(join(folder, 'app', 'app.py'), 0o644);
}

/**
 * Hides every program of the system below and puts back uWSGI alone: no shell, no python3, nothing that could read
 * /proc for a sampler, as in a distroless image. An opaque marker hides a whole folder of the lower layer.
 */
async function removePrograms(folder: string): Promise<void> {
  for (const programs of ['usr/bin', 'usr/sbin', 'usr/local/bin', 'usr/libexec']) {
    await mkdir(join(folder, programs), { recursive: true });
    await writeFile(join(folder, programs, '.wh..wh..opq'), '');
  }
  const archive = await ensureRoot(BOOKWORM);
  await runOk(['tar', '-C', folder, '-xf', archive, './usr/bin/uwsgi-core']);
  await rename(join(folder, 'usr/bin/uwsgi-core'), join(folder, 'usr/bin/uwsgi'));
}
