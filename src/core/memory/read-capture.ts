/** A capture in any form that a person may have: recognised by its text, read into what that form can tell. */
import type { Gunzip } from './capture.ts';
import { CAPTURE_LIMIT, isGzip, looksLikeCapture, splitCapture } from './capture.ts';
import { classify } from './classify.ts';
import { footprint } from './footprint.ts';
import type { Mapping, ParseError } from './mapping.ts';
import { isParseError, quoted, splitProcesses } from './mapping.ts';
import { parseCgroup } from './parse-cgroup.ts';
import type { PmapForm } from './parse-pmap.ts';
import { looksLikePmap, parsePmap } from './parse-pmap.ts';
import { parseSmaps } from './parse-smaps.ts';
import { platformOf } from './platform.ts';
import type { CgroupMemory, Platform, ProcessFootprint, SampleQuality } from './sample.ts';
import type { ConfiguredShape } from './sample-from-capture.ts';
import { NOT_CONFIGURED, sampleFromCapture } from './sample-from-capture.ts';

export type CaptureForm = 'smaps' | PmapForm | 'sample';

/** One file's content. Facts that its form does not tell are null. */
export interface CaptureFile {
  readonly name: string;
  readonly form: CaptureForm;
  readonly processes: readonly ProcessFootprint[];
  readonly platform: Platform;
  readonly cgroup: CgroupMemory;
  /** Null for text that was not taken by the sampler. */
  readonly quality: SampleQuality | null;
}

/** How to read a capture: the caller's decompressor and what the configuration says. */
export interface ReadOptions {
  readonly gunzip: Gunzip;
  readonly configured?: ConfiguredShape;
}

const ALLOWED = 'text of smaps, pmap, pmap -x, pmap -X or pmap -XX, or a saved sample';
const utf8 = new TextDecoder();
const NO_FILES: ReadonlyMap<string, string> = new Map();

/** Reads one capture file of any form. */
export function readCapture(content: Uint8Array, name: string, options: ReadOptions): CaptureFile | ParseError {
  const { gunzip, configured = NOT_CONFIGURED } = options;
  if (content.length > CAPTURE_LIMIT) return tooLarge(content.length);
  let plain = content;
  if (isGzip(content)) {
    try {
      plain = gunzip(content);
    } catch {
      return { code: 'CutShort', line: null, found: 'gzip data that is cut or damaged', allowed: 'whole gzip data' };
    }
    if (plain.length > CAPTURE_LIMIT) return tooLarge(plain.length);
  }
  if (plain.length === 0) return { code: 'Empty', line: null, found: 'an empty file', allowed: ALLOWED };
  if (looksLikeCapture(plain)) return readSample(plain, name, options);
  const start = utf8.decode(plain.subarray(0, 200));
  if (/^[0-9a-f]+-[0-9a-f]+ [r-]/.test(start)) {
    const mappings = parseSmaps(plain);
    if (isParseError(mappings)) return mappings;
    const processes = splitProcesses(mappings).map((rows) => ({ pid: null, mappings: rows }));
    return fileOf(name, 'smaps', processes, configured);
  }
  if (looksLikePmap(start)) {
    const processes = parsePmap(utf8.decode(plain));
    if (isParseError(processes)) return processes;
    return fileOf(name, processes[0]?.form ?? 'pmap', processes, configured);
  }
  return { code: 'UnknownForm', line: 1, found: quoted(start.split('\n', 1)[0] ?? ''), allowed: ALLOWED };
}

function readSample(plain: Uint8Array, name: string, { gunzip, configured }: ReadOptions): CaptureFile | ParseError {
  const capture = splitCapture(plain, gunzip);
  if (!capture.ok) return { code: 'CutShort', line: null, found: capture.message, allowed: 'a whole saved sample' };
  const identity = { pod: '', podUid: '', node: '', takenAt: 0 };
  const { processes, platform, cgroup, quality } = sampleFromCapture(capture.sections, identity, configured);
  return { name, form: 'sample', processes, platform, cgroup, quality };
}

interface MappedProcess {
  readonly pid: number | null;
  readonly mappings: readonly Mapping[];
}

function fileOf(
  name: string,
  form: CaptureForm,
  read: readonly MappedProcess[],
  configured: ConfiguredShape,
): CaptureFile {
  const platform = platformOf(NO_FILES, read[0]?.mappings ?? []);
  const processes = read.map(({ pid, mappings }) => mapOnly(pid, mappings, platform, configured));
  return { name, form, processes, platform, cgroup: parseCgroup(NO_FILES), quality: null };
}

/** What rows alone tell. Which process is the master is not among it; a stack size that is configured helps. */
function mapOnly(
  pid: number | null,
  mappings: readonly Mapping[],
  platform: Platform,
  configured: ConfiguredShape,
): ProcessFootprint {
  const hints = {
    threads: null,
    stackSize: configured.stackSize,
    processThreads: null,
    coreCandidates: null,
    stackLimit: null,
    musl: platform.libc?.name === 'musl',
    undecided: false,
  };
  const unknown = { parentPid: null, startTicks: null, role: null, threads: null, pageTables: null, busyThreads: null };
  return { pid, ...unknown, ...footprint(classify(mappings), hints) };
}

function tooLarge(length: number): ParseError {
  return { code: 'TooLarge', line: null, found: `${length} bytes`, allowed: `at most ${CAPTURE_LIMIT} bytes` };
}
