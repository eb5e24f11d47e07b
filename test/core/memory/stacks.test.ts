import { describe, expect, it } from 'vitest';
import { classify } from '../../../src/core/memory/classify.ts';
import { coreStacks, NO_HINTS } from '../../../src/core/memory/stacks.ts';
import type { StackHints } from '../../../src/core/memory/stacks.ts';
import { kib, mib } from '../../../src/core/quantity.ts';
import type { RowSketch } from './rows.ts';
import { layOut, stackRows } from './rows.ts';

const START = 0x7f12_3456_7000;

function stacksOf(rows: readonly RowSketch[], hints: Partial<StackHints> = {}): ReturnType<typeof coreStacks> {
  return coreStacks(classify(layOut(START, rows)), { ...NO_HINTS, ...hints });
}

function times(n: number, rows: () => RowSketch[]): RowSketch[] {
  return Array.from({ length: n }, rows).flat();
}

const OTHERS = [...times(2, () => stackRows(512)), ...times(3, () => stackRows(8192))];

describe('the stacks of the request cores', () => {
  it('are all there are where there is one size', () => {
    expect(stacksOf(times(9, () => stackRows(256, 12)))).toEqual({
      count: 9,
      size: kib(256),
      mapped: kib(9 * 256),
      resident: kib(9 * 12),
      highWater: kib(12),
      hugePages: 0,
    });
  });

  it('are told from offload and Python threads by how many threads block signals', () => {
    const rows = [...OTHERS, ...times(2, () => stackRows(64))];
    expect(stacksOf(rows, { coreCandidates: 4, processThreads: 8 })).toMatchObject({ count: 2, size: kib(64) });
  });

  it('are not counted beyond them where Python threads have the same size', () => {
    const rows = times(12, () => stackRows(8192));
    expect(stacksOf(rows, { coreCandidates: 9, processThreads: 13 })).toMatchObject({ count: 9, size: mib(8) });
  });

  it('are not counted beyond the threads that run: glibc keeps the stacks of ended ones', () => {
    const rows = times(12, () => stackRows(8192));
    expect(stacksOf(rows, { processThreads: 10 })).toMatchObject({ count: 9 });
  });

  it('are of the configured size where one is, and by rows alone where one size is by far the most', () => {
    const few = [...OTHERS, ...times(2, () => stackRows(64))];
    expect(stacksOf(few, { stackSize: kib(64) })).toMatchObject({ count: 2, size: kib(64) });
    expect(stacksOf(few)).toMatchObject({ count: null, size: null, highWater: null });
    expect(stacksOf([...OTHERS, ...times(9, () => stackRows(64))])).toMatchObject({ count: 9, size: kib(64) });
  });

  it('of 512K are told by the number of threads asked for', () => {
    const rows = times(11, () => stackRows(512));
    expect(stacksOf(rows, { threads: 10, coreCandidates: 11 })).toMatchObject({ count: 9, size: kib(512) });
  });

  it('may stand in rows that merged with a neighbour above, which is no stack', () => {
    const rows = [...times(5, () => stackRows(256, 16)), ...stackRows(464, 208), ...stackRows(272, 32)];
    expect(stacksOf(rows)).toMatchObject({ count: 7, size: kib(256), mapped: kib(7 * 256), highWater: kib(16) });
  });

  it('have no known depth where every one holds huge pages', () => {
    const rows = times(4, () => stackRows(8188, 2048, { hugeKib: 2048 }));
    expect(stacksOf(rows)).toMatchObject({ count: 4, highWater: null, hugePages: mib(8) });
  });

  it('are not guessed where nothing told them from other threads', () => {
    const rows = times(11, () => stackRows(512));
    expect(stacksOf(rows, { undecided: true })).toMatchObject({ count: null, size: null, resident: null });
  });

  it('of musl hold the thread block on top of what was asked', () => {
    expect(
      stacksOf(
        times(3, () => stackRows(132)),
        { musl: true },
      ),
    ).toMatchObject({ size: kib(128) });
  });

  it('are none in a process without such threads, and where threads = 1', () => {
    expect(
      stacksOf(
        times(3, () => stackRows(8192)),
        { coreCandidates: 0 },
      ),
    ).toMatchObject({ count: 0, resident: 0 });
    expect(
      stacksOf(
        times(3, () => stackRows(8192)),
        { threads: 1 },
      ),
    ).toMatchObject({ count: 0, mapped: 0 });
  });
});

describe('merged stacks without page map', () => {
  const merged = (n: number, size: number): RowSketch => ({
    kib: n * (size + 4),
    rssKib: n * 8,
    flags: 'rd wr gu nh',
    apart: true,
  });

  it('are counted where every row divides by the default', () => {
    expect(stacksOf([merged(30, 8192), merged(7, 8192)])).toMatchObject({
      count: 37,
      size: mib(8),
      resident: kib(296),
    });
  });

  it('are counted by the configured size or the stack limit', () => {
    expect(stacksOf([merged(9, 256)], { stackSize: kib(256) })).toMatchObject({ count: 9, size: kib(256) });
    expect(stacksOf([merged(9, 1024)], { stackLimit: mib(1) })).toMatchObject({ count: 9, size: mib(1) });
  });

  it('are unknown where rows do not divide, or would hold more stacks than there are threads', () => {
    expect(stacksOf([merged(9, 256)])).toMatchObject({ count: null, resident: null });
    expect(stacksOf([merged(9, 8192)], { processThreads: 9 })).toMatchObject({ count: null });
  });

  it('never have a known depth', () => {
    expect(stacksOf([merged(9, 8192)]).highWater).toBeNull();
  });
});
