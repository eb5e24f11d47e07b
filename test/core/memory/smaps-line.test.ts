import { describe, expect, it } from 'vitest';
import { kibBefore, nameStart, permissionsAt } from '../../../src/core/memory/smaps-line.ts';

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

describe('a line of smaps', () => {
  it.each([
    ['Rss:                 764 kB', 764],
    ['Rss: 0 kB', 0],
    ['Rss:188508 kB', 188508],
    ['Rss: 1 2 kB', -1],
    ['Rss: -1 kB', -1],
    ['Rss:  kB', -1],
    ['Rss: 12 MB', -1],
    ['Rss: 99999999999999 kB', -1],
  ])('"%s" holds the number %i', (line, expected) => {
    expect(kibBefore(bytes(line), 3, line.length)).toBe(expected);
  });

  it.each([
    ['rw-p', 'rw-p'],
    ['r-xs', 'r-xs'],
    ['---p', '---p'],
    ['wr-p', null],
    ['rw-x', null],
    ['rw-', null],
  ])('"%s" is the permissions %s', (text, expected) => {
    expect(permissionsAt(bytes(text), 0)).toBe(expected);
  });

  it.each([
    ['00000000 00:00 0', ''],
    ['00000000 00:00 0                          [heap]', '[heap]'],
    ['0002a000 00:03 5255                       /usr/bin/a b', '/usr/bin/a b'],
    ['0002a000 00:03', null],
  ])('"%s" names %s', (text, expected) => {
    const start = nameStart(bytes(text), 0, text.length);
    expect(start < 0 ? null : text.slice(start)).toBe(expected);
  });
});
