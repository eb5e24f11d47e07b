/**
 * Both ends of the sampler protocol: the argv that is run in the container, and the reader of the stream it prints. A
 * stream that is not whole, or not what the sampler prints, is one error and never half a capture.
 */
import { pythonArgv } from './capture-script-python.ts';
import type { Depth, SamplerRoots } from './capture-script.ts';
import { captureArgv, CGROUP, PROC } from './capture-script.ts';
import type { Mapping } from './mapping.ts';
import { isParseError } from './mapping.ts';
import type { RowPages } from './parse-pagemap.ts';
import { parseSmaps, parseSparseSmaps } from './parse-smaps.ts';
import type { ProcessFiles } from './process-files.ts';
import { splitProcessFiles } from './process-files.ts';
import { MOST_PROCESSES } from './sample.ts';

/** The page map of one row of merged stacks, and the row's first address. */
export interface PagemapSection {
  readonly start: number;
  readonly pages: RowPages;
}

/** What the sampler found of one process. */
export interface ProcessSection {
  readonly pid: number;
  /** Whether the process is uWSGI, decided in the pod by comm, executable or loaded pyuwsgi module. */
  readonly uwsgi: boolean;
  /** What an automatic process title says (option auto-procname): a hint only, an application can change it. */
  readonly hint: 'master' | 'worker' | 'other' | null;
  readonly files: ProcessFiles;
  /** Null when the kernel denied the map. */
  readonly mappings: readonly Mapping[] | null;
  readonly pagemaps: readonly PagemapSection[];
}

/** A whole capture: the container's files by name, and its processes. */
export interface CaptureSections {
  readonly files: ReadonlyMap<string, string>;
  readonly processes: readonly ProcessSection[];
}

/** A stream that was read, or why it could not be. */
export type CaptureResult = { readonly ok: true; readonly sections: CaptureSections } | CaptureError;

/** Why a stream is no capture. The message quotes nothing of the stream: it reaches status, events and logs. */
export interface CaptureError {
  readonly ok: false;
  readonly code: 'Empty' | 'TooLarge' | 'NotGzip' | 'NotCapture' | 'CutShort' | 'Malformed';
  readonly message: string;
}

/** The caller's decompressor: core has none. It throws on damaged or cut input. */
export type Gunzip = (member: Uint8Array) => Uint8Array;

/** Largest capture that is read, before and after decompression. 64 processes of 1000 threads are about 200 MB of text. */
export const CAPTURE_LIMIT = 256 * 1024 * 1024;

/** What one capture is to read, and for tests from where. */
export interface SamplerOptions extends SamplerRoots {
  /** "threads" unless an earlier capture of the same container is known (earlier-sample.ts). */
  readonly depth?: Depth;
}

/** The sampler as an argv for exec: no stdin, nothing but sh and coreutils or busybox in the container. */
export function samplerArgv(options: SamplerOptions = {}): readonly string[] {
  return captureArgv(options, options.depth ?? 'threads');
}

/** The same for a container that has python3 and no sh. */
export function samplerArgvPython(options: SamplerOptions = {}): readonly string[] {
  return pythonArgv(options.proc ?? PROC, options.cgroup ?? CGROUP, options.depth ?? 'threads');
}

const NEWLINE = 10;
const AT = 64;
/** The text of /proc/sys/kernel/ostype. */
const PART_END = 'Linux\n';
const MAGIC = '@uwsgi-tuner capture 1\n';
const latin1 = new TextDecoder('latin1');

/** Whether these bytes are a capture stream, not compressed. */
export function looksLikeCapture(stream: Uint8Array): boolean {
  return startsWith(stream, MAGIC);
}

/** Splits a stream into sections. `gunzip` is called when the stream is compressed. */
export function splitCapture(stream: Uint8Array, gunzip: Gunzip): CaptureResult {
  if (stream.length === 0) return failure('Empty', 'the capture is empty: the sampler printed nothing');
  if (stream.length > CAPTURE_LIMIT) return tooLarge(stream.length);
  let plain = stream;
  if (isGzip(stream)) {
    try {
      plain = gunzip(stream);
    } catch (error) {
      const found = error instanceof Error ? error.message : String(error);
      return failure('CutShort', `the capture's gzip data is cut or damaged after ${stream.length} bytes: ${found}`);
    }
    if (plain.length > CAPTURE_LIMIT) return tooLarge(plain.length);
  }
  if (!startsWith(plain, MAGIC)) {
    const message = `${plain.length} bytes do not start as a capture: with the line "@uwsgi-tuner capture 1"`;
    return failure('NotCapture', message);
  }
  return readSections(plain);
}

interface SectionHeader {
  readonly name: string;
  readonly args: readonly string[];
  /** Where its body begins. */
  readonly body: number;
}

/** A process while the stream is read: its text stands under its own header, or in a part further on. */
interface ProcessDraft {
  readonly args: readonly string[];
  text: Uint8Array;
  /** Whether lines that say 0 kB are left out of it. */
  sparse: boolean;
  readonly pagemaps: PagemapSection[];
}

