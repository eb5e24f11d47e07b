/**
 * Reads a digest back from status. Whatever is not understood (an older or newer version wrote it, or a person did) is
 * left out, never trusted and never an error: the worst that a lost digest costs is confidence.
 */
import { bytes, type Bytes } from '../quantity.ts';
import {
  bounded,
  emptyDigest,
  imageKey,
  MAX_COUNT,
  MAX_IMAGES,
  MAX_OBSERVED_MS,
  MAX_PODS,
  MAX_POINTS,
  type Digest,
  type ImageHistory,
  type PodCounter,
  type Point,
} from './history.ts';
import { SKETCH_POINTS, type Sketch } from './sketch.ts';

type Fields = Readonly<Record<string, unknown>>;

export function decodeDigest(value: unknown): Digest {
  if (!isFields(value)) return emptyDigest();
  return bounded({
    images: listOf(value['images'], MAX_IMAGES).flatMap(decodeHistory),
    pods: listOf(value['pods'], MAX_PODS).flatMap(decodePod),
  });
}

function decodeHistory(fields: Fields): ImageHistory[] {
  const { image } = fields;
  const points = listOf(fields['points'], MAX_POINTS).flatMap(decodePoint);
  if (typeof image !== 'string' || image === '' || points.length === 0) return [];
  return [
    {
      image: imageKey(image),
      samples: numberOf(fields['samples']) ?? 0,
      observedMs: Math.min(MAX_OBSERVED_MS, countOf(fields['observedMs']) ?? 0),
      lastSeen: countOf(fields['lastSeen']) ?? 0,
      tier: fields['tier'] === 'smaps' ? 'smaps' : 'status',
      stackHighWater: sizeOf(fields['stackHighWater']),
      peak: sizeOf(fields['peak']),
      oomKills: numberOf(fields['oomKills']) ?? 0,
      master: sketchOf(fields['master']),
      forkShared: sketchOf(fields['forkShared']),
      others: sketchOf(fields['others']),
      tmpfs: sketchOf(fields['tmpfs']),
      fileCache: sketchOf(fields['fileCache']),
      points,
    },
  ];
}

function decodePoint(fields: Fields): Point[] {
  const threads = numberOf(fields['threads']);
  const processes = numberOf(fields['processes']);
  if (threads === null || processes === null || threads < 1 || processes < 1) return [];
  return [
    {
      threads,
      processes,
      samples: numberOf(fields['samples']) ?? 0,
      lastSeen: countOf(fields['lastSeen']) ?? 0,
      busyThreads: numberOf(fields['busyThreads']),
      verified: fields['verified'] === true,
      stackSize: sizeOf(fields['stackSize']),
      stackHuge: sizeOf(fields['stackHuge']) ?? bytes(0),
      private: sketchOf(fields['private']),
      stackResident: sketchOf(fields['stackResident']),
      kernelFactor: sketchOf(fields['kernelFactor']),
      sharedFactor: sketchOf(fields['sharedFactor']),
    },
  ];
}

function decodePod(fields: Fields): PodCounter[] {
  const { uid } = fields;
  const oomKills = numberOf(fields['oomKills']);
  return typeof uid === 'string' && oomKills !== null ? [{ uid: imageKey(uid).slice(0, 36), oomKills }] : [];
}

/** KiB: a pebibyte. Of a factor it is far beyond any. */
const LARGEST_VALUE = 2 ** 40;

/** "4173x1 4209x2.5": value x weight. */
function sketchOf(value: unknown): Sketch {
  if (typeof value !== 'string') return [];
  const points = value.split(' ').flatMap((part): [number, number][] => {
    const [known = NaN, weight = NaN, ...more] = part.split('x').map(Number);
    const isPoint = more.length === 0 && isAmount(known) && isAmount(weight) && weight > 0;
    return isPoint && known <= LARGEST_VALUE && weight <= MAX_COUNT ? [[known, weight]] : [];
  });
  return points.sort(([a], [b]) => a - b).slice(-SKETCH_POINTS);
}

function listOf(value: unknown, most: number): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isFields).slice(0, most) : [];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** A count of things: what is beyond 32 bits is none. */
function numberOf(value: unknown): number | null {
  const count = countOf(value);
  return count !== null && count < 2 ** 31 ? count : null;
}

function countOf(value: unknown): number | null {
  return isAmount(value) && Number.isSafeInteger(value) ? value : null;
}

function sizeOf(value: unknown): Bytes | null {
  const size = countOf(value);
  return size === null ? null : bytes(size);
}
