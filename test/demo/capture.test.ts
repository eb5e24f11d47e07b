import { describe, expect, it } from 'vitest';
import { pmapRows } from '../../scripts/demo/capture.ts';
import type { Mapping } from '../../src/core/memory/mapping.ts';
import { bytes, mib } from '../../src/core/quantity.ts';

function mappings(rows: readonly string[]): { readonly mappings: readonly Mapping[] } {
  return { mappings: rows.map(mapping) };
}

/** A row from its first words in /proc/PID/smaps. */
function mapping(row: string): Mapping {
  const [, start = '', end = '', permissions = ''] = /^(\w+)-(\w+) (\S+)$/.exec(row) ?? [];
  const [from, to] = [Number.parseInt(start, 16), Number.parseInt(end, 16)];
  const nothing = { rss: null, pss: null, pssDirty: null, anonymous: null, anonHugePages: null, swap: null };
  const shares = { sharedClean: null, sharedDirty: null, privateClean: null, privateDirty: null };
  const kernel = { kernelPageSize: null, flags: null };
  return { start: from, end: to, size: bytes(to - from), permissions, name: '', ...nothing, ...shares, ...kernel };
}

const STACKS = [
  '7fcf75060000-7fcf75061000 ---p',
  '7fcf75061000-7fcf75861000 rw-p',
  '7fcf75861000-7fcf75862000 ---p',
  '7fcf75862000-7fcf76062000 rw-p',
  '7fcf76062000-7fcf76063000 ---p',
];

describe('pmapRows', () => {
  it('prints two stacks and their guards as the blog saw them', () => {
    expect(pmapRows([mappings(STACKS)], mib(8))).toEqual([
      '00007fcf75061000   8192K rw---   [ anon ]',
      '00007fcf75861000      4K -----   [ anon ]',
      '00007fcf75862000   8192K rw---   [ anon ]',
      '00007fcf76062000      4K -----   [ anon ]',
    ]);
  });

  it('prints nothing where no two stacks stand so', () => {
    expect(pmapRows([mappings(STACKS.slice(0, 3))], mib(8))).toEqual([]);
    expect(pmapRows([{ mappings: null }], mib(8))).toEqual([]);
  });
});
