import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stacksOf, type RowPages, type StackExtent } from '../../../src/core/memory/parse-pagemap.ts';
import { kib, type Bytes } from '../../../src/core/quantity.ts';

/** Top bytes of entries as the kernel sets them: guard markers carry the swap bit too, present pages the bit "exclusive". */
const BYTES: Readonly<Record<string, number>> = { G: 0x44, '.': 0, t: 0x81, s: 0x40 };
/** Categories as the kernel sets them, which ends a region where they change. */
const CATEGORIES: Readonly<Record<string, number>> = { G: 0x110, t: 0x8, s: 0x10 };

function entries(pages: readonly string[]): RowPages {
  const body = Uint8Array.from(pages.flatMap((page) => [0xff, 0x0a, 0x40, 0, 0, 0, 0, BYTES[page] ?? 0]));
  return { form: 'entries', body };
}

function regions(pages: readonly string[], start: number, pageSize: Bytes): RowPages {
  const words: bigint[] = [];
  for (const [index, page] of pages.entries()) {
    const categories = BigInt(CATEGORIES[page] ?? 0);
    const at = BigInt(start + index * pageSize);
    const end = at + BigInt(pageSize);
    if (categories === 0n) continue;
    if (words.at(-2) === at && words.at(-1) === categories) words[words.length - 2] = end;
    else words.push(at, end, categories);
  }
  return { form: 'regions', body: new Uint8Array(BigUint64Array.from(words).buffer) };
}

describe.each(['entries', 'regions'] as const)('the page map of a row of merged stacks, as %s', (form) => {
  function stacks(drawing: string, start = 0, pageSize = kib(4)): StackExtent[] | null {
    const pages: string[] = drawing.match(/[G.ts]/g) ?? [];
    const row = { start, end: start + pages.length * pageSize };
    return stacksOf(row, form === 'entries' ? entries(pages) : regions(pages, start, pageSize), pageSize);
  }

  it('tells each stack with its depth, lowest first', () => {
    const found = stacks('G....ttt|G.......|G..t.s.t', 0x10000);
    expect(
      found?.map(({ size, resident, swapped, touched }) =>
        [size, resident, swapped, touched].map((b) => (b ?? 0) / 1024),
      ),
    ).toEqual([
      [28, 12, 0, 12],
      [28, 0, 0, 0],
      [28, 8, 4, 20],
    ]);
    expect(found?.map((stack) => stack.start)).toEqual([0x11000, 0x19000, 0x21000]);
  });

  it('counts in pages of any size, and takes a guard of several pages for one', () => {
    expect(stacks('GG..t', 0, kib(64))).toMatchObject([{ size: kib(192), touched: kib(64) }]);
  });

  it.each([
    ['nothing', ''],
    ['no guard at its start', '..tG..t'],
    ['an untouched page at its start', '.G..t'],
    ['a guard with nothing above', 'G..tG'],
    ['a row without a guard', 'tt.s'],
  ])('does not guess at %s', (_, drawing) => {
    expect(stacks(drawing)).toBeNull();
  });

  it('reads back any drawing', () => {
    const stack = fc.array(fc.constantFrom('.', 't', 's'), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.array(stack, { minLength: 1, maxLength: 6 }), (drawn) => {
        const found = stacks(drawn.map((pages) => `G${pages.join('')}`).join(''));
        expect(found?.map(({ size }) => size / 4096)).toEqual(drawn.map((pages) => pages.length));
        const depth = (pages: string[]): number => pages.length - pages.findIndex((page) => page !== '.');
        const depths = drawn.map((pages) => (pages.every((page) => page === '.') ? 0 : depth(pages)));
        expect(found?.map(({ touched }) => (touched ?? -1) / 4096)).toEqual(depths);
        const count = (pages: string[], kind: string): number => pages.filter((page) => page === kind).length;
        expect(found?.map(({ resident }) => (resident ?? -1) / 4096)).toEqual(drawn.map((pages) => count(pages, 't')));
        expect(found?.map(({ swapped }) => (swapped ?? -1) / 4096)).toEqual(drawn.map((pages) => count(pages, 's')));
      }),
    );
  });
});

describe('a page map that is not of its row', () => {
  const row = { start: 0x10000, end: 0x14000 };
  const pages = ['G', '.', 't', 't'];

  it.each([
    ['entries for fewer pages', entries(pages.slice(1))],
    ['entries that are cut', { form: 'entries', body: entries(pages).body.subarray(0, 31) }],
    ['regions that are cut', { form: 'regions', body: regions(pages, row.start, kib(4)).body.subarray(0, 40) }],
    ['regions that begin below', regions(pages, 0xf000, kib(4))],
    ['regions that end above', regions([...pages, 't'], row.start, kib(4))],
    ['regions of another kind', { form: 'regions', body: new Uint8Array(24) }],
  ] as const)('is no evidence: %s', (_, body) => {
    expect(stacksOf(row, body, kib(4))).toBeNull();
  });

  it('never throws, whatever its bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 96 }), fc.constantFrom('entries', 'regions'), (body, form) => {
        const found = stacksOf(row, { form, body }, kib(4));
        expect((found ?? []).every(({ size }) => size > 0 && size <= row.end - row.start)).toBe(true);
      }),
    );
  });
});
