/** Texts made to take long or to fill the memory. Before they had limits each of these ran for minutes or ended the process. */
import { describe, expect, it } from 'vitest';
import { kib } from '../../../src/core/quantity.ts';
import { MAX_TEXT } from '../../../src/core/uwsgi/dialect.ts';
import { renderDiff } from '../../../src/core/uwsgi/diff.ts';
import { editConfig, restoreValues } from '../../../src/core/uwsgi/edit.ts';
import { readConfig } from '../../../src/core/uwsgi/reading.ts';

const OPTIONS = { format: 'Ini', section: 'uwsgi' } as const;
const WANTED = { processes: 3, threads: 4, threadStackSize: kib(512) };
const section = (...lines: readonly string[]): string => ['[uwsgi]', ...lines, ''].join('\n');
const many = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

describe('a text that is made to exhaust its reader says what is too much, and is not edited', () => {
  it.each<[string, string, RegExp]>([
    ['asks for 60000 sections', section(many(60_000, (n) => `ini = :s${n}`)), /more than 10000 options/],
    [
      'has a value of 500000 open brackets',
      section(`processes = ${'$('.repeat(250_000)}`),
      /500000 characters; at most 65536/,
    ],
    ['has a key of 1 MB', section('x'.repeat(1_000_000)), /1000000 characters; at most 65536/],
    [
      'fills one value with a long item many times',
      section(`for = ${'x'.repeat(10_000)}`, `b = ${'%(_)'.repeat(16_000)}`, 'endfor'),
      /for of line 2 makes more than 65536 characters/,
    ],
    [
      'makes many long values',
      section('for-times = 10000', `b = %(_)${'y'.repeat(60_000)}`, 'endfor'),
      /or 4194304 in all/,
    ],
    [
      'joins a long value many times',
      section(`a = ${'x'.repeat(60_000)}`, `b = %(${'a '.repeat(20_000)})`),
      /refer to each other without end/,
    ],
    [
      'adds long numbers many times',
      section(`a = ${'1'.repeat(60_000)}`, `b = %(${'a + '.repeat(15_000)}a)`),
      /refer to each other without end/,
    ],
    ['is longer than is read', '\n'.repeat(MAX_TEXT + 1), /16777217 characters; at most 16777216 are read/],
  ])('%s', (_, text, reason) => {
    const reading = readConfig(text, OPTIONS);
    expect(reading.fault?.reason).toMatch(reason);
    expect([reading.processes.value, reading.threads.value]).toEqual([null, null]);
    const edit = editConfig(text, OPTIONS, WANTED);
    expect(edit.ok ? [] : edit.refusals[0]?.reason).toMatch(reason);
  });

  it.each<[string, string]>([
    [
      'a block of many blanks round every line',
      section(
        `for = ${' '.repeat(60_000)}`,
        many(9000, () => 'a'),
        'endfor',
      ),
    ],
    [
      'an option of a long template used everywhere',
      section(
        `declare-option2 = x=${';'.repeat(60_000)}`,
        many(9000, () => 'x = 1'),
      ),
    ],
    ['a million magic pairs', `${'%%'.repeat(500_000)}\n${section('processes = 2')}`],
    ['a million empty lines', `${'\n'.repeat(1_000_000)}${section('processes = 2')}`],
  ])('%s is read to its end', (_, text) => {
    const { processes } = readConfig(text, OPTIONS);
    expect(processes.reason).toBeNull();
  });

  it('is never restored into either', () => {
    expect(restoreValues('\n'.repeat(MAX_TEXT + 1), section('processes = 2'), OPTIONS).ok).toBe(false);
  });
});

describe('what uWSGI reads otherwise than a person is said', () => {
  it.each([
    ['a byte order mark', '\ufeff[uwsgi]\nprocesses = 4\n', 1, /begins with a byte order mark/],
    ['a NUL byte', '[uwsgi]\nthreads = 4\0 5\n', 2, /NUL byte/],
  ])('%s', (_, text, line, note) => {
    expect(readConfig(text, OPTIONS).notes).toContainEqual({ line, text: expect.stringMatching(note) as string });
  });

  it('a byte order mark is named where it keeps the text from being edited', () => {
    const edit = editConfig('\ufeff[uwsgi]\nprocesses = 4\n', OPTIONS, WANTED);
    expect(edit.ok ? '' : edit.refusals[0]?.reason).toMatch(
      /no option in section \[uwsgi\]; it begins with a byte order mark/,
    );
  });

  it('a long reference is cut in the reason', () => {
    const { reason } = readConfig(section(`processes = $(${'A'.repeat(5000)})`), OPTIONS).processes;
    expect(reason).toMatch(/comes from \$\(A+\.\.\., an environment/);
    expect(reason?.length).toBeLessThan(200);
  });
});

describe('the lines in which two texts differ', () => {
  it.each([
    ['a\nb\n', 'a\nx\nb\n', '@@ -1,0 +2 @@\n+x\n'],
    ['a\nb', 'a\nb\n', '@@ -2,0 +3 @@\n+\n'],
    ['\nb', '\nc', '@@ -2 +2 @@\n-b\n+c\n'],
    ['a\r\nb\r\n', 'a\nb\n', ''],
    ['x\nx\nx', 'x\nx', '@@ -3 +2,0 @@\n-x\n'],
  ])('%j and %j', (before, after, diff) => {
    expect(renderDiff(before, after)).toBe(diff);
  });
});
