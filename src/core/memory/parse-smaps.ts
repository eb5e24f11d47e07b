/**
 * /proc/PID/smaps to mappings. Works on bytes and reads them about once: the kernel prints every row's fields in the
 * same order and, right-aligned to 8 places, at the same distance from the row's first line, so the places learned from
 * one row are tried on the next, and every line is looked at in full only where they do not fit.
 *
 *   7f96e07e9000-7f96ec000000 rw-p 00000000 00:00 0            header: learned places count from its end
 *   Size:             188508 kB
 *   …
 *   VmFlags: rd wr mr mw me gu ac sd nh                        length varies, always last
 *
 * In sparse text, which the sampler prints, the lines that say 0 kB are left out, so rows differ and each line is looked at
 * by its name.
 */
import type { Bytes } from '../quantity.ts';
import { kib } from '../quantity.ts';
import type { Mapping, ParseError } from './mapping.ts';
import { isParseError, quoted } from './mapping.ts';
import { FieldFinder, sameBytes, SLOT_COUNT, slotOf, type Layout } from './smaps-fields.ts';
import {
  BLANK,
  isFieldStart,
  kibBefore,
  LARGEST_KIB,
  lineEnd,
  nameStart,
  NEWLINE,
  permissionsAt,
} from './smaps-line.ts';

const RETURN = 13;
const DASH = 45;
const COLON = 58;
const LETTER_V = 86;

const NO_BYTES = kib(0);

const utf8 = new TextDecoder();
const latin1 = new TextDecoder('latin1');

/** Reads the rows of one smaps text, or of several one after another (addresses begin again: see splitProcesses). */
export function parseSmaps(text: Uint8Array): Mapping[] | ParseError {
  return read(text, false);
}

/**
 * The same of text without the lines that say 0 kB. What a row lacks is 0; but for Pss_Dirty, which kernels before 6.0 do
 * not tell: it is null where no row has it.
 */
export function parseSparseSmaps(text: Uint8Array): Mapping[] | ParseError {
  const mappings = read(text, true);
  if (isParseError(mappings) || mappings.some(({ pssDirty }) => pssDirty !== NO_BYTES)) return mappings;
  return mappings.map((mapping) => ({ ...mapping, pssDirty: null }));
}

function read(text: Uint8Array, sparse: boolean): Mapping[] | ParseError {
  if (text.length === 0) return { code: 'Empty', line: null, found: 'no text', allowed: 'the text of /proc/PID/smaps' };
  return new SmapsReader(text, sparse).read();
}

/** Lives for one text: its position in it and what it learned of the layout. On a fault, position is in the bad line. */
class SmapsReader {
  private readonly text: Uint8Array;
  /** Null where every row has all fields. */
  private readonly finder: FieldFinder | null;
  private position = 0;
  private layout: Layout | null = null;
  private shape = -1;
  private readonly values = new Float64Array(SLOT_COUNT);
  private readonly known = new Map<number, { readonly start: number; readonly size: number; readonly words: string }>();

  constructor(text: Uint8Array, sparse: boolean) {
    this.text = text;
    this.finder = sparse ? new FieldFinder(text) : null;
  }

  read(): Mapping[] | ParseError {
    const mappings: Mapping[] = [];
    while (this.position < this.text.length) {
      const mapping = this.readRow();
      if (mapping === null) return this.fault();
      mappings.push(mapping);
    }
    return mappings;
  }

  private readRow(): Mapping | null {
    const { text, values } = this;
    const start = this.readHex(DASH);
    const end = start < 0 ? -1 : this.readHex(BLANK);
    if (end <= start || end - start > LARGEST_KIB * 1024) return null;
    const modes = this.position;
    const headerEnd = text.indexOf(NEWLINE, modes);
    if (headerEnd < modes + 5 || text[modes + 4] !== BLANK || text[headerEnd - 1] === RETURN) return null;
    const permissions = permissionsAt(text, modes);
    const nameFrom = nameStart(text, modes + 5, headerEnd);
    if (permissions === null || nameFrom < 0) return null;
    const name = nameFrom === headerEnd ? '' : this.words(nameFrom, headerEnd);
    const header = this.position;
    this.position = headerEnd + 1;
    values.fill(this.finder === null ? -1 : 0);
    if (!(this.finder === null ? this.readByLayout() || this.readFields() : this.readSparse(this.finder))) return null;
    const flags = this.readFlags();
    if (flags === undefined || !this.hasShape(flags !== null)) return null;
    if ((values[0] ?? -1) * 1024 !== end - start) {
      this.position = header;
      return null;
    }
    return this.mapping({ start, end, permissions, name, flags });
  }

  /** A hexadecimal number up to and past its terminator; -1 when there is none. */
  private readHex(terminator: number): number {
    const { text } = this;
    let value = 0;
    for (let i = this.position; i < this.position + 17; i += 1) {
      const byte = text[i] ?? 0;
      if (byte === terminator && i > this.position) {
        this.position = i + 1;
        return value;
      }
      const digit = byte >= 48 && byte <= 57 ? byte - 48 : byte >= 97 && byte <= 102 ? byte - 87 : -1;
      if (digit < 0) return -1;
      value = value * 16 + digit;
    }
    return -1;
  }

