import { describe, expect, test } from 'vitest';
import { editConfig, restoreValues, type WantedValues } from '../../../src/core/uwsgi/edit.ts';
import { readConfig } from '../../../src/core/uwsgi/reading.ts';

const OPTIONS = { format: 'Env', section: 'uwsgi' } as const;

/** Every expectation here was seen from uWSGI 2.0.21 and 2.0.30 with these variables. */
describe('processes in variables', () => {
  test.each<[sentence: string, text: string, value: number | null]>([
    ['come from the option of their name', 'UWSGI_PROCESSES=4\n', 4],
    ['come from the last variable', 'UWSGI_PROCESSES=4\nUWSGI_WORKERS=3\n', 3],
    ['come from a name in any case behind the prefix', 'UWSGI_Workers=3', 3],
    ['do not come from a prefix in small letters', 'uwsgi_workers=3\nA=1\n', 1],
    ['are 0 for nothing', 'UWSGI_PROCESSES=', 0],
    ['do not come from variables that uWSGI sets itself', 'UWSGI_RELOADS=4\nUWSGI_MASTER=1\n', 1],
    ['come from a placeholder', 'UWSGI_PROCESSES=%(np)\nUWSGI_NP=3\n', 3],
    ['keep a percent sign as it is', 'UWSGI_A=50%\nUWSGI_PROCESSES=3\n', 3],
    ['are null behind a file', 'UWSGI_PROCESSES=4\nUWSGI_INI=a.ini\n', null],
    ['are null where a value comes from elsewhere', 'UWSGI_PROCESSES\n', null],
  ])('%s', (_, text, value) => {
    expect(readConfig(text, OPTIONS).processes.value).toBe(value);
  });
});

describe('an edit of variables', () => {
  test.each<[sentence: string, before: string, wanted: WantedValues, after: string]>([
    ['changes the digits', '# x\nUWSGI_THREADS=4\nA=1\n', { threads: 8 }, '# x\nUWSGI_THREADS=8\nA=1\n'],
    [
      'adds variables behind the last one of uWSGI',
      'UWSGI_MASTER=1\r\nA=1\r\n',
      { processes: 2, threads: 3 },
      'UWSGI_MASTER=1\r\nUWSGI_PROCESSES=2\r\nUWSGI_THREADS=3\r\nA=1\r\n',
    ],
  ])('%s', (_, before, wanted, after) => {
    expect(editConfig(before, OPTIONS, wanted)).toMatchObject({ ok: true, text: after });
    expect(restoreValues(after, before, OPTIONS)).toMatchObject({ ok: true, text: before });
  });
});
