/** Plain text for a terminal of 80 columns. */

export const WIDTH = 80;

/** Marks text where the terminal shows it; the plain form leaves it as it is. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
}

function same(text: string): string {
  return text;
}

export const PLAIN: Paint = { bold: same, dim: same, good: same, bad: same, warn: same };

function ansi(code: number): (text: string) => string {
  return (text) => `\x1b[${code}m${text}\x1b[0m`;
}

export const COLOURS: Paint = { bold: ansi(1), dim: ansi(2), good: ansi(32), bad: ansi(31), warn: ansi(33) };

/** Colour only for a person at a terminal who did not ask for none (no-color.org). */
export function paintFor(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Paint {
  const refused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return stream.isTTY === true && !refused ? COLOURS : PLAIN;
}

export interface Indent {
  /** Before the first line. */
  readonly first?: string;
  /** Before each further line. */
  readonly rest?: string;
}

/** Breaks a paragraph at blanks; a longer word has a line of its own. Each line ends with a line break. */
export function wrap(text: string, { first = '', rest = first }: Indent = {}): string {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const added = empty ? line + word : `${line} ${word}`;
    if (!empty && added.length > WIDTH) {
      lines.push(line);
      line = rest + word;
    } else {
      line = added;
    }
    empty = false;
  }
  return [...lines, line].map((each) => `${each.trimEnd()}\n`).join('');
}

/** A list item. */
export function item(text: string, mark = '-'): string {
  return wrap(text, { first: `  ${mark} `, rest: ' '.repeat(3 + mark.length) });
}

/** Each line of a block two columns to the right. */
export function indent(block: string, by = '  '): string {
  return block.replace(/^(?=.)/gm, by);
}

/** A text cut to one line of the terminal. */
export function oneLine(text: string, width = WIDTH): string {
  return text.length <= width ? text : `${text.slice(0, width - 3)}...`;
}
