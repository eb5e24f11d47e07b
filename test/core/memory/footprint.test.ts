import { describe, expect, it } from 'vitest';
import { classify } from '../../../src/core/memory/classify.ts';
import { footprint } from '../../../src/core/memory/footprint.ts';
import { NO_HINTS } from '../../../src/core/memory/stacks.ts';
import { bytes, kib } from '../../../src/core/quantity.ts';
import { layOut, stackRows } from './rows.ts';

const ROWS = layOut(0x7f12_3456_7000, [
  { kib: 1000, name: '[heap]', rssKib: 400 },
  ...stackRows(256, 16),
  ...stackRows(256, 24),
  { kib: 64, name: '/dev/zero (deleted)', permissions: 'rw-s', rssKib: 40, apart: true },
  { kib: 500, name: '/srv/data.bin', permissions: 'rw-s', rssKib: 100, apart: true },
]);

describe("a process's footprint", () => {
  it('keeps the stacks apart from the other private memory', () => {
    expect(footprint(classify(ROWS), NO_HINTS)).toMatchObject({
      mapped: kib(1000 + 2 * 260 + 64 + 500),
      rss: kib(400 + 40 + 140),
      pss: kib(580),
      pssAnon: kib(440),
      pssShmem: kib(40),
      pssFile: kib(100),
      privateAnon: kib(400),
      threadStacks: { count: 2, resident: kib(40) },
    });
  });

  it('counts the copied pages of a private file row as anonymous, by their dirty share', () => {
    const [row] = layOut(0x1000, [{ kib: 100, name: '/usr/lib/libc.so.6', permissions: 'r--p', rssKib: 80 }]);
    if (row === undefined) throw new Error('rows');
    const pages = { anonymous: kib(20), pss: kib(50), privateClean: kib(30), privateDirty: kib(16) };
    const of = (pssDirty: number | null): unknown =>
      footprint(classify([{ ...row, ...pages, pssDirty: pssDirty === null ? null : bytes(pssDirty) }]), NO_HINTS);
    expect(of(kib(18))).toMatchObject({ pssAnon: kib(18), pssFile: kib(32), privateAnon: kib(16) });
    expect(of(null)).toMatchObject({ pssAnon: kib(12.5), pssFile: kib(37.5) });
  });

  it('is null in what one row does not tell', () => {
    const blind = ROWS.map((row, index) => (index === 0 ? { ...row, pss: null } : row));
    const { rss, pss, pssAnon, pssFile } = footprint(classify(blind), NO_HINTS);
    expect([rss, pss, pssAnon, pssFile]).toEqual([kib(580), null, null, null]);
  });
});
