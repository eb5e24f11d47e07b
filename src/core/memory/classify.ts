/**
 * What each row of a process's memory map is. Rows only: which of the stacks are uWSGI's is decided in stacks.ts.
 *
 * Addresses grow downwards on this page; "64M" is a multiple of 64 MiB, where glibc's malloc arenas always begin.
 *
 *   ---p    4K   guard           a thread stack: the row right above a small row without rights. It may be larger than
 *   rw-p 8192K   thread stack    asked: kernels before 6.7 merge it with an anonymous row above.
 *
 *   rw-p  132K   arena (at 64M)  a malloc arena: what is in use, then the rest of its 64 MiB without rights. A stack of
 *   ---p 65404K  arena reserve   132K looks the same but for the rows around it.
 *
 *   rw-p 57372K  flags "gu"      stacks merged by guard markers (pagemap tells them apart: parse-pagemap.ts)
 *
 * Neighbours of equal rights and flags merge, so a reserve can hold the guard of the stack above it in its last page,
 * and a stack can run into the arena above it. Both are cut at the 64 MiB border.
 */
import { bytes, computedBytes, mib } from '../quantity.ts';
import type { Mapping } from './mapping.ts';
import { hasFlag, isAnonymous } from './mapping.ts';
import { stacksOf, type RowPages, type StackExtent } from './parse-pagemap.ts';

export type RegionKind =
  | 'main-stack'
  | 'thread-stack'
  | 'merged-stacks'
  | 'guard'
  | 'arena'
  | 'arena-reserve'
  | 'heap'
  | 'anonymous'
  | 'file'
  | 'shared'
  | 'kernel'
  | 'unclassified';

/** A row, or a part of one, with what it is. */
export interface Region {
  readonly kind: RegionKind;
  readonly mapping: Mapping;
  /** The stacks in it; null where their number is not known (merged stacks without pagemap). */
  readonly stacks: readonly StackExtent[] | null;
}

/** The page map of one row, by the row's first address. */
export type PagemapRows = ReadonlyMap<number, RowPages>;

/** HEAP_MAX_SIZE of glibc on 64-bit machines: the size and alignment of an arena. */
const ARENA_SIZE = mib(64);
/** A guard is one page (musl: two) unless a program asks for more; no page is larger than 64 KiB. */
const LARGEST_GUARD = 128 * 1024;
/** Of x86-64 and of arm64 with 4 KiB pages; no machine has smaller ones. */
const HUGE_PAGE = mib(2);
/** Below this nothing is a thread's stack: signal stacks (with a guard too) are 8 to 12 KiB. */
const SMALLEST_STACK = 16 * 1024;

/** Tells what each row is. The rows are one process's, in the order of addresses. */
export function classify(mappings: readonly Mapping[], pagemaps: PagemapRows = new Map()): Region[] {
  const regions: Region[] = [];
  let arenaEnd = 0;
  for (const [index, mapping] of mappings.entries()) {
    const below = mappings[index - 1];
    const border = arenaBorder(mappings, index);
    if (border === mapping.start) arenaEnd = border + ARENA_SIZE;
    if (border !== null && border > mapping.start && isGuarded(mapping, below, arenaEnd)) {
      arenaEnd = border + ARENA_SIZE;
      regions.push(ranIntoArena(mapping, border));
      continue;
    }
    regions.push(regionOf({ mapping, below, above: mappings[index + 1], arenaEnd, pagemaps }));
  }
  return regions;
}

interface Neighbourhood {
  readonly mapping: Mapping;
  readonly below: Mapping | undefined;
  readonly above: Mapping | undefined;
  /** Where the arena that began last ends; 0 before the first. */
  readonly arenaEnd: number;
  readonly pagemaps: PagemapRows;
}

