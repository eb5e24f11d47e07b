import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isParseError, splitProcesses } from '../../../src/core/memory/mapping.ts';
import { parseSmaps, parseSparseSmaps } from '../../../src/core/memory/parse-smaps.ts';
import { sumBytes } from '../../../src/core/quantity.ts';
import { unzipped } from './captures.ts';

const encoder = new TextEncoder();
const FILE = 'linux7.2-glibc2.43-py3.14/1x60-8m/558.smaps.gz';
const text = new TextDecoder('latin1').decode(unzipped(FILE));

function parse(content: string): ReturnType<typeof parseSmaps> {
  return parseSmaps(encoder.encode(content));
}

/** The same sums with nothing but regular expressions. */
function plainSum(content: string, field: string): number {
  return [...content.matchAll(new RegExp(`^${field}: +(\\d+) kB$`, 'gm'))].reduce((sum, m) => sum + Number(m[1]), 0);
}

describe('the smaps parser', () => {
  it('reads every row and field as a plain reading does', () => {
    const mappings = parse(text);
    if (isParseError(mappings)) throw new Error(mappings.found);
    expect(mappings).toHaveLength(175);
    for (const [field, key] of [
      ['Size', 'size'],
      ['Rss', 'rss'],
      ['Pss', 'pss'],
      ['Pss_Dirty', 'pssDirty'],
      ['Private_Dirty', 'privateDirty'],
      ['Shared_Clean', 'sharedClean'],
      ['Anonymous', 'anonymous'],
      ['Swap', 'swap'],
    ] as const) {
      expect(sumBytes(mappings.flatMap((mapping) => mapping[key] ?? [])) / 1024).toBe(plainSum(text, field));
    }
    expect(mappings[8]).toMatchObject({
      start: 0x7f96e07e9000,
      end: 0x7f96ec000000,
      size: 188508 * 1024,
      permissions: 'rw-p',
      name: '',
      rss: 764 * 1024,
      flags: ' rd wr mr mw me gu ac sd nh ',
    });
    expect(mappings[0]?.name).toBe('/usr/bin/uwsgi-core');
  });

  it('reads names with blanks and of deleted files', () => {
    const renamed = text.replace('/usr/bin/uwsgi-core\n', '/srv/my app/lib (1).so (deleted)\n');
    expect(parse(renamed)).toMatchObject([
      { name: '/srv/my app/lib (1).so (deleted)' },
      ...Array<object>(174).fill({}),
    ]);
  });

  it('reads rows whose fields stand elsewhere: wider numbers, fields that are new, fields that are missing', () => {
    const wide = text.replaceAll(/^Rss: .*$/gm, (line) => line.replace(' ', '    ')).replaceAll(/^KSM:.*\n/gm, '');
    const added = wide.replaceAll(/^Locked:/gm, 'Brand_New:  some words\nLocked:');
    expect(parse(added)).toEqual(parse(text));
    const old = text.replaceAll(/^(Pss_Dirty|VmFlags|THPeligible):.*\n/gm, '');
    expect(parse(old)).toMatchObject([{ pssDirty: null, flags: null }, ...Array<object>(174).fill({})]);
  });

  it('keeps the topmost address exact', () => {
    const row = text.slice(0, text.indexOf('VmFlags'));
    const top = row.replace(/^\S+/, 'ffffffffff600000-ffffffffff62a000');
    expect(parse(top)).toMatchObject([{ start: 0xffffffffff600000, size: 168 * 1024 }]);
  });

  it('splits processes where the addresses fall', () => {
    const mappings = parse(text + text + text);
    expect(isParseError(mappings) ? [] : splitProcesses(mappings).map((rows) => rows.length)).toEqual([175, 175, 175]);
  });
});

