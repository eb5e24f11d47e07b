import { describe, expect, it, test } from 'vitest';
import { editConfig, restoreValues, type WantedValues } from '../../../src/core/uwsgi/edit.ts';
import { readConfig, type ConfigReading } from '../../../src/core/uwsgi/reading.ts';

const OPTIONS = { format: 'Json', section: 'uwsgi' } as const;

const read = (text: string): ConfigReading => readConfig(text, OPTIONS);

/** Every expectation here was seen from a build with yajl and from one with jansson. */
describe('processes in JSON', () => {
  test.each<[sentence: string, members: string, value: number]>([
    ['are a number', '"processes": 4', 4],
    ['are a number in a string', '"processes": "4 ; four"', 4],
    ['are 1 for true', '"processes": true', 1],
    ['are 0 for null', '"processes": null', 0],
    ['come from the last item of an array', '"processes": [2, "3"]', 3],
    ['do not come from what is nested deeper', '"a": {"processes": 4}, "processes": [[5]]', 1],
    ['come from a placeholder', '"np": 3, "processes": "%(np)"', 3],
    ['come from yajl where a comment ends jansson', '/* four */ "processes": 4', 4],
    ['come from yajl where a number ends jansson', '"a": 99999999999999999999, "processes": 4', 4],
  ])('%s', (_, members, value) => {
    const { processes } = read(`{"other": [], "uwsgi": {${members}}}`);

    expect([processes.value, processes.reason]).toEqual([value, null]);
  });

  test.each<[sentence: string, text: string, reason: string]>([
    [
      'a real number, which only yajl takes',
      '{"uwsgi": {"processes": 2.0}}',
      'uWSGI with yajl reads 2 of line 1, uWSGI with jansson reads nothing',
    ],
    [
      'a member twice with another between them, which jansson moves',
      '{"uwsgi": {"processes": 2, "workers": 3, "processes": 4}}',
      'uWSGI with yajl reads 4 of line 1, uWSGI with jansson reads 3 of line 1',
    ],
    [
      'a section twice',
      '{"uwsgi": {"processes": 2}, "uwsgi": {"processes": 3}}',
      'uWSGI with yajl reads 2 of line 1, uWSGI with jansson reads 3 of line 1',
    ],
  ])('are null for %s', (_, text, reason) => {
    expect(read(text).processes).toMatchObject({ value: null, cause: 'Builds', reason });
  });

  test.each<[sentence: string, text: string, fault: RegExp, line: number]>([
    ['no JSON', '{"uwsgi": {\n"a": 1,}}', /no JSON/, 2],
    ['nothing', '', /no JSON/, 1],
    ['another object', '{"app": {}}', /no object "uwsgi"/, 1],
    ['a byte order mark', '\ufeff{"uwsgi": {"a": 1}}', /no JSON/, 1],
    ['a NUL', '{"uwsgi": {\n"a": "\\u0000"}}', /this form of JSON is not read/, 2],
  ])('are null for %s', (_, text, fault, line) => {
    const reading = read(text);

    expect(reading.fault?.reason).toMatch(fault);
    expect([reading.fault?.line, reading.processes.value]).toEqual([line, null]);
  });
});

describe('an edit of JSON', () => {
  test.each<[sentence: string, before: string, wanted: WantedValues, after: string]>([
    ['changes the number', '{"uwsgi":{"threads" : 4 }}', { threads: 8 }, '{"uwsgi":{"threads" : 8 }}'],
    ['changes a string to a number', '{"uwsgi":{"threads":"4"}}', { threads: 8 }, '{"uwsgi":{"threads":8}}'],
    ['changes the last item', '{"uwsgi":{"threads":[1, 2]}}', { threads: 8 }, '{"uwsgi":{"threads":[1, 8]}}'],
    [
      'changes the number inside of set',
      '{"uwsgi":{"set":"threads=3"}}',
      { threads: 4 },
      '{"uwsgi":{"set":"threads=4"}}',
    ],
    [
      'adds a line of its own, first in the object',
      '{\r\n\t"uwsgi": {\r\n\t\t"a": 1\r\n\t}\r\n}',
      { threads: 2, processes: 3 },
      '{\r\n\t"uwsgi": {\r\n\t\t"threads": 2,\r\n\t\t"processes": 3,\r\n\t\t"a": 1\r\n\t}\r\n}',
    ],
    ['adds to a text of one line', '{"uwsgi": {"a": 1}}', { threads: 2 }, '{"uwsgi": {"threads": 2, "a": 1}}'],
    [
      'keeps comments',
      '{"uwsgi": { // why\n "threads": /* x */ 4 }}',
      { threads: 2 },
      '{"uwsgi": { // why\n "threads": /* x */ 2 }}',
    ],
  ])('%s', (_, before, wanted, after) => {
    const result = editConfig(before, OPTIONS, wanted);

    expect(result).toMatchObject({ ok: true, text: after });
    expect(restoreValues(after, before, OPTIONS)).toMatchObject({ ok: true, text: before });
  });

  it('refuses an object without an option', () => {
    const result = editConfig('{"uwsgi": {}}', OPTIONS, { threads: 2 });

    expect(result.ok ? '' : result.refusals[0]?.reason).toMatch(/no option in section/);
  });
});
