/** Builders of rows and threads: a test names only what it is about. */
import type { Mapping } from '../../../src/core/memory/mapping.ts';
import type { ThreadStat } from '../../../src/core/memory/process-files.ts';
import { bytes, kib } from '../../../src/core/quantity.ts';

/** One row of a drawn map: size in KiB, permissions, and what else matters. */
export interface RowSketch {
  readonly kib: number;
  readonly permissions?: string;
  readonly name?: string;
  readonly rssKib?: number;
  readonly swapKib?: number;
  readonly hugeKib?: number;
  readonly flags?: string;
  /** Leave a hole below this row. */
  readonly apart?: boolean;
}

/** Lays rows out one above another, lowest first, from an address. */
export function layOut(start: number, sketches: readonly RowSketch[]): Mapping[] {
  const mappings: Mapping[] = [];
  let address = start;
  for (const sketch of sketches) {
    if (sketch.apart === true) address += 0x10000;
    const end = address + kib(sketch.kib);
    mappings.push(mapping(address, end, sketch));
    address = end;
  }
  return mappings;
}

function mapping(start: number, end: number, sketch: RowSketch): Mapping {
  const rss = kib(sketch.rssKib ?? 0);
  return {
    start,
    end,
    size: bytes(end - start),
    permissions: sketch.permissions ?? 'rw-p',
    name: sketch.name ?? '',
    rss,
    pss: rss,
    pssDirty: rss,
    sharedClean: bytes(0),
    sharedDirty: bytes(0),
    privateClean: bytes(0),
    privateDirty: rss,
    anonymous: rss,
    anonHugePages: kib(sketch.hugeKib ?? 0),
    swap: kib(sketch.swapKib ?? 0),
    kernelPageSize: kib(4),
    flags: ` ${sketch.flags ?? 'rd wr mr mw me ac sd'} `,
  };
}

/** A guard and the stack above it. */
export function stackRows(sizeKib: number, rssKib = 8, more: Partial<RowSketch> = {}): RowSketch[] {
  return [
    { kib: 4, permissions: '---p', apart: true },
    { kib: sizeKib, rssKib, ...more },
  ];
}

/** A thread of a process; `blocks` as uWSGI's cores and offload threads do. */
export function thread(id: number, blocks: boolean, more: Partial<ThreadStat> = {}): ThreadStat {
  return { id, name: 'uwsgi', parentPid: 1, cpuTicks: 0, startTicks: 100, blocksSignals: blocks, ...more };
}
