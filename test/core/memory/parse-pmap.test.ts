import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isParseError } from '../../../src/core/memory/mapping.ts';
import { parsePmap } from '../../../src/core/memory/parse-pmap.ts';
import { sumBytes } from '../../../src/core/quantity.ts';
import { unzipped } from './captures.ts';

const FORMS = ['', '-x', '-X', '-XX'] as const;

function pmapText(form: string): string {
  return new TextDecoder().decode(unzipped(`pmap/2x8-256k-others.pmap${form}.gz`));
}

const plain = pmapText('');

describe('the pmap parser', () => {
  it.each(FORMS)('reads five processes of pmap %s', (form) => {
    const processes = parsePmap(pmapText(form));
    if (isParseError(processes)) throw new Error(processes.found);
    expect(processes.map((process) => process.form)).toEqual(Array(5).fill(form === '' ? 'pmap' : `pmap ${form}`));
    const sizes = processes.map(({ mappings }) => sumBytes(mappings.map((mapping) => mapping.size)) / 1024);
    expect(sizes).toEqual([68188, 282364, 875048, 875048, 282260]);
  });

  it('tells rows alike in every form', () => {
    const rows = FORMS.map((form) => {
      const processes = parsePmap(pmapText(form));
      if (isParseError(processes)) throw new Error(processes.found);
      return processes[2]?.mappings.map(({ start, size, permissions }) => ({ start, size, permissions }));
    });
    expect(rows[1]).toEqual(rows[0]);
    expect(rows[2]).toEqual(rows[0]);
    expect(rows[3]).toEqual(rows[0]);
  });

  it('leaves null what a form does not tell', () => {
    const first = (form: string): unknown => {
      const processes = parsePmap(pmapText(form));
      return isParseError(processes) ? processes : processes[0]?.mappings[0];
    };
    expect(first('')).toMatchObject({ rss: null, pss: null, name: 'uwsgi-core', permissions: 'r--p' });
    expect(first('-x')).toMatchObject({ rss: 168 * 1024, pss: null, swap: null });
    expect(first('-X')).toMatchObject({
      rss: 168 * 1024,
      swap: 0,
      privateDirty: null,
      anonHugePages: null,
      flags: null,
    });
    expect(first('-XX')).toMatchObject({ privateDirty: 0, anonHugePages: 0, flags: ' rd mr mw me ' });
  });

  it.each([
    ['nothing', '', { code: 'Empty' }],
    ['CR LF', plain.replaceAll('\n', '\r\n'), { code: 'BadLine', line: 2, found: 'a line that ends in CR LF' }],
    ['no process line', plain.slice(plain.indexOf('\n') + 1), { code: 'BadLine', line: 1 }],
    ['a missing row', plain.replace(/\n.*r-x-- uwsgi-core/, ''), { code: 'BadLine', line: 176 }],
    ['a cut before the total', plain.slice(0, plain.lastIndexOf(' total')), { code: 'CutShort' }],
    ['a cut between processes', plain.slice(0, plain.indexOf(' total')), { code: 'CutShort', line: 2 }],
    [
      'pmap -d',
      '1:   a\nAddress           Kbytes Mode  Offset           Device    Mapping\n',
      { code: 'BadLine', line: 2 },
    ],
    ['binary', `1: \u0000\n${'\u0001'.repeat(1000)}`, { code: 'BadLine', line: 2 }],
  ])('refuses %s with one error', (_, content, expected) => {
    expect(parsePmap(content)).toMatchObject(expected);
  });

  it('never shows more than a short, escaped part of a line', () => {
    const error = parsePmap(`1: x\n${'\u001b[31m'.repeat(1000)}\n`);
    expect(isParseError(error) ? error.found : '').toMatch(/^"[\x20-\x7e…]{1,360}"$/);
  });

  it('never throws, wherever it is cut and whatever is changed', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FORMS), fc.nat(20_000), fc.string({ maxLength: 3 }), (form, at, patch) => {
        const content = pmapText(form);
        const result = parsePmap(content.slice(0, at) + patch);
        // A cut right behind a total leaves whole processes, and fewer of them.
        expect(isParseError(result) || result.length < 5).toBe(true);
      }),
    );
  });
});
