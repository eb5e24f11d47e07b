/** The fields of a row of smaps: which are kept, and how the name of one is found in bytes. */
import { NEWLINE } from './smaps-line.ts';

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
/** The kernel's longest is "ShmemPmdMapped". */
const LONGEST_NAME = 64;
const latin1 = new TextDecoder('latin1');

/** The slot of a field whose name these bytes are; -1 for one that is not kept. */
export function slotOf(text: Uint8Array, start: number, colon: number): number {
  return SLOTS.get(latin1.decode(text.subarray(start, colon))) ?? -1;
}

/** One field: where its name and its line end, and its slot. */
export interface Field {
  colon: number;
  end: number;
  slot: number;
}

/** Reads the names of fields in one text: each is made a string once, and then known by its bytes. */
export class FieldNames {
  readonly #text: Uint8Array;
  readonly #known = new Map<number, { readonly start: number; readonly slot: number }>();
  readonly #found: Field = { colon: 0, end: 0, slot: -1 };

  constructor(text: Uint8Array) {
    this.#text = text;
  }

  /** The field whose line begins here; null when there is none, or no line end. The answer holds until the next call. */
  at(start: number): Readonly<Field> | null {
    const text = this.#text;
    const found = this.#found;
    let hash = 0;
    let at = start;
    for (; text[at] !== COLON; at += 1) {
      if (at - start === LONGEST_NAME || text[at] === NEWLINE) return null;
      hash = Math.imul(hash, 31) + (text[at] ?? 0);
    }
    found.colon = at;
    while (at < text.length && text[at] !== NEWLINE) at += 1;
    if (at === text.length) return null;
    found.end = at;
    const known = this.#known.get(hash);
    if (known !== undefined && sameBytes(text, known.start, start, found.colon + 1 - start)) found.slot = known.slot;
    else {
      found.slot = slotOf(text, start, found.colon);
      this.#known.set(hash, { start, slot: found.slot });
    }
    return found;
  }
}

/** Whether two parts of a text are the same. */
export function sameBytes(text: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i += 1) if (text[a + i] !== text[b + i]) return false;
  return true;
}
