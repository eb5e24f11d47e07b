import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePagemap } from '../../../src/core/memory/parse-pagemap.ts';
import { kib } from '../../../src/core/quantity.ts';

/** Top bytes of entries as the kernel sets them: guard markers carry the swap bit too, present pages the bit "exclusive". */
const BYTES: Readonly<Record<string, number>> = { G: 0x44, '.': 0, t: 0x81, s: 0x40 };

function entries(drawing: string): Uint8Array {
  const pages = drawing.match(/[G.ts]/g) ?? [];
  return Uint8Array.from(pages.flatMap((page) => [0xff, 0x0a, 0x40, 0, 0, 0, 0, BYTES[page] ?? 0]));
}

describe('the page map of a row of merged stacks', () => {
  it('tells each stack with its depth, lowest first', () => {
    const stacks = parsePagemap(0x10000, entries('G....ttt|G.......|G..t.s.t'), kib(4));
    expect(
      stacks?.map(({ size, resident, swapped, touched }) =>
        [size, resident, swapped, touched].map((b) => (b ?? 0) / 1024),
      ),
    ).toEqual([
      [28, 12, 0, 12],
      [28, 0, 0, 0],
      [28, 8, 4, 20],
    ]);
    expect(stacks?.map((stack) => stack.start)).toEqual([0x11000, 0x19000, 0x21000]);
  });

  it('counts in pages of any size, and takes a guard of several pages for one', () => {
    expect(parsePagemap(0, entries('GG..t'), kib(64))).toMatchObject([{ size: kib(192), touched: kib(64) }]);
  });

  it.each([
    ['nothing', ''],
    ['no guard at its start', '..tG..t'],
    ['a guard with nothing above', 'G..tG'],
  ])('does not guess at %s', (_, drawing) => {
    expect(parsePagemap(0, entries(drawing), kib(4))).toBeNull();
  });

  it('reads back any drawing', () => {
    const stack = fc.array(fc.constantFrom('.', 't', 's'), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.array(stack, { minLength: 1, maxLength: 6 }), (drawn) => {
        const stacks = parsePagemap(0, entries(drawn.map((pages) => `G${pages.join('')}`).join('')), kib(4));
        expect(stacks?.map(({ size }) => size / 4096)).toEqual(drawn.map((pages) => pages.length));
        const depth = (pages: string[]): number => pages.length - pages.findIndex((page) => page !== '.');
        const depths = drawn.map((pages) => (pages.every((page) => page === '.') ? 0 : depth(pages)));
        expect(stacks?.map(({ touched }) => (touched ?? -1) / 4096)).toEqual(depths);
      }),
    );
  });
});