  /** Reads the fields where the last row had them; false, with nothing consumed, where this row is laid out otherwise. */
  private readByLayout(): boolean {
    const { text, layout, position: base } = this;
    if (layout === null) return false;
    const { starts, colons, ends, firsts, lasts, slots } = layout;
    let last = 0;
    for (let i = 0; i < ends.length; i += 1) {
      const end = base + (ends[i] ?? 0);
      const colon = base + (colons[i] ?? 0);
      if (text[end] !== NEWLINE || text[colon] !== COLON) return false;
      if (text[base + (starts[i] ?? 0)] !== firsts[i] || text[colon - 1] !== lasts[i]) return false;
      last = end;
      const slot = slots[i] ?? -1;
      if (slot < 0) continue;
      const value = kibBefore(text, colon, end);
      if (value < 0) return false;
      this.values[slot] = value;
    }
    if (isFieldStart(text[last + 1]) && text[last + 1] !== LETTER_V) return false;
    this.position = last + 1;
    return true;
  }

  /** Reads the fields line by line and learns the layout. */
  private readFields(): boolean {
    const { text, position: base } = this;
    const layout: Layout = { starts: [], colons: [], ends: [], firsts: [], lasts: [], slots: [], shape: 0 };
    while (isFieldStart(text[this.position]) && !this.atFlags()) {
      const start = this.position;
      const end = lineEnd(text, start);
      const colon = text.indexOf(COLON, start);
      if (colon < 0 || colon >= end || text[end] !== NEWLINE || text[end - 1] === RETURN) return false;
      const slot = slotOf(text, start, colon);
      if (slot >= 0) {
        const value = kibBefore(text, colon, end);
        if (value < 0) return false;
        this.values[slot] = value;
        layout.shape |= 1 << slot;
      }
      layout.starts.push(start - base);
      layout.colons.push(colon - base);
      layout.ends.push(end - base);
      layout.firsts.push(text[start] ?? 0);
      layout.lasts.push(text[colon - 1] ?? 0);
      layout.slots.push(slot);
      this.position = end + 1;
    }
    this.layout = layout;
    return layout.ends.length > 0;
  }

  /** Reads the fields that there are, by their names. */
  private readSparse(finder: FieldFinder): boolean {
    const { text, position: base } = this;
    finder.restart();
    while (isFieldStart(text[this.position]) && !this.atFlags()) {
      if (!finder.find(this.position) || text[finder.end - 1] === RETURN) return false;
      if (finder.slot >= 0) {
        const value = kibBefore(text, finder.colon, finder.end);
        if (value < 0) return false;
        this.values[finder.slot] = value;
      }
      this.position = finder.end + 1;
    }
    return this.position > base;
  }

  private atFlags(): boolean {
    return this.text[this.position] === LETTER_V && this.text[this.position + 1] === 109;
  }

  /** The flags as " rd wr "; null where the kernel prints none (before 3.8); undefined when the line is cut. */
  private readFlags(): string | null | undefined {
    const { text } = this;
    if (!this.atFlags()) return null;
    const start = this.position + 'VmFlags:'.length;
    const end = lineEnd(text, start);
    if (text[start - 1] !== COLON || text[end] !== NEWLINE) return undefined;
    this.position = end + 1;
    return this.words(start, end);
  }

  /** A process has some ten different flag lines, and a file some five rows: each is made a string once. */
  private words(start: number, end: number): string {
    const { text } = this;
    let hash = 0;
    for (let i = start; i < end; i += 1) hash = Math.imul(hash, 31) + (text[i] ?? 0);
    const known = this.known.get(hash);
    if (known?.size === end - start && sameBytes(text, start, known.start, end - start)) return known.words;
    const words = utf8.decode(text.subarray(start, end));
    this.known.set(hash, { start, size: end - start, words });
    return words;
  }

  /** Whether this row tells the same fields as the first: a row that tells fewer was cut. */
  private hasShape(flags: boolean): boolean {
    const shape = (this.layout?.shape ?? 0) | (flags ? 1 << SLOT_COUNT : 0);
    if (this.shape < 0) this.shape = shape;
    if (shape === this.shape) return true;
    this.position = Math.max(0, this.position - 1);
    return false;
  }

  private mapping(row: Pick<Mapping, 'start' | 'end' | 'permissions' | 'name' | 'flags'>): Mapping {
    const { values } = this;
    return {
      start: row.start,
      end: row.end,
      size: kib(values[0] ?? 0),
      permissions: row.permissions,
      name: row.name,
      rss: sizeOf(values[2]),
      pss: sizeOf(values[3]),
      pssDirty: sizeOf(values[11]),
      sharedClean: sizeOf(values[4]),
      sharedDirty: sizeOf(values[5]),
      privateClean: sizeOf(values[6]),
      privateDirty: sizeOf(values[7]),
      anonymous: sizeOf(values[8]),
      anonHugePages: sizeOf(values[9]),
      swap: sizeOf(values[10]),
      kernelPageSize: sizeOf(values[1]),
      flags: row.flags,
    };
  }

  private fault(): ParseError {
    const { text } = this;
    const at = Math.min(this.position, text.length - 1);
    let line = 1;
    let start = 0;
    for (let next = text.indexOf(NEWLINE); next >= 0 && next < at; next = text.indexOf(NEWLINE, next + 1)) {
      line += 1;
      start = next + 1;
    }
    const end = lineEnd(text, start);
    const found = latin1.decode(text.subarray(start, end));
    if (found.endsWith('\r')) {
      return {
        code: 'BadLine',
        line,
        found: 'a line that ends in CR LF',
        allowed: 'lines that end in LF (exec without -t)',
      };
    }
    if (end + 1 >= text.length && line > 1) {
      return {
        code: 'CutShort',
        line,
        found: `the end of the text after ${quoted(found)}`,
        allowed: 'whole rows of smaps',
      };
    }
    return {
      code: 'BadLine',
      line,
      found: quoted(found),
      allowed: 'a row of /proc/PID/smaps whose Size is its address range',
    };
  }
}

function sizeOf(value: number | undefined): Bytes | null {
  if (value === 0) return NO_BYTES;
  return value === undefined || value < 0 ? null : kib(value);
}
