/**
 * uWSGI's own INI dialect (core/ini.c; uwsgi.md 2.5), lossless: a document is its raw text plus where things stand.
 * Comments only at the start of a line, no quotes, no continuation, no escapes; the first `=` splits.
 */
import { MAX_OPTIONS } from './dialect.ts';
import type { ConfigDocument, Directive, Fault, RawValue, SectionReading, Splice, ValuePlace } from './dialect.ts';
import { OUTSIDE } from './c-number.ts';
import { rawOffset, splitIniLines, type IniLine } from './ini-lines.ts';

/** Where a directive's parts stand in its line's content. */
interface IniDirective extends Directive {
  readonly source: IniLine;
  readonly keyStart: number;
  readonly keyEnd: number;
  /** Index of the `=`; null when the key stands alone. */
  readonly separator: number | null;
  readonly valueStart: number;
}

interface IniSection extends SectionReading {
  readonly directives: readonly IniDirective[];
  readonly header: IniLine | null;
}

/** Reads a text as INI. Never fails: every text is an INI file to uWSGI. */
export function readIni(text: string): ConfigDocument {
  const section = readSections(text);
  return {
    section,
    followsSections: true,
    replaceNumber: (place, value) => replaceToken(text, place, String(value)),
    copyValue: (place, from, source) => {
      const raw = from.rawValue(source);
      return raw.hasSeparator ? replaceToken(text, place, raw.token) : removeValue(place);
    },
    rawValue: (place) => rawValue(text, place),
    insert: (name, after, option) => insertLine(text, section(name), after, option),
    remove: (directive) => removeLine(text, asIni(directive).source),
  };
}

/** Only this module makes the directives of an INI document, so every one of them has its place. */
function asIni(directive: Directive): IniDirective {
  return directive as IniDirective;
}

/** A section while the text is read. */
interface OpenSection {
  readonly directives: IniDirective[];
  header: IniLine | null;
  unreadable: SectionReading['unreadable'];
}

/** Reads all sections at once: a text may ask for as many as it has lines (`ini = :other`). */
function readSections(text: string): (name: string) => IniSection {
  const sections = new Map<string, OpenSection>();
  const open = (name: string): OpenSection => {
    const known = sections.get(name);
    if (known !== undefined) return known;
    const fresh: OpenSection = { directives: [], header: null, unreadable: null };
    sections.set(name, fresh);
    return fresh;
  };
  // What tells sections apart and only the pod knows concerns them all.
  let everywhere: SectionReading['unreadable'] = null;
  let current = open('');
  for (const line of splitIniLines(text)) {
    const [start, end] = stripBlanks(line.content, 0, line.content.length);
    if (start === end) continue;
    const first = line.content[start];
    if (first === '[') {
      // The last character is dropped unseen: `[uwsgi] ; c` names the section "uwsgi] ; ".
      const name = line.content.slice(start + 1, Math.max(start + 1, end - 1));
      current = open(name);
      current.header ??= line;
      if (name.includes(OUTSIDE)) everywhere ??= podDecides(line, 'the name of the section');
    } else if (first === OUTSIDE) {
      everywhere ??= podDecides(line, 'the start of the line');
    } else if (first !== ';' && first !== '#' && current.directives.length <= MAX_OPTIONS) {
      const directive = readDirective(line, start, end);
      if (directive.key.includes(OUTSIDE)) {
        current.unreadable ??= podDecides(line, 'the name of the option');
      }
      current.directives.push(directive);
    }
  }
  return (name) => {
    const { directives, header, unreadable } = sections.get(name) ?? NO_SECTION;
    const first = everywhere !== null && everywhere.line < (unreadable?.line ?? Infinity) ? everywhere : unreadable;
    return { found: directives.length > 0, directives, header, unreadable: first, fatal: null };
  };
}

function podDecides({ number }: IniLine, what: string): Fault {
  return { line: number, reason: `${what} depends on the pod (magic variable)`, cause: 'MagicVariable' };
}

const NO_SECTION: OpenSection = { directives: [], header: null, unreadable: null };

function readDirective(line: IniLine, start: number, end: number): IniDirective {
  const equals = line.content.indexOf('=', start);
  const separator = equals === -1 || equals >= end ? null : equals;
  const [, keyEnd] = stripBlanks(line.content, start, separator ?? end);
  const [valueStart, valueEnd] = separator === null ? [end, end] : stripBlanks(line.content, separator + 1, end);
  return {
    key: line.content.slice(start, keyEnd),
    value: line.content.slice(valueStart, valueEnd),
    line: line.number,
    lock: null,
    source: line,
    keyStart: start,
    keyEnd,
    separator,
    valueStart,
  };
}

/** uWSGI's blanks are space, tab and carriage return. */
function stripBlanks(text: string, from: number, to: number): [start: number, end: number] {
  let start = from;
  let end = to;
  while (start < end && isBlank(text[start])) start++;
  while (end > start && isBlank(text[end - 1])) end--;
  return [start, end];
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\r';
}

