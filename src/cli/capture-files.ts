/** Reads CAPTURE files of any form into samples: the sampler's stream, saved samples, or bare memory maps. */
import { gunzipSync } from 'node:zlib';
import { CAPTURE_LIMIT, isGzip } from '../core/memory/capture.ts';
import { describeParseError, isParseError } from '../core/memory/mapping.ts';
import { readCapture, type CaptureFile } from '../core/memory/read-capture.ts';
import type { ConfiguredShape } from '../core/memory/sample-from-capture.ts';
import { MOST_PROCESSES, type ProcessFootprint, type Sample } from '../core/memory/sample.ts';
import { readInput } from './input.ts';
import { refused, type Io } from './io.ts';
import { readSavedSamples } from './saved-sample.ts';

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
  const maps: CaptureFile[] = [];
  for (const path of paths) {
    const input = await readInput(path, io);
    const { name } = input;
    const data = unpack(input.data, name);
    if (looksLikeJson(data)) {
      samples.push(...readSavedSamples(parseJson(data, name), name));
      continue;
    }
    const file = readCapture(data, name, { gunzip: gunzipSync, configured });
    if (isParseError(file)) throw refused(describeParseError(file, name));
    if (file.form === 'sample') samples.push(sampleOf(name, [file]));
    else maps.push(withNamedPid(file));
  }
  if (maps.length > 0) samples.push(sampleOf(maps.length === 1 ? (maps[0]?.name ?? '') : 'capture', maps));
  for (const { pod, processes } of samples) {
    const { length } = processes;
    if (length > MOST_PROCESSES) throw refused(`${pod}: found ${length} processes, allowed: up to ${MOST_PROCESSES}`);
  }
  const empty = samples.find(({ processes }) => processes.length === 0);
  if (empty === undefined) return samples;
  throw refused(`${empty.pod}: found no uWSGI process, allowed: a capture of a uWSGI container`);
}

function unpack(data: Uint8Array, name: string): Uint8Array {
  if (!isGzip(data)) return data;
  try {
    return gunzipSync(data, { maxOutputLength: CAPTURE_LIMIT });
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw refused(`${name}: found damaged or too large gzip data (${found}), allowed: up to ${CAPTURE_LIMIT} bytes`);
  }
}

/** Files of one pod as a sample. The platform is that of the file that tells most of it. */
function sampleOf(name: string, files: readonly CaptureFile[]): Sample {
  const [first] = files;
  if (first === undefined) throw new RangeError('a sample needs at least one file');
  const { platform } = files.find((file) => file.platform.python !== null) ?? first;
  return {
    pod: name,
    podUid: name,
    node: '',
    takenAt: 0,
    quality: first.quality ?? { tier: 'smaps', reason: null },
    platform,
    cgroup: first.cgroup,
    processes: files.flatMap(({ processes }) => processes),
  };
}

/** A file named as /proc names it (1234.smaps, /proc/1234/smaps) tells the pid of its one process. */
function withNamedPid(file: CaptureFile): CaptureFile {
  const named = /(?:^|\/)(\d+)[./](?:smaps|pmap)(?:\.gz)?$/.exec(file.name)?.[1];
  if (named === undefined || file.processes.length !== 1) return file;
  const withPid = (process: ProcessFootprint): ProcessFootprint => ({ ...process, pid: process.pid ?? Number(named) });
  return { ...file, processes: file.processes.map(withPid) };
}

function looksLikeJson(data: Uint8Array): boolean {
  return /^(?:\u00ef\u00bb\u00bf)?\s*[[{]/.test(latin1.decode(data.subarray(0, 64)));
}

function parseJson(data: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(data));
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw refused(`${name}: found broken JSON (${found}), allowed: saved samples`);
  }
}
