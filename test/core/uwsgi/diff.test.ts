import { expect, it } from 'vitest';
import { changedLines, renderDiff } from '../../../src/core/uwsgi/diff.ts';

it('shows changed, added and removed lines with their numbers', () => {
  const before = 'a\nb\nc\nd\ne\n';
  const after = 'a\nB\nc\nx\nd\n';

  expect(renderDiff(before, after)).toBe('@@ -2 +2 @@\n-b\n+B\n@@ -3,0 +4 @@\n+x\n@@ -5 +5,0 @@\n-e\n');
});

it('is empty for equal texts', () => {
  expect(renderDiff('a\n', 'a\n')).toBe('');
  expect(changedLines('', '')).toEqual([]);
});

it('shows texts that have nothing in common as one block, also large ones', () => {
  const before = 'a\n'.repeat(5_000);
  const after = 'b\n'.repeat(5_000);

  expect(renderDiff(before, after).startsWith('@@ -1,5000 +1,5000 @@\n-a\n')).toBe(true);
});

it('pairs a removed line with an added one where lines repeat', () => {
  expect(changedLines('p=4\nthreads\nthreads', 'p=1\nthreads\nthreads = 2')).toEqual([
    { line: 1, before: 'p=4', after: 'p=1' },
    { line: 3, before: 'threads', after: 'threads = 2' },
  ]);
});
