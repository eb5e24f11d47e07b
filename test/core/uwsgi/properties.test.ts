import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { kib } from '../../../src/core/quantity.ts';
import { analyse } from '../../../src/core/uwsgi/analysis.ts';
import { editConfig, restoreValues } from '../../../src/core/uwsgi/edit.ts';
import { splitIniLines } from '../../../src/core/uwsgi/ini-lines.ts';
import { readConfig, TUNED_OPTIONS } from '../../../src/core/uwsgi/reading.ts';

vi.setConfig({ testTimeout: 60_000 });

const OPTIONS = { format: 'Ini', section: 'uwsgi' } as const;

const key = fc.constantFrom(
  ...[
    'processes',
    'workers',
    'threads',
    'threads-stacksize',
    'thread-stack-size',
    'np',
    'cheaper',
    'threads_stacksize',
  ],
);
const value = fc.oneof(
  fc.nat({ max: 300 }).map(String),
  fc.constantFrom('4 ; four', '"4"', '', '%(np)', '%(np * 2)', '%k', '$(N)', '64k', 'auto', '4 50%%', '4%', 'x%(np)'),
);
const separator = fc.constantFrom('=', ' = ', '  =  ', '\t=', '= ');
const option = fc.tuple(fc.constantFrom('', ' '), key, separator, value).map((parts) => parts.join(''));
const line = fc.oneof(
  { weight: 6, arbitrary: option },
  { weight: 1, arbitrary: key },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...['', '; note', '# 50%', '; 50%%', '[uwsgi]', '[other]', '[uwsgi] ; c', 'if-env = X', 'endif', 'for = 1 2'],
      ...['if-opt = np', 'set = processes=3', 'set-ph = np=2', 'include = x.ini', 'ini = :other', 'strict', 'café = 1'],
    ),
  },
);
const config = fc
  .tuple(fc.array(line, { maxLength: 12 }), fc.constantFrom('\n', '\r\n'), fc.boolean())
  .map(([lines, eol, last]) => ['[uwsgi]', ...lines].join(eol) + (last ? eol : ''));
const wanted = fc.record(
  {
    processes: fc.integer({ min: 1, max: 64 }),
    threads: fc.integer({ min: 1, max: 500 }),
    threadStackSize: fc.integer({ min: 4, max: 2048 }).map((pages) => kib(pages * 4)),
  },
  { requiredKeys: [] },
);

describe('any text', () => {
  it('is its lines put together again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect([...splitIniLines(text)].map(({ start, next }) => text.slice(start, next)).join('')).toBe(text);
      }),
    );
  });

  it('is read without failing, and not read means a reason', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), config), (text) => {
        const reading = readConfig(text, OPTIONS);
        for (const id of TUNED_OPTIONS) expect(reading[id].value === null).toBe(reading[id].reason !== null);
      }),
    );
  });

  it('is edited or refused without failing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), wanted, (text, values) => {
        const result = editConfig(`[uwsgi]\n${text}`, OPTIONS, values);
        expect(result.ok || result.refusals.length > 0).toBe(true);
      }),
    );
  });
});

describe('an edit', () => {
  it('gives the wanted values, keeps every other option, and touches only lines of the three options', () => {
    fc.assert(
      fc.property(config, wanted, (text, values) => {
        const result = editConfig(text, OPTIONS, values);
        fc.pre(result.ok);
        const [before, after] = [readConfig(text, OPTIONS), readConfig(result.text, OPTIONS)];
        if (Object.keys(values).length > 0) expect(after.fault).toBeNull();
        for (const id of TUNED_OPTIONS) {
          const expected = values[id] ?? (before.fault === null ? before[id].value : after[id].value);
          expect(after[id].value).toBe(expected);
        }
        expect(others(result.text)).toEqual(others(text));
        for (const change of result.changedLines) expect(change.after ?? 'removed').toMatch(/process|workers|thread/);
        expect(result.text.includes('\ufeff')).toBe(false);
        expect(count(result.text, '%')).toBe(count(text, '%'));
      }),
      { numRuns: 2_000 },
    );
  });

  it('done twice is done once', () => {
    fc.assert(
      fc.property(config, wanted, (text, values) => {
        const result = editConfig(text, OPTIONS, values);
        fc.pre(result.ok);
        expect(editConfig(result.text, OPTIONS, values)).toEqual({ ok: true, text: result.text, changedLines: [] });
      }),
    );
  });

  it('can be put back to the last byte', () => {
    fc.assert(
      fc.property(config, wanted, (text, values) => {
        const result = editConfig(text, OPTIONS, values);
        fc.pre(result.ok);
        expect(restoreValues(result.text, text, OPTIONS)).toMatchObject({ ok: true, text });
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Every option of a text but the three, with its filled value, in order. */
function others(text: string): readonly string[] {
  const { options, values } = analyse(text, OPTIONS);
  return options.flatMap((entry, index) =>
    /^(?:processes|workers|threads?(?:-stack-?size)?|set)$/.test(entry.key)
      ? []
      : [`${entry.key}=${values[index] ?? ''}`],
  );
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}
