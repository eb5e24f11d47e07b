/** Reads CAPTURE files of any form into samples: the sampler's stream, saved samples, or bare memory maps. */
import { gunzipSync } from 'node:zlib';
import { CAPTURE_LIMIT, looksLikeCapture, splitCapture } from '../core/memory/capture.ts';
import { sampleFromCapture, type ConfiguredShape } from '../core/memory/sample-from-capture.ts';
import type { Sample } from '../core/memory/sample.ts';
import { readBareMaps, sampleFromMaps, type BareMap } from './bare-maps.ts';
import { refused, type Io } from './io.ts';
import { readSavedSamples } from './saved-sample.ts';

interface CaptureFile {
  /** As shown in messages: the path, or "stdin". */
  readonly name: string;
  /** What stands in it, uncompressed. */
  readonly data: Uint8Array;
}

const GZIP = [0x1f, 0x8b];
const latin1 = new TextDecoder('latin1');

/**
 * The samples of all files. A stream is one pod and a saved sample is one; bare maps tell no pod, so all of them together
 * are taken as the processes of one.
 */
export async function readCaptures(
  paths: readonly string[],
  configured: ConfiguredShape,
  io: Io,
): Promise<readonly Sample[]> {
  if (paths.filter((path) => path === '-').length > 1) throw refused('found - twice, allowed: stdin once');
  const samples: Sample[] = [];
  const maps: BareMap[] = [];
  for (const path of paths) {
    const { name, data } = await open(path, io);
    if (looksLikeCapture(data)) samples.push(readStream({ name, data }, configured));
    else if (looksLikeJson(data)) samples.push(...readSavedSamples(parseJson({ name, data }), name));
    else maps.push(...readBareMaps(data, name));
  }
  if (maps.length > 0) samples.push(sampleFromMaps(maps, identityOf('capture'), configured));
  const empty = samples.find(({ processes }) => processes.length === 0);
  if (empty !== undefined)
    throw refused(`${empty.pod}: found no uWSGI process, allowed: a capture of a uWSGI container`);
  return samples;
}

async function open(path: string, io: Io): Promise<CaptureFile> {
  const name = path === '-' ? 'stdin' : path;
  const data = path === '-' ? await io.readStdin() : await read(path, io);
  if (data[0] !== GZIP[0] || data[1] !== GZIP[1]) return { name, data };
  try {
    return { name, data: gunzipSync(data, { maxOutputLength: CAPTURE_LIMIT }) };
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw refused(`${name}: found damaged or too large gzip data (${found}), allowed: up to ${CAPTURE_LIMIT} bytes`);
  }
}

async function read(path: string, io: Io): Promise<Uint8Array> {
  try {
    return await io.readFile(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw refused(`${path}: found no readable file (${code}), allowed: a file, or - for stdin`);
  }
}

function readStream({ name, data }: CaptureFile, configured: ConfiguredShape): Sample {
  const result = splitCapture(data, gunzipSync);
  if (!result.ok) throw refused(`${name}: ${result.message}`);
  return sampleFromCapture(result.sections, identityOf(name), configured);
}

function parseJson({ name, data }: CaptureFile): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(data));
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw refused(`${name}: found broken JSON (${found}), allowed: saved samples`);
  }
}

function looksLikeJson(data: Uint8Array): boolean {
  return /^(?:ï»¿)?\s*[[{]/.test(latin1.decode(data.subarray(0, 64)));
}

function identityOf(name: string): Pick<Sample, 'pod' | 'podUid' | 'node' | 'takenAt'> {
  return { pod: name, podUid: name, node: '', takenAt: 0 };
}
