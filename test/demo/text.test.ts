import { describe, expect, it } from 'vitest';
import { COLOURS, indent, oneLine, paintFor, PLAIN, WIDTH, wrap } from '../../scripts/demo/text.ts';

describe('wrap', () => {
  it('breaks at blanks before column 81', () => {
    const lines = wrap('word '.repeat(40)).trimEnd().split('\n');

    expect(lines.every((line) => line.length <= WIDTH)).toBe(true);
    expect(lines[0]).toHaveLength(79);
  });

  it('indents the first line and the others differently', () => {
    expect(wrap(`${'a'.repeat(70)} ${'b'.repeat(20)}`, { first: '- ', rest: '  ' })).toBe(
      `- ${'a'.repeat(70)}\n  ${'b'.repeat(20)}\n`,
    );
  });

  it('leaves a word that is too long whole', () => {
    expect(wrap(`x ${'y'.repeat(90)} z`)).toBe(`x\n${'y'.repeat(90)}\nz\n`);
  });
});

describe('indent', () => {
  it('leaves empty lines empty', () => {
    expect(indent('a\n\nb', '    ')).toBe('    a\n\n    b');
  });
});

describe('oneLine', () => {
  it('cuts with three dots', () => {
    expect(oneLine('abcdefgh', 6)).toBe('abc...');
    expect(oneLine('abcdef', 6)).toBe('abcdef');
  });
});

describe('paintFor', () => {
  it('colours at a terminal only, and not with NO_COLOR', () => {
    expect(paintFor({ isTTY: true }, {})).toBe(COLOURS);
    expect(paintFor({ isTTY: true }, { NO_COLOR: '' })).toBe(COLOURS);
    expect(paintFor({ isTTY: true }, { NO_COLOR: '1' })).toBe(PLAIN);
    expect(paintFor({ isTTY: true }, { TERM: 'dumb' })).toBe(PLAIN);
    expect(paintFor({}, {})).toBe(PLAIN);
  });
});
