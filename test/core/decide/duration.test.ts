import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../../src/core/decide/duration.ts';

test.each([
  ['0s', 0],
  ['250ms', 250],
  ['90s', 90_000],
  ['10m', 600_000],
  ['1h30m', 5_400_000],
  ['1.5h', 5_400_000],
  ['1h1m1s1ms', 3_661_001],
  ['', null],
  ['10', null],
  ['7d', null],
  ['-1m', null],
  ['1m ', null],
  ['m', null],
])('"%s" is %s ms', (text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});

test.each([
  [0, '0s'],
  [90_000, '90s'],
  [119_499, '119s'],
  [120_000, '2m'],
  [3_600_000, '1h'],
  [5_400_000, '1h30m'],
  [86_400_000, '24h'],
  [3_661_000, '1h1m1s'],
])('%s ms reads "%s"', (milliseconds, expected) => {
  expect(formatDuration(milliseconds)).toBe(expected);
});
