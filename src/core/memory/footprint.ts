/** What one process uses, summed from its regions. */
import type { Bytes } from '../quantity.ts';
import { bytes, computedBytes } from '../quantity.ts';
import type { Region } from './classify.ts';
import type { Mapping } from './mapping.ts';
import type { ProcessFootprint } from './sample.ts';
import type { StackHints } from './stacks.ts';
import { coreStacks } from './stacks.ts';

/** The part of a footprint that a memory map tells. */
export type MapFootprint = Pick<
  ProcessFootprint,
  'threadStacks' | 'mapped' | 'rss' | 'pss' | 'pssAnon' | 'pssFile' | 'pssShmem' | 'privateAnon' | 'swap' | 'arenas'
>;

type Summand = (mapping: Mapping) => number | null;

/** Sums the regions of one process. A sum is null when any row of it lacks the field. */
export function footprint(regions: readonly Region[], hints: StackHints): MapFootprint {
  const mappings = regions.map((region) => region.mapping);
  const threadStacks = coreStacks(regions, hints);
  const sum = (part: Summand): Bytes | null => total(mappings, part);
  const pssAnon = sum(anonymousPss);
  const pssShmem = sum((mapping) => (isSharedMemory(mapping) ? mapping.pss : 0));
  const pss = sum((mapping) => mapping.pss);
  const privateAll = sum(privateAnonymous);
  const stackResident = threadStacks.resident;
  const arenas = regions.filter((region) => region.kind === 'arena');
  return {
    threadStacks,
    mapped: sum((mapping) => mapping.size),
    rss: sum((mapping) => mapping.rss),
    pss,
    pssAnon,
    pssShmem,
    pssFile:
      pss === null || pssAnon === null || pssShmem === null ? null : bytes(Math.max(0, pss - pssAnon - pssShmem)),
    privateAnon: privateAll === null || stackResident === null ? null : bytes(Math.max(0, privateAll - stackResident)),
    swap: sum((mapping) => mapping.swap),
    arenas: {
      count: arenaCount(regions),
      resident: total(
        arenas.map((arena) => arena.mapping),
        (row) => row.rss,
      ),
    },
  };
}

/** The name of memory that no file backs and several processes see: counted as shmem by the cgroup. */
export function isSharedMemory(mapping: Mapping): boolean {
  return (
    mapping.permissions.endsWith('s') && /^(\/dev\/zero|\/dev\/shm\/|\/SYSV|\/memfd:|\[anon_shmem|$)/.test(mapping.name)
  );
}

/**
 * This process's share of a row's anonymous pages. A file's private row can hold both kinds: its file pages are clean, so
 * the dirty share is the anonymous one, where the kernel tells it (6.0) and the file is not itself in memory.
 */
function anonymousPss({ permissions, anonymous, rss, pss, pssDirty }: Mapping): number | null {
  if (permissions.endsWith('s')) return 0;
  if (anonymous === null || rss === null || pss === null) return null;
  if (anonymous === 0) return 0;
  if (anonymous >= rss) return pss;
  return Math.min(pssDirty ?? (pss * anonymous) / rss, anonymous, pss);
}

function privateAnonymous({ permissions, anonymous, rss, privateClean, privateDirty }: Mapping): number | null {
  if (permissions.endsWith('s')) return 0;
  if (anonymous === null || rss === null || privateClean === null || privateDirty === null) return null;
  return anonymous >= rss ? privateClean + privateDirty : Math.min(anonymous, privateDirty);
}

/** Arenas, by where they begin: one that was forked has several rows. */
function arenaCount(regions: readonly Region[]): number {
  let count = 0;
  let end = -1;
  for (const region of regions) {
    if (region.kind === 'arena-reserve') end = -1;
    if (region.kind !== 'arena') continue;
    if (region.mapping.start !== end) count += 1;
    end = region.mapping.end;
  }
  return count;
}

function total(mappings: readonly Mapping[], part: Summand): Bytes | null {
  let sum = 0;
  for (const mapping of mappings) {
    const value = part(mapping);
    if (value === null) return null;
    sum += value;
  }
  return computedBytes(sum);
}
