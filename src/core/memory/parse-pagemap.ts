/**
 * The stacks inside one row of merged stacks, from its pages. glibc 2.42 and newer on kernel 6.13 and newer make a
 * stack's guard with a marker instead of a row of its own, so neighbouring stacks become one row:
 *
 *   low                                                            high
 *   [G|. . . . . . t t t][G|. . . . . . . . t][G|. . . . t . . t t]      G guard marker, t touched, . never touched
 *                  ^ touched depth of this stack: from its top down to its lowest touched page
 *
 * Entries are 8 bytes, little-endian on every architecture uWSGI runs on: bit 63 present, 62 swapped (a marker sets it
 * too), 58 guard marker (kernel 6.15 and newer). Only the top byte is needed.
 */
import type { Bytes } from '../quantity.ts';
import { bytes } from '../quantity.ts';

/** One thread's stack, without its guard. */
export interface StackExtent {
  readonly start: number;
  /** Of its row: larger than asked where the row merged with a neighbour. */
  readonly size: Bytes;
  readonly resident: Bytes | null;
  readonly swapped: Bytes | null;
  /** From the top down to the lowest touched page; null where only a sum over something larger is known. */
  readonly touched: Bytes | null;
  readonly hugePages: Bytes | null;
  /** Whether the size cannot include a neighbour: it was read from pagemap, or its row cannot merge (flag "nh"). */
  readonly exact: boolean;
}

const PRESENT = 0x80;
const SWAPPED = 0x40;
const GUARD = 0x04;

/** The stacks of a row, lowest first. Null when the entries are not those of the row, or no guard begins it. */
export function parsePagemap(start: number, entries: Uint8Array, pageSize: Bytes): StackExtent[] | null {
  const pages = entries.length / 8;
  if (!Number.isInteger(pages) || pages === 0 || !isGuard(entries, 0)) return null;
  const stacks: StackExtent[] = [];
  let page = 0;
  while (page < pages) {
    while (page < pages && isGuard(entries, page)) page += 1;
    const first = page;
    let lowest = -1;
    let present = 0;
    let swapped = 0;
    for (; page < pages && !isGuard(entries, page); page += 1) {
      const top = entries[page * 8 + 7] ?? 0;
      if ((top & (PRESENT | SWAPPED)) === 0) continue;
      if (lowest < 0) lowest = page;
      if ((top & PRESENT) === 0) swapped += 1;
      else present += 1;
    }
    if (page === first) return null;
    stacks.push({
      start: start + first * pageSize,
      size: bytes((page - first) * pageSize),
      resident: bytes(present * pageSize),
      swapped: bytes(swapped * pageSize),
      touched: bytes(lowest < 0 ? 0 : (page - lowest) * pageSize),
      hugePages: bytes(0),
      exact: true,
    });
  }
  return stacks;
}

function isGuard(entries: Uint8Array, page: number): boolean {
  return ((entries[page * 8 + 7] ?? 0) & GUARD) !== 0;
}
