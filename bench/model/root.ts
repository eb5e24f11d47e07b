/** The file system of a test image as a folder, for programs that run in it without a container runtime. */
import { rmSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureImages, imageFolder, type ImageName } from '../../test/cluster/index.ts';
import { runOk } from '../../test/cluster/run.ts';

interface Index {
  readonly manifests: readonly { readonly digest: string }[];
}

interface Manifest {
  readonly layers: readonly { readonly digest: string }[];
}

/** Unpacks an image, and builds it first where it is missing. The folder goes when this process ends. Needs root. */
export async function unpackImage(name: ImageName): Promise<string> {
  await ensureImages([name]);
  const image = imageFolder(name);
  const blob = (digest: string): string => join(image, 'blobs', 'sha256', digest.replace('sha256:', ''));
  const index = JSON.parse(await readFile(join(image, 'index.json'), 'utf8')) as Index;
  const manifest = JSON.parse(await readFile(blob(index.manifests[0]?.digest ?? ''), 'utf8')) as Manifest;
  const root = await mkdtemp(join(tmpdir(), `${name}-`));
  process.once('exit', () => {
    rmSync(root, { recursive: true, force: true });
  });
  for (const { digest } of manifest.layers)
    await runOk(['tar', '--directory', root, '--extract', '--file', blob(digest)]);
  await runOk(['chmod', '755', root]);
  return root;
}
