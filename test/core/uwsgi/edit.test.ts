import { describe, expect, it, test } from 'vitest';
import { bytes, kib, mib } from '../../../src/core/quantity.ts';
import { editConfig, restoreValues, type EditResult, type WantedValues } from '../../../src/core/uwsgi/edit.ts';

const OPTIONS = { format: 'Ini', section: 'uwsgi' } as const;

const edit = (text: string, wanted: WantedValues): EditResult => editConfig(text, OPTIONS, wanted);

const textOf = (result: EditResult): string => {
  if (!result.ok) throw new Error(JSON.stringify(result.refusals));
  return result.text;
};

const reasonOf = (result: EditResult): string => (result.ok ? 'not refused' : (result.refusals[0]?.reason ?? ''));

describe('an edit', () => {
  test.each<[sentence: string, before: string, wanted: WantedValues, after: string]>([
    ['changes only the digits', '[uwsgi]\nworkers\t=  4 ; four\n', { processes: 8 }, '[uwsgi]\nworkers\t=  8 ; four\n'],
    ['keeps CRLF', '[uwsgi]\r\nthreads=4\r\nx=1\r\n', { threads: 2 }, '[uwsgi]\r\nthreads=2\r\nx=1\r\n'],
    [
      'changes the last of two lines',
      '[uwsgi]\nprocesses=2\nworkers=3\n',
      { processes: 4 },
      '[uwsgi]\nprocesses=2\nworkers=4\n',
    ],
    [
      'writes the stack in KiB',
      '[uwsgi]\nthread-stack-size = 64k\n',
      { threadStackSize: mib(1) },
      '[uwsgi]\nthread-stack-size = 1024\n',
    ],
    ['replaces a word', '[uwsgi]\nprocesses = auto\n', { processes: 2 }, '[uwsgi]\nprocesses = 2\n'],
    ['replaces quotes whole', '[uwsgi]\nthreads = "4"\n', { threads: 4 }, '[uwsgi]\nthreads = 4\n'],
    ['gives a key alone its value', '[uwsgi]\nthreads\nx=1\n', { threads: 4 }, '[uwsgi]\nthreads = 4\nx=1\n'],
    ['fills an empty value', '[uwsgi]\nthreads = \n', { threads: 4 }, '[uwsgi]\nthreads = 4\n'],
    [
      'changes the number inside set =',
      '[uwsgi]\nset = processes=3\n',
      { processes: 4 },
      '[uwsgi]\nset = processes=4\n',
    ],
    [
      'changes a line with doubled %',
      '[uwsgi]\nthreads = 4 ; 50%% more\n',
      { threads: 8 },
      '[uwsgi]\nthreads = 8 ; 50%% more\n',
    ],
    [
      'changes a line in the section that ini = :x reads',
      '[uwsgi]\nini = :a\n[a]\nthreads=2\n',
      { threads: 3 },
      '[uwsgi]\nini = :a\n[a]\nthreads=3\n',
    ],
    [
      "adds a line behind the section's last option",
      '[uwsgi]\na = 1\n\n[other]\nb = 2\n',
      { threads: 2 },
      '[uwsgi]\na = 1\nthreads = 2\n\n[other]\nb = 2\n',
    ],
    [
      "adds a line in its neighbour's columns",
      '[uwsgi]\n  socket    = :1\n',
      { threads: 2 },
      '[uwsgi]\n  socket    = :1\n  threads   = 2\n',
    ],
    [
      'adds a line without blanks where its neighbour has none',
      '[uwsgi]\nsocket=:1\n',
      { processes: 2 },
      '[uwsgi]\nsocket=:1\nprocesses=2\n',
    ],
    [
      'adds a line to a text without a last newline',
      '[uwsgi]\r\na = 1',
      { threads: 2 },
      '[uwsgi]\r\na = 1\r\nthreads = 2',
    ],
    [
      'adds a line before a block that is left open',
      '[uwsgi]\na = 1\nif-env = X\nb = 2\n',
      { threads: 2 },
      '[uwsgi]\na = 1\nthreads = 2\nif-env = X\nb = 2\n',
    ],
    [
      'adds a line first when the last one ends in a bare %',
      '[uwsgi]\na = 5%',
      { threads: 2 },
      '[uwsgi]\nthreads = 2\na = 5%',
    ],
    [
      'adds all three in one order',
      '[uwsgi]\na=1\n',
      { threadStackSize: kib(64), threads: 2, processes: 3 },
      '[uwsgi]\na=1\nprocesses=3\nthreads=2\nthreads-stacksize=64\n',
    ],
    [
      'mends cheaper by raising processes',
      '[uwsgi]\nprocesses=2\ncheaper=2\n',
      { processes: 4 },
      '[uwsgi]\nprocesses=4\ncheaper=2\n',
    ],
    [
      'leaves a size alone that pages round to the wanted one',
      '[uwsgi]\nthreads-stacksize=17\n',
      { threadStackSize: kib(20) },
      '[uwsgi]\nthreads-stacksize=17\n',
    ],
    [
      'leaves a text alone that has the values',
      '[uwsgi]\nprocesses = 2 ; x',
      { processes: 2, threads: 1 },
      '[uwsgi]\nprocesses = 2 ; x',
    ],
    [
      'leaves a value alone that a placeholder already gives',
      '[uwsgi]\nnp=3\nprocesses=%(np)\n',
      { processes: 3 },
      '[uwsgi]\nnp=3\nprocesses=%(np)\n',
    ],
  ])('%s', (_, before, wanted, after) => {
    expect(textOf(edit(before, wanted))).toBe(after);
  });

  it('lists the lines it changed', () => {
    const result = edit('[uwsgi]\nprocesses = 2\nx = 1\n', { processes: 4, threads: 2 });

    expect(result).toMatchObject({
      ok: true,
      changedLines: [
        { line: 2, before: 'processes = 2', after: 'processes = 4' },
        { line: 4, before: null, after: 'threads = 2' },
      ],
    });
  });

  test.each<[sentence: string, text: string, wanted: WantedValues, reason: RegExp]>([
    [
      'a value from the environment',
      '[uwsgi]\nprocesses = $(N)\n',
      { processes: 2 },
      /\$\(N\), an environment variable/,
    ],
    ['a value from a placeholder', '[uwsgi]\nn = 3\nprocesses = %(n)\n', { processes: 2 }, /%\(n\), a placeholder/],
    ['a value from a file', '[uwsgi]\nprocesses = @(/n)\n', { processes: 2 }, /a file or a program/],
    ['a value from the CPUs', '[uwsgi]\nprocesses = %k\n', { processes: 2 }, /magic variable/],
    ['a digit with magic behind it', '[uwsgi]\nprocesses = 1%k\n', { processes: 2 }, /magic variable/],
    ['a line in an if-block', '[uwsgi]\nif-env = A\nthreads=2\nendif\n', { threads: 3 }, /if-env at line 2 depends/],
    ['a line in a for block', '[uwsgi]\nfor = 1 2\nthreads = 2\nend\n', { threads: 3 }, /stands inside for of line 2/],
    ['a line before an include', '[uwsgi]\nthreads=2\ninclude = x.ini\n', { threads: 3 }, /^include at line 3/],
    ['a text that inherits', '[uwsgi]\ninherit = x.ini\nthreads=2\n', { threads: 3 }, /^inherit at line 2/],
    ['an absent option when an include may set it', '[uwsgi]\nini = x.ini\n', { threads: 3 }, /may set it/],
    [
      'a line that a block may override',
      '[uwsgi]\nthreads=2\nif-env=A\nthreads=2\nend\n',
      { threads: 3 },
      /another line/,
    ],
    ['a line that another option refers to', '[uwsgi]\nthreads=2\nlog=%(threads)\n', { threads: 3 }, /another option/],
    [
      'an absent option when a list forbids some',
      '[uwsgi]\nwhitelist = a\na = 1\n',
      { threads: 2 },
      /whitelist may forbid/,
    ],
    ['an odd key under strict', '[uwsgi]\nstrict = 1\nodd = 1\nthreads = 2\n', { threads: 3 }, /knows no option "odd"/],
    ['a section that is not there', '[app]\nthreads = 2\n', { threads: 3 }, /no option in section \[uwsgi\]/],
    ['a section spoiled by a note', '[uwsgi] ; c\nthreads = 2\n', { threads: 3 }, /no option in section \[uwsgi\]/],
    [
      'processes not above cheaper',
      '[uwsgi]\nprocesses=4\ncheaper=2\n',
      { processes: 2 },
      /cheaper is 2 and must be lower/,
    ],
    [
      'fewer processes when cheaper is not told',
      '[uwsgi]\nprocesses=4\ncheaper=$(C)\n',
      { processes: 3 },
      /not tell cheaper/,
    ],
    ['no process', '[uwsgi]\nprocesses=4\n', { processes: 0 }, /0 cannot be written as processes/],
    ['half a thread', '[uwsgi]\nthreads=4\n', { threads: 1.5 }, /1.5 cannot be written as threads/],
    ['a stack below 16 KiB', '[uwsgi]\na=1\n', { threadStackSize: kib(15) }, /15Ki cannot be written/],
    [
      'a stack that is not whole KiB',
      '[uwsgi]\na=1\n',
      { threadStackSize: bytes(100_000) },
      /100000 cannot be written/,
    ],
  ])('refuses %s', (_, text, wanted, reason) => {
    expect(reasonOf(edit(text, wanted))).toMatch(reason);
  });

  it('refuses with line, found and allowed', () => {
    const result = edit('[uwsgi]\nthreads = 2\nprocesses = $(N)\n', { processes: 2, threads: 0 });

    expect(result).toEqual({
      ok: false,
      refusals: [
        {
          option: 'processes',
          line: 3,
          found: '"$(N)"',
          allowed: 'a plain number outside of blocks',
          reason: 'line 3: processes comes from $(N), an environment variable of the pod',
        },
        {
          option: 'threads',
          line: 2,
          found: '0',
          allowed: 'a whole number from 1 to 2147483647',
          reason: '0 cannot be written as threads',
        },
      ],
    });
  });
});

