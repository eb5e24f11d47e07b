import { expect, test } from 'vitest';
import { shortened } from '../../src/api/sentence.ts';

test.each([
  ['short', 10, 'short'],
  ['exactly ten', 11, 'exactly ten'],
  ['more than ten', 10, 'more th...'],
  ['abcdef\u{1f600}gh', 10, 'abcdef\u{1f600}gh'],
  ['abcdef\u{1f600}ghi', 10, 'abcdef...'],
  ['half \ud83d', 10, 'half \ufffd'],
])('%j in %i', (text, length, expected) => {
  const short = shortened(text, length);
  expect(short).toBe(expected);
  // What the API server stores and gives back is the same text.
  expect(Buffer.from(short, 'utf8').toString('utf8')).toBe(short);
});