describe('sparse smaps text', () => {
  const sparse = (content: string): string => content.replaceAll(/^[A-Z]\w+: +0 kB\n/gm, '');
  const read = (content: string): ReturnType<typeof parseSmaps> => parseSparseSmaps(encoder.encode(content));

  it.each([
    ['linux7.2-glibc2.43-py3.14/1x60-8m/558', 175],
    ['linux6.1-glibc2.36-py3.11-thp-always/2x40-8188k/104', 272],
    ['linux6.1-glibc2.36-py3.11-thp-always/2x40-8188k/98', 162],
  ])('of %s says the same as the whole text', (name, rows) => {
    const whole = new TextDecoder('latin1').decode(unzipped(`${name}.smaps.gz`));
    expect(read(sparse(whole))).toEqual(parse(whole));
    expect(read(whole)).toEqual(parse(whole));
    expect(parse(whole)).toHaveLength(rows);
  });

  it('tells no Pss_Dirty where no row does', () => {
    const old = text.replaceAll(/^Pss_Dirty:.*\n/gm, '');
    expect(read(sparse(old))).toEqual(parse(old));
  });

  it('skips fields that are new, and reads wider numbers', () => {
    const wide = text.replaceAll(/^Rss: .*$/gm, (line) => line.replace(' ', '    '));
    expect(read(sparse(wide.replaceAll(/^Locked:/gm, 'Brand_New:  some words\nLocked:')))).toEqual(parse(text));
  });

  it.each([
    ['CR LF', text.replaceAll('\n', '\r\n'), { code: 'BadLine', line: 1, found: 'a line that ends in CR LF' }],
    ['a row without its first line', text.replace(/^.*lib.*\n/m, ''), { code: 'BadLine' }],
    ['a row whose Size is another', text.replace('168 kB', '169 kB'), { code: 'BadLine', line: 1 }],
    ['a row without its Size', text.replace(/^Size:.*\n/m, ''), { code: 'BadLine', line: 1 }],
    ['a field without its unit', text.replace(/^Rss: +168 kB/m, 'Rss:   168 MB'), { code: 'BadLine' }],
    ['a field without a colon', text.replace(/^Rss: +168 kB/m, 'Rss    168 kB'), { code: 'BadLine' }],
    ['a cut in a number', text.slice(0, text.lastIndexOf(' kB')), { code: 'CutShort' }],
    ['a cut in a name', text.slice(0, text.lastIndexOf('eligible')), { code: 'CutShort' }],
    ['a cut before the flags', text.slice(0, text.lastIndexOf('VmFlags')), { code: 'CutShort' }],
  ])('with %s is refused', (_, content, expected) => {
    expect(read(sparse(content))).toMatchObject(expected);
  });

  it('never throws, whatever byte is changed or where it is cut', () => {
    const short = encoder.encode(sparse(text).slice(0, 4000));
    fc.assert(
      fc.property(fc.nat(3999), fc.nat(255), fc.nat(4000), (at, byte, length) => {
        const damaged = Uint8Array.from(short);
        damaged[at] = byte;
        const result = parseSparseSmaps(damaged.subarray(0, length));
        if (isParseError(result)) expect(result.found.length).toBeLessThan(200);
        else expect(result.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('bad smaps text gives one error that names the line', () => {
  it.each([
    ['nothing', '', { code: 'Empty', line: null }],
    ['CR LF', text.replaceAll('\n', '\r\n'), { code: 'BadLine', line: 1, found: 'a line that ends in CR LF' }],
    ['another text', 'total 12\n', { code: 'BadLine', line: 1, found: '"total 12"' }],
    ['a row whose Size is another', text.replace('168 kB', '169 kB'), { code: 'BadLine', line: 1 }],
    [
      'a field without its unit',
      text.replace(/^Rss: +168 kB/m, 'Rss:                 168 MB'),
      { code: 'BadLine', line: 5 },
    ],
    ['a number beyond any memory', text.replace(/^Rss: +168 kB/m, 'Rss: 99999999999999999999 kB'), { line: 5 }],
    ['a row with fields left out', text.replace(/^Swap: .*\n/m, ''), { code: 'BadLine' }],
    ['a cut in a header', text.slice(0, text.indexOf('uwsgi-core', 700)), { code: 'CutShort', line: 27 }],
    ['a cut in a row', text.slice(0, text.lastIndexOf('Swap:')), { code: 'CutShort' }],
    ['a cut in a number', text.slice(0, text.lastIndexOf(' kB')), { code: 'CutShort' }],
    ['a cut in the flags', text.slice(0, -4), { code: 'CutShort' }],
    ['a cut of the last line end', text.slice(0, -1), { code: 'CutShort' }],
  ])('%s', (_, content, expected) => {
    expect(parse(content)).toMatchObject(expected);
  });

  it('10 MB of one line, and binary', () => {
    expect(parse('7'.repeat(10_000_000))).toMatchObject({ code: 'BadLine', line: 1 });
    expect(parseSmaps(new Uint8Array(10_000_000))).toMatchObject({ code: 'BadLine', line: 1 });
  });

  it('10 MB of rows is read', () => {
    const mappings = parse(text.repeat(75));
    expect(isParseError(mappings) ? 0 : mappings.length).toBe(175 * 75);
  });

  it('never throws, whatever byte is changed or where it is cut', () => {
    const short = encoder.encode(text.slice(0, 4000));
    fc.assert(
      fc.property(fc.nat(3999), fc.nat(255), fc.nat(4000), (at, byte, length) => {
        const damaged = Uint8Array.from(short);
        damaged[at] = byte;
        const result = parseSmaps(damaged.subarray(0, length));
        if (isParseError(result)) expect(result.found.length).toBeLessThan(200);
        else expect(result.length).toBeGreaterThan(0);
      }),
    );
  });
});
