import { describe, expect, it } from 'vitest';
import { classify } from '../../../src/core/memory/classify.ts';
import type { Region } from '../../../src/core/memory/classify.ts';
import { isParseError } from '../../../src/core/memory/mapping.ts';
import { parseSmaps } from '../../../src/core/memory/parse-smaps.ts';
import { kib } from '../../../src/core/quantity.ts';
import { unzipped } from './captures.ts';
import { layOut, stackRows } from './rows.ts';

/** Any multiple of 64 MiB. */
const BORDER = 0x7f00_0000_0000;

function kinds(regions: readonly Region[]): string[] {
  return regions.map((region) => region.kind);
}

function count(regions: readonly Region[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of regions) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

describe('what a row is', () => {
  it('tells an arena of 132K from a stack of 132K', () => {
    const arena = layOut(BORDER, [{ kib: 132 }, { kib: 65404, permissions: '---p' }]);
    const stack = layOut(BORDER + 0x1000, stackRows(132));
    expect(kinds(classify(arena))).toEqual(['arena', 'arena-reserve']);
    expect(kinds(classify(stack))).toEqual(['guard', 'thread-stack']);
  });

  it('tells the stack of musl, whose guard is two pages', () => {
    const rows = layOut(BORDER, [
      { kib: 8, permissions: '---p' },
      { kib: 132, rssKib: 12 },
    ]);
    expect(kinds(classify(rows))).toEqual(['guard', 'thread-stack']);
  });

  it('tells an arena that a fork left in two rows, and one that is full', () => {
    const forked = [{ kib: 132 }, { kib: 64 }, { kib: 65536 - 196, permissions: '---p' }];
    expect(kinds(classify(layOut(BORDER, forked)))).toEqual(['arena', 'arena', 'arena-reserve']);
    expect(kinds(classify(layOut(BORDER, [{ kib: 65536 }, { kib: 64, permissions: '---p' }])))).toEqual([
      'arena',
      'unclassified',
    ]);
  });

  it('finds the guard that merged with the reserve of the arena below it', () => {
    const rows = layOut(BORDER, [{ kib: 132 }, { kib: 65404 + 4, permissions: '---p' }, { kib: 256, rssKib: 16 }]);
    const regions = classify(rows);
    expect(kinds(regions)).toEqual(['arena', 'arena-reserve', 'thread-stack']);
    expect(regions[2]?.stacks).toMatchObject([{ size: kib(256), touched: kib(16) }]);
  });

  it('does not take what stands right above a reserve for a stack', () => {
    const rows = layOut(BORDER, [{ kib: 132 }, { kib: 65404, permissions: '---p' }, { kib: 256, rssKib: 16 }]);
    expect(kinds(classify(rows))).toEqual(['arena', 'arena-reserve', 'anonymous']);
  });

  it('cuts a stack that merged with the arena above it at the border', () => {
    const below = kib(256 + 4);
    const rows = layOut(BORDER - below, [
      { kib: 4, permissions: '---p' },
      { kib: 256 + 132, rssKib: 40 },
      { kib: 65404, permissions: '---p' },
    ]);
    const regions = classify(rows);
    expect(kinds(regions)).toEqual(['guard', 'thread-stack', 'arena-reserve']);
    expect(regions[1]?.stacks).toMatchObject([{ size: kib(256), touched: null }]);
  });

  it('does not take a signal stack for a thread', () => {
    expect(kinds(classify(layOut(BORDER, stackRows(12))))).toEqual(['unclassified', 'anonymous']);
  });

  it('keeps what it does not know visible', () => {
    const rows = layOut(BORDER, [
      { kib: 4096, permissions: '---p' },
      { kib: 64, permissions: 'r-xp', apart: true },
      { kib: 64, name: '[uprobes]', apart: true },
      { kib: 64, name: '[heap]', apart: true },
      { kib: 64, name: '/dev/zero (deleted)', permissions: 'rw-s', apart: true },
      { kib: 64, name: '/usr/lib/libc.so.6', permissions: 'r-xp', apart: true },
      { kib: 132, name: '[stack]', apart: true },
      { kib: 4, name: '[vdso]', permissions: 'r-xp', apart: true },
    ]);
    const expected = ['unclassified', 'unclassified', 'unclassified', 'heap', 'shared', 'file', 'main-stack', 'kernel'];
    expect(kinds(classify(rows))).toEqual(expected);
  });

  it('does not know the depth of a stack with huge pages, and adds what was swapped', () => {
    const rows = layOut(BORDER, [...stackRows(8192, 2048, { hugeKib: 2048 }), ...stackRows(8192, 16, { swapKib: 32 })]);
    expect(classify(rows).flatMap((region) => region.stacks ?? [])).toMatchObject([
      { touched: null, hugePages: kib(2048) },
      { touched: kib(48), hugePages: 0 },
    ]);
  });

  it('leaves the stacks of merged rows unknown without their page map', () => {
    const rows = layOut(BORDER, [{ kib: 57372, flags: 'rd wr mr mw me gu ac sd nh' }]);
    expect(classify(rows)).toMatchObject([{ kind: 'merged-stacks', stacks: null }]);
    expect(classify(rows, new Map([[BORDER, { form: 'entries', body: new Uint8Array(8) }]]))).toMatchObject([
      { stacks: null },
    ]);
  });

  it.each([
    [
      'linux6.1-glibc2.36-py3.11-thp-always/2x40-8188k/104',
      { 'thread-stack': 39, guard: 39, arena: 15, 'arena-reserve': 15 },
    ],
    ['linux6.1-glibc2.36-py3.11-thp-always/2x40-8188k/98', { 'main-stack': 1, heap: 1 }],
    ['linux7.2-glibc2.43-py3.14/1x60-8m/558', { 'merged-stacks': 7, arena: 15, 'arena-reserve': 15, heap: 2 }],
    ['linux7.2-glibc2.43-py3.14/3x1/452', { 'main-stack': 1, heap: 2 }],
  ])('counts the rows of %s', (name, expected) => {
    const mappings = parseSmaps(unzipped(`${name}.smaps.gz`));
    if (isParseError(mappings)) throw new Error(mappings.found);
    const regions = classify(mappings);
    expect(regions).toHaveLength(mappings.length);
    expect(count(regions)).toMatchObject(expected);
    expect(count(regions)).not.toHaveProperty('unclassified');
  });
});