function regionOf(place: Neighbourhood): Region {
  const { mapping, below, arenaEnd } = place;
  const region = (kind: RegionKind): Region => ({ kind, mapping, stacks: [] });
  if (/^\[v/.test(mapping.name)) return region('kernel');
  if (mapping.name === '[stack]') return region('main-stack');
  if (mapping.name === '[heap]') return region('heap');
  if (mapping.permissions.endsWith('s')) return region('shared');
  if (!isAnonymous(mapping)) return region(mapping.name.startsWith('[') ? 'unclassified' : 'file');
  if (mapping.start < arenaEnd && mapping.end <= arenaEnd) {
    return region(isWritable(mapping) ? 'arena' : 'arena-reserve');
  }
  if (isWithoutRights(mapping)) return region(mapping.start < arenaEnd ? 'arena-reserve' : guardOf(place));
  if (hasFlag(mapping, 'gu')) return mergedStacks(mapping, place.pagemaps);
  if (isGuarded(mapping, below, arenaEnd)) return { kind: 'thread-stack', mapping, stacks: [wholeRow(mapping)] };
  return region(isWritable(mapping) ? 'anonymous' : 'unclassified');
}

function guardOf({ mapping, above }: Neighbourhood): RegionKind {
  const guards = above !== undefined && isGuarded(above, mapping, 0);
  return guards ? 'guard' : 'unclassified';
}

function mergedStacks(mapping: Mapping, pagemaps: PagemapRows): Region {
  const pages = pagemaps.get(mapping.start);
  const pageSize = mapping.kernelPageSize;
  const known = pages !== undefined && pageSize !== null;
  return { kind: 'merged-stacks', mapping, stacks: known ? stacksOf(mapping, pages, pageSize) : null };
}

/** The stack part of a row that goes on into an arena: its depth is not told, resident is an upper bound. */
function ranIntoArena(mapping: Mapping, border: number): Region {
  const size = bytes(border - mapping.start);
  const resident = mapping.rss === null ? null : bytes(Math.min(mapping.rss, size));
  const { start, swap, anonHugePages } = mapping;
  const stack = { start, size, resident, swapped: swap, touched: null, hugePages: anonHugePages, exact: true };
  return { kind: 'thread-stack', mapping, stacks: [stack] };
}

function wholeRow(mapping: Mapping): StackExtent {
  const { rss, swap, anonHugePages } = mapping;
  // Touched pages stay and stacks grow without holes worth counting, so what is resident or swapped is the depth. A huge
  // page is resident whole however little of it was touched; where that is not told, less than one is none.
  const huge = anonHugePages ?? (rss !== null && rss < HUGE_PAGE ? 0 : null);
  const touched = rss === null || swap === null || huge !== 0 ? null : computedBytes(rss + swap);
  return {
    start: mapping.start,
    size: mapping.size,
    resident: rss,
    swapped: swap,
    touched,
    hugePages: anonHugePages,
    exact: hasFlag(mapping, 'nh'),
  };
}

/**
 * The 64 MiB border in a writable row at which an arena begins: rights end in or at the end of the row's last rights, and
 * the rows without them reach to the next border.
 */
function arenaBorder(mappings: readonly Mapping[], index: number): number | null {
  const first = mappings[index];
  if (first === undefined || !isAnonymous(first) || !isWritable(first)) return null;
  const border = Math.ceil(first.start / ARENA_SIZE) * ARENA_SIZE;
  if (border >= first.end) return null;
  let end = first.end;
  for (const next of mappings.slice(index + 1, index + 5)) {
    if (next.start !== end || !isAnonymous(next)) return null;
    if (isWithoutRights(next)) return next.end >= border + ARENA_SIZE ? border : null;
    if (next.end > border + ARENA_SIZE) return null;
    end = next.end;
  }
  return null;
}

/** Whether a row is a stack: writable, with a guard right below, which may be the last page of an arena's reserve. */
function isGuarded(mapping: Mapping, below: Mapping | undefined, arenaEnd: number): boolean {
  if (below?.end !== mapping.start || !isAnonymous(below) || !isWithoutRights(below)) return false;
  if (!isAnonymous(mapping) || !isWritable(mapping) || mapping.size < SMALLEST_STACK) return false;
  const guard = below.start < arenaEnd && arenaEnd < below.end ? below.end - arenaEnd : below.size;
  return guard <= LARGEST_GUARD && !(below.start < arenaEnd && arenaEnd === below.end);
}

function isWithoutRights(mapping: Mapping): boolean {
  return mapping.permissions === '---p';
}

function isWritable(mapping: Mapping): boolean {
  return mapping.permissions.startsWith('rw');
}
