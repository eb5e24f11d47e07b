import { describe, expect, it, test } from 'vitest';
import { kib } from '../../../src/core/quantity.ts';
import { editConfig, restoreValues, type WantedValues } from '../../../src/core/uwsgi/edit.ts';
import { readConfig, type ConfigReading } from '../../../src/core/uwsgi/reading.ts';

const OPTIONS = { format: 'Yaml', section: 'uwsgi' } as const;

const read = (text: string, section = 'uwsgi'): ConfigReading => readConfig(text, { format: 'Yaml', section });

/** Every expectation here was seen from a build with libyaml and from one with uWSGI's own parser. */
describe('processes in YAML', () => {
  test.each<[sentence: string, text: string, value: number]>([
    ['are a plain number', 'uwsgi:\n  processes: 4\n', 4],
    ['come from the last of two keys', 'uwsgi:\n  processes: 2\n  workers: 3\n', 3],
    ['are 1 without the section', 'app:\n  processes: 4\n', 1],
    ['are read behind ---, notes and other parts', '---\nother:\n- a\n# x\nuwsgi: # y\n  processes: 4 # four\n', 4],
    ['are not read behind the section', 'uwsgi:\n  master: true\nother:\n  processes: 4\n', 1],
    ['are read with CRLF', 'uwsgi:\r\n  processes: 4\r\n', 4],
    ['come from a placeholder inside a plain scalar', 'uwsgi:\n  np: 3\n  processes: 1%(np)\n', 13],
  ])('%s', (_, text, value) => {
    expect([read(text).processes.value, read(text).processes.reason]).toEqual([value, null]);
  });

  test.each<[sentence: string, text: string, reason: string]>([
    [
      'in quotes, which only libyaml takes away',
      'uwsgi:\n  processes: "4"\n',
      'uWSGI with libyaml reads 4 of line 2, uWSGI with its own YAML parser reads 0 of line 2',
    ],
    [
      'behind a list, at which the own parser ends',
      'uwsgi:\n  env:\n  - A=1\n  processes: 4\n',
      'uWSGI with libyaml reads 4 of line 4, uWSGI with its own YAML parser reads nothing',
    ],
    [
      'behind a byte order mark, which only libyaml passes over',
      '\ufeffuwsgi:\n  processes: 4\n',
      'uWSGI with libyaml reads 4 of line 2, uWSGI with its own YAML parser reads nothing',
    ],
  ])('are null %s', (_, text, reason) => {
    expect(read(text).processes).toMatchObject({ value: null, cause: 'Builds', reason });
  });

  test.each<[sentence: string, line: string]>([
    ['an anchor', 'a: &b 4'],
    ['a map in the section', 'a:\n    b: 4'],
    ['a value of two lines', 'a: b\n    c'],
    ['a block scalar', 'a: |\n    b'],
    ['a map in brackets', 'a: {b: 4}'],
    ['a key with a question mark', '? a\n  : 4'],
    ['a line of a million items', `a: [${'b, '.repeat(1_000_000)}b]`],
    ['a tab before a key', '\tb: 4'],
  ])('are null behind %s, which is not read', (_, line) => {
    const { processes, fault } = read(`uwsgi:\n  processes: 4\n  ${line}\n`);

    expect(processes).toMatchObject({ value: null, cause: 'UnreadForm' });
    expect(fault?.reason).toMatch(/this form of YAML is not read/);
  });
});

describe('an edit of YAML', () => {
  test.each<[sentence: string, before: string, wanted: WantedValues, after: string]>([
    ['changes the digits', 'uwsgi:\n  threads:  4 # four\n', { threads: 8 }, 'uwsgi:\n  threads:  8 # four\n'],
    [
      'takes quotes away, which builds read differently',
      "uwsgi:\n  threads: '4'\n",
      { threads: 4 },
      'uwsgi:\n  threads: 4\n',
    ],
    [
      "adds a line behind the section's last option",
      'uwsgi:\r\n    master: true # yes\r\nother: 1\r\n',
      { threads: 2, threadStackSize: kib(512) },
      'uwsgi:\r\n    master: true # yes\r\n    threads: 2\r\n    threads-stacksize: 512\r\nother: 1\r\n',
    ],
    [
      'adds a line before any list',
      'uwsgi:\n  env:\n    - A=1\n    - B=2\n  master: true\n',
      { threads: 2 },
      'uwsgi:\n  threads: 2\n  env:\n    - A=1\n    - B=2\n  master: true\n',
    ],
    ['adds a line to a text without a last newline', 'uwsgi:\n  a: 1', { threads: 2 }, 'uwsgi:\n  a: 1\n  threads: 2'],
    ['changes the number inside of set', 'uwsgi:\n  set: threads=3\n', { threads: 4 }, 'uwsgi:\n  set: threads=4\n'],
  ])('%s', (_, before, wanted, after) => {
    const result = editConfig(before, OPTIONS, wanted);

    expect(result).toMatchObject({ ok: true, text: after });
    expect(restoreValues(after, before, OPTIONS)).toMatchObject({ ok: true, text: before });
  });

  test.each<[sentence: string, text: string, reason: RegExp]>([
    ['a value that only one build reads', 'uwsgi:\n  env:\n  - A=1\n  threads: 4\n', /another line would override/],
    ['a text with an anchor', 'uwsgi:\n  threads: 4\n  a: &b 1\n', /line 3: a value that is no plain or quoted scalar/],
    ['a value with an escape', 'uwsgi:\n  threads: "4\\t"\n', /is written with an escape/],
    ['a section that is not there', 'app:\n  threads: 4\n', /no option in section \[uwsgi\]/],
  ])('refuses %s', (_, text, reason) => {
    const result = editConfig(text, OPTIONS, { threads: 8 });

    expect(result.ok ? '' : result.refusals[0]?.reason).toMatch(reason);
  });
});

it('reads the section that is asked for', () => {
  expect(read('uwsgi:\n  threads: 2\napp:\n  threads: 3\n', 'app').threads.value).toBe(3);
});