describe('restoring', () => {
  const restore = (current: string, saved: string): EditResult => restoreValues(current, saved, OPTIONS);

  it('keeps what someone else changed since', () => {
    const saved = '[uwsgi]\nprocesses = 4\nharakiri = 30\n';
    const current = '[uwsgi]\n; tuned\nprocesses = 8\nharakiri = 60\nthreads = 20\n';

    expect(textOf(restore(current, saved))).toBe('[uwsgi]\n; tuned\nprocesses = 4\nharakiri = 60\n');
  });

  it('puts back what was written, not only its number', () => {
    expect(textOf(restore('[uwsgi]\nthreads = 4\n', '[uwsgi]\nthreads = "4"\n'))).toBe('[uwsgi]\nthreads = "4"\n');
    expect(textOf(restore('[uwsgi]\nthreads = 4\n', '[uwsgi]\nthreads\n'))).toBe('[uwsgi]\nthreads\n');
  });

  it('puts back a text on which uWSGI exits', () => {
    expect(textOf(restore('[uwsgi]\nprocesses=4\ncheaper=2\n', '[uwsgi]\nprocesses=2\ncheaper=2\n'))).toBe(
      '[uwsgi]\nprocesses=2\ncheaper=2\n',
    );
    expect(textOf(restore('[uwsgi]\nthreads=4\n', '[uwsgi]\nthreads=-1\n'))).toBe('[uwsgi]\nthreads=-1\n');
  });

  it('leaves alone what was not ours to set', () => {
    const saved = '[uwsgi]\nprocesses = $(N)\nthreads = 2\n';

    expect(textOf(restore('[uwsgi]\nprocesses = 9\nthreads = 4\n', saved))).toBe(
      '[uwsgi]\nprocesses = 9\nthreads = 2\n',
    );
  });

  it('changes nothing in a text that is back already', () => {
    const text = '[uwsgi]\nprocesses = 4\n';

    expect(restore(text, text)).toEqual({ ok: true, text, changedLines: [] });
  });

  test.each<[sentence: string, current: string, saved: string, reason: RegExp]>([
    ['the line was taken out', '[uwsgi]\na=1\n', '[uwsgi]\na=1\nthreads=2\n', /taken out since/],
    ['the value comes from a variable now', '[uwsgi]\nthreads=$(T)\n', '[uwsgi]\nthreads=2\n', /environment variable/],
    ['a second line of the option came', '[uwsgi]\nthreads=3\nthreads=4\n', '[uwsgi]\na=1\n', /another line/],
  ])('is refused when %s', (_, current, saved, reason) => {
    expect(reasonOf(restore(current, saved))).toMatch(reason);
  });
});

test('an edit that could not be taken back is refused', () => {
  const text = '[uwsgi]\nini = :other\n[other]\nnp=0\nif-opt = np';
  const result = editConfig(text, { format: 'Ini', section: 'uwsgi' }, { threadStackSize: kib(16) });
  expect(result).toMatchObject({ ok: false, refusals: [{ option: 'threadStackSize' }] });
});