function readSections(plain: Uint8Array): CaptureResult {
  const files = new Map<string, string>();
  const drafts: ProcessDraft[] = [];
  /** Of a pid that is named twice the first. */
  const byPid = new Map<string, ProcessDraft>();
  let position = 0;
  for (;;) {
    const header = readHeader(plain, position);
    if (header === null) break;
    const { name, args, body } = header;
    if (name === 'end') return ended({ files, drafts }, args[0], body === plain.length);
    if (name === 'pagemap' || name === 'regions') {
      const { section, end } = readPagemap(plain, header);
      // Without a pid it is of the process above, in captures that were saved when there was none.
      const draft = args[2] === undefined ? drafts.at(-1) : byPid.get(args[2]);
      if (section !== null) draft?.pagemaps.push(section);
      position = end;
      continue;
    }
    position = nextHeader(plain, body);
    const text = plain.subarray(body, position);
    if (name === 'process') {
      if (drafts.length >= MOST_PROCESSES)
        return failure('TooLarge', `the capture has more than ${MOST_PROCESSES} processes`);
      const draft = { args, text, sparse: false, pagemaps: [] };
      drafts.push(draft);
      if (!byPid.has(args[0] ?? '')) byPid.set(args[0] ?? '', draft);
    } else if (name !== 'parts' && name !== 'sparse') files.set(name, latin1.decode(text));
    else if (!readParts(header, text, files, byPid)) {
      return failure('Malformed', `the capture names ${args.length} parts and holds others`);
    }
  }
  return failure('CutShort', `the capture has no end mark: it was cut after ${plain.length} bytes`);
}

function readHeader(plain: Uint8Array, position: number): SectionHeader | null {
  const end = plain.indexOf(NEWLINE, position);
  if (end < 0) return null;
  const [name = '', ...args] = latin1.decode(plain.subarray(position + 1, end)).split(' ');
  return { name, args, body: end + 1 };
}

/** Gives each part to its process, or to the files. False when the parts are not those that are named. */
function readParts(
  { name: form, args: names }: SectionHeader,
  text: Uint8Array,
  files: Map<string, string>,
  byPid: ReadonlyMap<string, ProcessDraft>,
): boolean {
  let position = 0;
  for (const name of names) {
    const end = partEnd(text, position);
    if (end < 0) return false;
    const part = text.subarray(position, end);
    const draft = byPid.get(name);
    if (draft !== undefined) Object.assign(draft, { text: part, sparse: form === 'sparse' });
    else if (/^\d/.test(name)) return false;
    else files.set(name, latin1.decode(part));
    position = end + PART_END.length;
  }
  return position === text.length;
}

/** Where the line begins that ends a part; -1 when there is none. */
function partEnd(text: Uint8Array, from: number): number {
  for (let at = from; at >= 0 && at < text.length; at += 1) {
    at = text.indexOf(PART_END.charCodeAt(0), at);
    if (at < 0) return -1;
    if ((at === from || text[at - 1] === NEWLINE) && startsWith(text.subarray(at), PART_END)) return at;
  }
  return -1;
}

function readProcess({ args, text, sparse, pagemaps }: ProcessDraft): ProcessSection | CaptureError {
  const [pid = '', uwsgi, word] = args;
  if (!/^[1-9]\d{0,9}$/.test(pid)) {
    return failure('Malformed', 'the capture names a process by something else than a pid');
  }
  const files = splitProcessFiles(text, sparse);
  const parse = sparse ? parseSparseSmaps : parseSmaps;
  const mappings = files.smaps === null || !files.alive ? null : parse(files.smaps);
  if (isParseError(mappings)) {
    const line = mappings.line === null ? '' : `, line ${mappings.line}`;
    return failure('Malformed', `smaps of process ${pid}${line}: allowed: ${mappings.allowed}`);
  }
  const hint = word === 'master' || word === 'worker' || word === 'other' ? word : null;
  return { pid: Number(pid), uwsgi: uwsgi === '1', hint, files, mappings, pagemaps };
}

/** A page map is binary, so its length is told before it; one whose process ended on the way is shorter and left out. */
function readPagemap(
  plain: Uint8Array,
  { name, args, body }: SectionHeader,
): { readonly section: PagemapSection | null; readonly end: number } {
  const start = Number.parseInt(args[0] ?? '', 16);
  const end = body + Number(args[1]);
  const next = nextHeader(plain, body);
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || end < body) return { section: null, end: next };
  if (plain[end] !== NEWLINE || plain[end + 1] !== AT) return { section: null, end: next };
  const form = name === 'regions' ? 'regions' : 'entries';
  return { section: { start, pages: { form, body: plain.subarray(body, end) } }, end: end + 1 };
}

interface Drafts {
  readonly files: ReadonlyMap<string, string>;
  readonly drafts: readonly ProcessDraft[];
}

function ended({ files, drafts }: Drafts, count: string | undefined, last: boolean): CaptureResult {
  if (Number(count) !== drafts.length || !last) {
    const found = `${drafts.length} processes${last ? '' : ' and more text behind it'}`;
    return failure('CutShort', `the capture's end mark counts other processes than were found: ${found}`);
  }
  const processes: ProcessSection[] = [];
  for (const draft of drafts) {
    const process = readProcess(draft);
    if (!('pid' in process)) return process;
    processes.push(process);
  }
  return { ok: true, sections: { files, processes } };
}

/** The index of the next "@" that begins a line at or after a position; the length when there is none. */
function nextHeader(plain: Uint8Array, from: number): number {
  let position = plain[from - 1] === NEWLINE ? from - 1 : plain.indexOf(NEWLINE, from);
  while (position >= 0 && position + 1 < plain.length) {
    if (plain[position + 1] === AT) return position + 1;
    position = plain.indexOf(NEWLINE, position + 1);
  }
  return plain.length;
}

/** Whether these bytes are gzip data. */
export function isGzip(stream: Uint8Array): boolean {
  return stream[0] === 0x1f && stream[1] === 0x8b;
}

function startsWith(stream: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (stream[i] !== text.charCodeAt(i)) return false;
  return true;
}

function tooLarge(length: number): CaptureError {
  return failure('TooLarge', `the capture is ${length} bytes, allowed: ${CAPTURE_LIMIT}`);
}

function failure(code: CaptureError['code'], message: string): CaptureError {
  return { ok: false, code, message };
}
