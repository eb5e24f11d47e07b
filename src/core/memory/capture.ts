/**
 * Reads the stream that the sampler printed (capture-script.ts) into its sections. Nothing is interpreted here; a
 * stream that is not whole is one error and never half a capture.
 */

/** One row of merged stacks: its first address, and 8 bytes for each of its pages (/proc/PID/pagemap). */
export interface PagemapSection {
  readonly start: number;
  readonly entries: Uint8Array;
}

/** What the sampler found of one process. */
export interface ProcessSection {
  readonly pid: number;
  /** Whether the process is uWSGI, decided in the pod by comm, executable or loaded pyuwsgi module. */
  readonly uwsgi: boolean;
  /** What an automatic process title says (option auto-procname): a hint only, an application can change it. */
  readonly hint: 'master' | 'worker' | 'other' | null;
  /** Text of the process's files, one after another (split by process-files.ts). */
  readonly text: Uint8Array;
  readonly pagemaps: readonly PagemapSection[];
}

/** A whole capture: the container's files by name, and its processes. */
export interface CaptureSections {
  readonly files: ReadonlyMap<string, string>;
  readonly processes: readonly ProcessSection[];
}

/** Why a stream is no capture. */
export interface CaptureError {
  readonly code: 'Empty' | 'TooLarge' | 'NotGzip' | 'NotCapture' | 'CutShort' | 'Malformed';
  readonly message: string;
}

/** The caller's decompressor: core has none. It throws on damaged or cut input. */
export type Gunzip = (member: Uint8Array) => Uint8Array;

/** Largest capture that is read, before and after decompression. 64 processes of 1000 threads are about 200 MB of text. */
export const CAPTURE_LIMIT = 256 * 1024 * 1024;

const NEWLINE = 10;
const AT = 64;
const MAGIC = '@uwsgi-tuner capture 1\n';
const latin1 = new TextDecoder('latin1');

/** Tells the two kinds of failure of a union apart from success. */
export function isCaptureError(value: CaptureSections | CaptureError): value is CaptureError {
  return 'code' in value;
}

/** Whether these bytes are a capture stream, plain or compressed. */
export function looksLikeCapture(stream: Uint8Array): boolean {
  return isGzip(stream) || startsWith(stream, MAGIC);
}

/** Splits a stream into sections. `gunzip` is called when the stream is compressed. */
export function splitCapture(stream: Uint8Array, gunzip: Gunzip): CaptureSections | CaptureError {
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
    const found = JSON.stringify(latin1.decode(plain.subarray(0, 24)));
    return failure('NotCapture', `the capture starts with ${found}, allowed: "@uwsgi-tuner capture 1" or gzip of it`);
  }
  return readSections(plain);
}

function readSections(plain: Uint8Array): CaptureSections | CaptureError {
  const files = new Map<string, string>();
  const processes: (Omit<ProcessSection, 'text' | 'pagemaps'> & { text: Uint8Array; pagemaps: PagemapSection[] })[] =
    [];
  let position = 0;
  let line = 0;
  while (position < plain.length) {
    const headerEnd = plain.indexOf(NEWLINE, position);
    if (headerEnd < 0) break;
    line += 1;
    const [name = '', ...args] = latin1.decode(plain.subarray(position + 1, headerEnd)).split(' ');
    const body = headerEnd + 1;
    if (name === 'end') return ended(args[0], { files, processes });
    if (name === 'pagemap') {
      const length = Number(args[1]);
      const process = processes.at(-1);
      const start = Number.parseInt(args[0] ?? '', 16);
      if (process === undefined || !Number.isSafeInteger(length) || !Number.isSafeInteger(start)) {
        return failure('Malformed', `the capture's section ${line} is a page map without a process, address or length`);
      }
      const end = nextHeader(plain, body + length) === body + length + 1 ? body + length + 1 : nextHeader(plain, body);
      if (end === body + length + 1) process.pagemaps.push({ start, entries: plain.subarray(body, body + length) });
      position = end;
      continue;
    }
    const end = nextHeader(plain, body);
    if (name === 'process') {
      const pid = Number(args[0]);
      if (!Number.isSafeInteger(pid) || pid <= 0) {
        return failure(
          'Malformed',
          `the capture's section ${line} names process ${JSON.stringify(args[0] ?? '')}, allowed: a pid`,
        );
      }
      const text = plain.subarray(body, end);
      processes.push({ pid, uwsgi: args[1] === '1', hint: hintOf(args[2]), text, pagemaps: [] });
    } else {
      files.set(name, latin1.decode(plain.subarray(body, end)));
    }
    position = end;
  }
  return failure(
    'CutShort',
    `the capture has no end mark: cut after ${plain.length} bytes and ${processes.length} processes`,
  );
}

function ended(count: string | undefined, sections: CaptureSections): CaptureSections | CaptureError {
  if (Number(count) === sections.processes.length) return sections;
  return failure(
    'CutShort',
    `the capture's end mark counts ${String(count)} processes, found ${sections.processes.length}`,
  );
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

function hintOf(word: string | undefined): ProcessSection['hint'] {
  return word === 'master' || word === 'worker' || word === 'other' ? word : null;
}

function isGzip(stream: Uint8Array): boolean {
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
  return { code, message };
}
