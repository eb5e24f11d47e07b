/**
 * The stacks inside one row of merged stacks, from its pages. glibc 2.42 and newer on kernel 6.13 and newer make a
 * stack's guard with a marker instead of a row of its own, so neighbouring stacks become one row:
 *
 *   low                                                            high
 *   [G|. . . . . . t t t][G|. . . . . . . . t][G|. . . . t . . t t]      G guard marker, t touched, . never touched
 *                  ^ touched depth of this stack: from its top down to its lowest touched page
 *
 * It comes in two forms, both little-endian on every architecture uWSGI runs on and both from kernel 6.15 on:
 *
 *   entries   8 bytes for each page: bit 63 present, 62 swapped (a marker sets it too), 58 guard marker. Only the top byte
 *             is needed.
 *   regions   24 bytes for each run of equal pages that are not untouched: first address, address past the last,
 *             categories 8 present, 16 swapped (a marker sets it too), 256 guard marker.
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

/** The page map of one row, in one of its two forms. */
export interface RowPages {
  readonly form: 'entries' | 'regions';
  readonly body: Uint8Array;
}

/** A row: its first address, and the address past its last. */
interface Row {
  readonly start: number;
  readonly end: number;
}

/** Pages of one kind, from a first address to one past the last. Untouched pages are in no run. */
interface Run {
  readonly start: number;
  readonly end: number;
  readonly kind: 'guard' | 'present' | 'swapped';
}

/**
 * The stacks of a row, lowest first. Null when the page map is not one of this row, or no guard begins it, or a guard has
 * nothing above it.
 */
export function stacksOf(row: Row, pages: RowPages, pageSize: Bytes): StackExtent[] | null {
  const runs = pages.form === 'entries' ? runsOfEntries(row, pages.body, pageSize) : runsOfRegions(row, pages.body);
  if (runs?.[0]?.kind !== 'guard' || runs[0].start !== row.start) return null;
  const stacks: StackExtent[] = [];
  let index = 0;
  while (index < runs.length) {
    const first = passGuards(runs, index);
    const start = runs[first - 1]?.end ?? row.start;
    index = first;
    while (index < runs.length && runs[index]?.kind !== 'guard') index += 1;
    const end = runs[index]?.start ?? row.end;
    if (end === start) return null;
    stacks.push(stackOf({ start, end }, runs.slice(first, index)));
  }
  return stacks;
}

/** The index behind guards that touch one another. */
function passGuards(runs: readonly Run[], from: number): number {
  let index = from + 1;
  while (runs[index]?.kind === 'guard' && runs[index]?.start === runs[index - 1]?.end) index += 1;
  return index;
}

function stackOf({ start, end }: Row, touched: readonly Run[]): StackExtent {
  const total = (kind: Run['kind']): Bytes =>
    bytes(touched.reduce((sum, run) => sum + (run.kind === kind ? run.end - run.start : 0), 0));
  return {
    start,
    size: bytes(end - start),
    resident: total('present'),
    swapped: total('swapped'),
    touched: bytes(end - (touched[0]?.start ?? end)),
    hugePages: bytes(0),
    exact: true,
  };
}

const ENTRY = { present: 0x80, swapped: 0x40, guard: 0x04 };

function runsOfEntries({ start, end }: Row, entries: Uint8Array, pageSize: Bytes): Run[] | null {
  if (entries.length / 8 !== (end - start) / pageSize) return null;
  const runs: { start: number; end: number; kind: Run['kind'] }[] = [];
  for (let page = 0; page < entries.length / 8; page += 1) {
    const top = entries[page * 8 + 7] ?? 0;
    if ((top & (ENTRY.present | ENTRY.swapped | ENTRY.guard)) === 0) continue;
    const kind = (top & ENTRY.guard) !== 0 ? 'guard' : (top & ENTRY.present) !== 0 ? 'present' : 'swapped';
    const at = start + page * pageSize;
    const last = runs.at(-1);
    if (last?.kind === kind && last.end === at) last.end += pageSize;
    else runs.push({ start: at, end: at + pageSize, kind });
  }
  return runs;
}

const REGION_BYTES = 24;
const CATEGORY = { present: 0x8, swapped: 0x10, guard: 0x100 };

function runsOfRegions(row: Row, regions: Uint8Array): Run[] | null {
  if (regions.length % REGION_BYTES !== 0) return null;
  const view = new DataView(regions.buffer, regions.byteOffset, regions.length);
  const number = (at: number): number => Number(view.getBigUint64(at, true));
  const runs: Run[] = [];
  let from = row.start;
  for (let at = 0; at < regions.length; at += REGION_BYTES) {
    const start = number(at);
    const end = number(at + 8);
    const categories = number(at + 16);
    if (start < from || end <= start || end > row.end) return null;
    const present = (categories & CATEGORY.present) !== 0;
    const kind = (categories & CATEGORY.guard) !== 0 ? 'guard' : present ? 'present' : 'swapped';
    if (kind === 'swapped' && (categories & CATEGORY.swapped) === 0) return null;
    runs.push({ start, end, kind });
    from = end;
  }
  return runs;
}
