import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What an image says about how its container runs. */
export interface ImageConfig {
  readonly entrypoint: readonly string[];
  /** A number, because `runAsNonRoot` cannot judge a name. */
  readonly user: string;
  readonly env?: readonly string[];
}

/** What an image is made of: uncompressed layer archives, lowest first. */
export interface ImageParts {
  readonly reference: string;
  readonly layers: readonly string[];
  readonly config: ImageConfig;
}

interface Blob {
  readonly digest: string;
  readonly size: number;
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Go's names for the processors that Node runs on here. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * Writes an image as an OCI layout: a folder that containerd reads as a tar stream and buildah reads as it is. Layers are
 * hard links to their archives, so images on one base cost its space once. Layers stay uncompressed: they never travel.
 */
export async function writeLayout(folder: string, parts: ImageParts): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
  const layers: Blob[] = [];
  for (const layer of parts.layers) layers.push(await linkBlob(folder, layer));
  const architecture = ARCHITECTURES[process.arch] ?? process.arch;
  const config = await writeBlob(folder, {
    architecture,
    os: 'linux',
    config: {
      Entrypoint: parts.config.entrypoint,
      User: parts.config.user,
      Env: [PATH, ...(parts.config.env ?? [])],
    },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.digest) },
    history: layers.map(() => ({ created_by: 'test/images' })),
  });
  const manifest = await writeBlob(folder, {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers: layers.map((layer) => ({ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer })),
  });
  const annotations = {
    'io.containerd.image.name': parts.reference,
    'org.opencontainers.image.ref.name': parts.reference,
  };
  const entry = { mediaType: 'application/vnd.oci.image.manifest.v1+json', ...manifest, annotations };
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}

async function linkBlob(folder: string, path: string): Promise<Blob> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  const hex = hash.digest('hex');
  await link(path, join(folder, 'blobs', 'sha256', hex));
  return { digest: `sha256:${hex}`, size: (await stat(path)).size };
}

async function writeBlob(folder: string, content: object): Promise<Blob> {
  const bytes = Buffer.from(JSON.stringify(content));
  const hex = createHash('sha256').update(bytes).digest('hex');
  await writeFile(join(folder, 'blobs', 'sha256', hex), bytes);
  return { digest: `sha256:${hex}`, size: bytes.length };
}