/** The span of the raw text that holds the value's number, or the word that stands in its place (`auto`, `64k`). */
function tokenSpan(place: ValuePlace): { from: number; to: number } {
  const directive = asIni(place.directive);
  const value = directive.value.slice(place.index);
  // A number with what sticks to it; else everything (`"4"`), since nothing of it is a number.
  const token = /^[ \t\n\v\f\r]*(?<token>[+-]?[\w.]+)/.exec(value);
  const length = token === null ? value.length : token[0].length;
  const lead = token === null ? 0 : token[0].length - (token.groups?.['token'] ?? '').length;
  const first = directive.valueStart + place.index;
  if (length === 0) {
    const at = emptyValueOffset(directive, place.index);
    return { from: at, to: at };
  }
  const from = rawOffset(directive.source, first + lead);
  return { from, to: from + unbrokenLength(directive.source, first + lead, length - lead) };
}

/** How many of a piece's characters stand in the raw text without magic between them. */
function unbrokenLength(line: IniLine, index: number, length: number): number {
  const from = rawOffset(line, index);
  let count = 1;
  while (count < length && rawOffset(line, index + count) === from + count) count++;
  return count;
}

/** Where an empty value would stand: behind the `=` and its blanks; behind what stands before it inside a value. */
function emptyValueOffset({ source, separator, keyEnd, valueStart }: IniDirective, index: number): number {
  const last = index > 0 ? valueStart + index - 1 : (separator ?? keyEnd - 1);
  const blanks = index > 0 ? 0 : (/^[ \t]*/.exec(source.content.slice(last + 1))?.[0].length ?? 0);
  return rawOffset(source, last + blanks) + 1;
}

function rawValue(text: string, place: ValuePlace): RawValue {
  const { from, to } = tokenSpan(place);
  return { hasSeparator: asIni(place.directive).separator !== null, token: text.slice(from, to) };
}

function replaceToken(text: string, place: ValuePlace, token: string): Splice {
  const directive = asIni(place.directive);
  if (directive.separator === null) {
    const at = rawOffset(directive.source, directive.keyEnd - 1) + 1;
    return { from: at, to: at, insert: ` = ${token}` };
  }
  return { ...tokenSpan(place), insert: token };
}

/** Takes ` = value` away, so that the key stands alone. */
function removeValue(place: ValuePlace): Splice {
  const directive = asIni(place.directive);
  const from = rawOffset(directive.source, directive.keyEnd - 1) + 1;
  return { from, to: tokenSpan(place).to, insert: '' };
}

function insertLine(
  text: string,
  section: IniSection,
  after: Directive | null,
  option: { key: string; value: number },
): Splice | null {
  const anchor = after === null ? section.header : asIni(after).source;
  if (anchor === null) return null;
  // A last line that ends in a lone carriage return cannot be told from half a line ending afterwards.
  if (anchor.next === anchor.end && text[anchor.end - 1] === '\r') return null;
  const like = after === null ? section.directives[0] : asIni(after);
  const line = styledLine(like, option);
  const terminated = anchor.next > anchor.end;
  const eol = lineEnding(text, anchor);
  return terminated
    ? { from: anchor.next, to: anchor.next, insert: line + eol }
    : { from: anchor.end, to: anchor.end, insert: eol + line };
}

/** The new line with its neighbour's indentation and spacing round `=`; aligned columns stay aligned. */
function styledLine(like: IniDirective | undefined, option: { key: string; value: number }): string {
  if (like?.separator == null || like.source.offsets !== null) return `${option.key} = ${option.value}`;
  const { content } = like.source;
  const indent = content.slice(0, like.keyStart);
  const before = content.slice(like.keyEnd, like.separator);
  const after = like.value === '' ? before.slice(0, 1) : content.slice(like.separator + 1, like.valueStart);
  const aligned = /^ {2,}$/.test(before);
  const key = aligned ? option.key.padEnd(like.separator - like.keyStart - 1) + ' ' : option.key + before;
  return `${indent}${key}=${after}${option.value}`;
}

function lineEnding(text: string, anchor: IniLine): string {
  const lastByte = anchor.next > anchor.end ? anchor.end - 1 : text.lastIndexOf('\n') - 1;
  return lastByte >= 0 && text[lastByte] === '\r' ? '\r\n' : '\n';
}

function removeLine(text: string, line: IniLine): Splice {
  if (line.next > line.end || line.start === 0) return { from: line.start, to: line.next, insert: '' };
  // A last line without a newline: the newline before it goes, so that the text ends as it did before the line came.
  const from = text.slice(line.start - 2, line.start) === '\r\n' ? line.start - 2 : line.start - 1;
  return { from, to: line.next, insert: '' };
}
