/** The fields of a row of smaps: which are kept, and how the name of one is found in bytes. */
import { lineEnd, NEWLINE } from './smaps-line.ts';

/** Wanted fields and the place in a row's values where each is kept. Others are skipped. */
const SLOTS: ReadonlyMap<string, number> = new Map([
  ['Size', 0],
  ['KernelPageSize', 1],
  ['Rss', 2],
  ['Pss', 3],
  ['Shared_Clean', 4],
  ['Shared_Dirty', 5],
  ['Private_Clean', 6],
  ['Private_Dirty', 7],
  ['Anonymous', 8],
  ['AnonHugePages', 9],
  ['Swap', 10],
  ['Pss_Dirty', 11],
]);
export const SLOT_COUNT = 12;

const COLON = 58;
/** Names that are learned of one text; a kernel has about 25. */
const MOST_NAMES = 64;
const latin1 = new TextDecoder('latin1');

/** The slot of a field whose name these bytes are; -1 for one that is not kept. */
export function slotOf(text: Uint8Array, start: number, colon: number): number {
  return SLOTS.get(latin1.decode(text.subarray(start, colon))) ?? -1;
}

/** Where the fields of a row stand, counted from the end of its header line. */
export interface Layout {
  readonly starts: number[];
  readonly colons: number[];
  readonly ends: number[];
  readonly firsts: number[];
  readonly lasts: number[];
  readonly slots: number[];
  /** One bit for each slot that has a value. */
  shape: number;
}

/** A field as it stood in an earlier row, from the start of its line. */
interface KnownField {
  readonly colon: number;
  readonly end: number;
  readonly first: number;
  readonly last: number;
  readonly slot: number;
}

/**
 * Finds the fields of rows that lack some. The kernel prints them in one order and each at one length, so a line is
 * compared with those that may follow the last one, and looked at in full only where none fits.
 */
export class FieldFinder {
  /** Of the field that was found last: where its name and its line end, and its slot. */
  colon = 0;
  end = 0;
  slot = -1;
  readonly #text: Uint8Array;
  readonly #known: KnownField[] = [];
  #next = 0;

  constructor(text: Uint8Array) {
    this.#text = text;
  }

  /** A row begins: its first field may be any. */
  restart(): void {
    this.#next = 0;
  }

  /** Finds the field whose line begins here; false when there is none, or no line end. */
  find(start: number): boolean {
    const text = this.#text;
    const known = this.#known;
    const first = text[start];
    for (let index = this.#next; index < known.length; index += 1) {
      const field = known[index];
      if (field === undefined || field.first !== first) continue;
      if (text[start + field.colon] !== COLON || text[start + field.colon - 1] !== field.last) continue;
      if (text[start + field.end] !== NEWLINE) continue;
      this.colon = start + field.colon;
      this.end = start + field.end;
      this.slot = field.slot;
      this.#next = index + 1;
      return true;
    }
    return this.#learn(start);
  }

  #learn(start: number): boolean {
    const text = this.#text;
    this.end = lineEnd(text, start);
    this.colon = text.indexOf(COLON, start);
    if (this.end === text.length || this.colon <= start || this.colon >= this.end) return false;
    this.slot = slotOf(text, start, this.colon);
    if (this.#known.length === MOST_NAMES) return true;
    const [colon, end] = [this.colon - start, this.end - start];
    const [first = 0, last = 0] = [text[start], text[this.colon - 1]];
    this.#known.splice(this.#next, 0, { colon, end, first, last, slot: this.slot });
    this.#next += 1;
    return true;
  }
}

/** Whether two parts of a text are the same. */
export function sameBytes(text: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i += 1) if (text[a + i] !== text[b + i]) return false;
  return true;
}
