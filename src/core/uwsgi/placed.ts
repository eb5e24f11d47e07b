/**
 * A document whose directives know where their values stand in the raw text: what the dialects but INI have in common.
 */
import type { ConfigDocument, Directive, RawValue, SectionReading, Splice, ValuePlace } from './dialect.ts';

/** A piece of the raw text. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A directive and its places in the raw text. */
export interface PlacedDirective extends Directive {
  /** The value as written, with its quotes. */
  readonly span: Span;
  /** Where the value's first character stands; the rest follows as it is, unless the directive is locked. */
  readonly inner: number;
  /** What goes when the directive is taken out. */
  readonly whole: Span;
}

export interface PlacedSection extends SectionReading {
  readonly directives: readonly PlacedDirective[];
}

/** What a dialect gives to make its document. */
export interface PlacedText {
  readonly text: string;
  readonly section: (name: string) => PlacedSection;
  readonly insert: (
    section: PlacedSection,
    after: PlacedDirective | null,
    option: { readonly key: string; readonly value: number },
  ) => Splice | null;
}

/** The document of a text with placed directives. */
export function placedDocument({ text, section: read, insert }: PlacedText): ConfigDocument {
  const sections = new Map<string, PlacedSection>();
  const section = (name: string): PlacedSection => {
    const reading = sections.get(name) ?? read(name);
    sections.set(name, reading);
    return reading;
  };
  return {
    section,
    followsSections: false,
    replaceNumber: (place, value) => ({ ...tokenSpan(place), insert: String(value) }),
    copyValue: (place, from, source) => ({ ...tokenSpan(place), insert: from.rawValue(source).token }),
    rawValue: (place) => rawValue(text, place),
    insert: (name, after, option) => insert(section(name), after === null ? null : asPlaced(after), option),
    remove: (directive) => ({ ...asPlaced(directive).whole, insert: '' }),
  };
}

/** Only the dialects that use this module make the directives of their documents. */
function asPlaced(directive: Directive): PlacedDirective {
  return directive as PlacedDirective;
}

/** A value in quotes is replaced with them; of another one the number at its start, or the words in its place. */
function tokenSpan({ directive, index }: ValuePlace): Span {
  const { span, inner, value } = asPlaced(directive);
  if (index === 0 && inner !== span.from) return span;
  const rest = value.slice(index);
  const blanks = /^[ \t\n\v\f\r]*/.exec(rest)?.[0].length ?? 0;
  const token = /^[+-]?[\w.]+/.exec(rest.slice(blanks))?.[0] ?? rest.slice(blanks).trimEnd();
  const from = inner + index + blanks;
  return { from, to: from + token.length };
}

function rawValue(text: string, place: ValuePlace): RawValue {
  const { from, to } = tokenSpan(place);
  return { hasSeparator: true, token: text.slice(from, to) };
}

/** A line of the raw text: `next` is behind its line break, the same as `end` where it has none. */
export interface RawLine {
  readonly start: number;
  readonly end: number;
  readonly next: number;
}

/** The line that holds an offset; a carriage return before the line feed is part of the break. */
export function rawLineAt(text: string, offset: number): RawLine {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const newline = text.indexOf('\n', offset);
  if (newline === -1) return { start, end: text.length, next: text.length };
  return { start, end: text[newline - 1] === '\r' && newline > start ? newline - 1 : newline, next: newline + 1 };
}

/** Puts a new line behind another. */
export function insertLineAfter(text: string, line: RawLine, content: string): Splice | null {
  if (line.next > line.end) {
    return { from: line.next, to: line.next, insert: content + text.slice(line.end, line.next) };
  }
  // A last line that ends in a lone carriage return cannot be told from half a line ending afterwards.
  if (text[line.end - 1] === '\r') return null;
  const before = text.slice(line.start - 2, line.start);
  return { from: line.end, to: line.end, insert: (before === '\r\n' ? '\r\n' : '\n') + content };
}

/** Takes a line out; of a last line without a break, the break before it. */
export function wholeLine(text: string, { start, end, next }: RawLine): Span {
  if (next > end || start === 0) return { from: start, to: next };
  return { from: text.slice(start - 2, start) === '\r\n' ? start - 2 : start - 1, to: next };
}
