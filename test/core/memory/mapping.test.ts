import { expect, it } from 'vitest';
import { describeParseError, hasFlag, isAnonymous, isParseError, quoted } from '../../../src/core/memory/mapping.ts';
import { layOut } from './rows.ts';

it('a fault is one line with place, found and allowed', () => {
  const fault = { code: 'BadLine', line: 3, found: quoted('x\ny'), allowed: 'a row' } as const;
  expect(describeParseError(fault, 'app.smaps')).toBe('app.smaps, line 3: found "x\\ny", allowed: a row');
  expect(describeParseError({ ...fault, line: null }, '-')).toBe('-: found "x\\ny", allowed: a row');
  expect(isParseError(fault)).toBe(true);
  expect(isParseError([])).toBe(false);
});

it('a quotation is short', () => {
  expect(quoted('a'.repeat(1000))).toHaveLength(63);
});

it('flags are whole words, and anonymous memory is private', () => {
  const [stack, shared, named] = layOut(0x1000, [
    { kib: 4, flags: 'rd gu nh' },
    { kib: 4, permissions: 'rw-s' },
    { kib: 4, name: '[anon: glibc: malloc]' },
  ]);
  if (stack === undefined || shared === undefined || named === undefined) throw new Error('rows');
  expect([hasFlag(stack, 'gu'), hasFlag(stack, 'nh'), hasFlag(stack, 'g')]).toEqual([true, true, false]);
  expect([stack, shared, named].map(isAnonymous)).toEqual([true, false, true]);
});
