/**
 * Text of an INI file to the lines that uWSGI sees. Before it splits lines, uWSGI replaces `%c` pairs in the raw bytes,
 * comments included (uwsgi core/utils.c magic_sub, core/uwsgi.c config_magic_table_fill): `%%` is `%`, `%(` stays, some
 * letters are facts of the pod, and every other pair is deleted, even `%` and a newline, which joins two lines.
 */
import { magicPair } from './magic.ts';

/** One line as uWSGI sees it, with where it stands in the raw text. */
export interface IniLine {
  /** Line of the raw text it begins in, counted from 1. */
  readonly number: number;
  readonly start: number;
  /** Offset after its last character, before the newline. */
  readonly end: number;
  /** Offset after its newline; the same as `end` for a last line without one. */
  readonly next: number;
  /** What is left after magic, without the newline. */
  readonly content: string;
  /** Raw offset of each character of `content`; null when the line has no `%`, so the two run alike. */
  readonly offsets: readonly number[] | null;
}

/** Splits a text into lines, one at a time. Joining `text.slice(start, next)` of all lines gives back the text. */
export function* splitIniLines(text: string): Generator<IniLine> {
  let start = 0;
  let number = 1;
  let percent = text.indexOf('%');
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    if (percent !== -1 && percent < start) percent = text.indexOf('%', start);
    if (percent === -1 || percent >= end) {
      const next = newline === -1 ? end : end + 1;
      yield { number, start, end, next, content: cString(text.slice(start, end)), offsets: null };
      start = next;
      number++;
    } else {
      const { line, newlines } = readMagicLine(text, start, number);
      yield line;
      start = line.next;
      number += newlines;
    }
  }
}

/** Where the character at an index of a line's content stands in the raw text; the line's end past the last one. */
export function rawOffset(line: IniLine, index: number): number {
  if (line.offsets === null) return Math.min(line.start + index, line.end);
  return line.offsets[index] ?? line.end;
}

function readMagicLine(text: string, start: number, number: number): { line: IniLine; newlines: number } {
  const parts: string[] = [];
  const offsets: number[] = [];
  let newlines = 1;
  let at = start;
  const keep = (piece: string): void => {
    for (const character of piece) {
      parts.push(character);
      offsets.push(at);
    }
  };
  while (at < text.length && text[at] !== '\n') {
    if (text[at] !== '%') {
      keep(text.charAt(at));
      at++;
      continue;
    }
    if (text[at + 1] === '(') {
      keep('%');
      at++;
      keep('(');
      at++;
      continue;
    }
    if (text[at + 1] === '\n') newlines++;
    keep(magicPair(text[at + 1]));
    at += 2;
  }
  const end = Math.min(at, text.length);
  const next = end < text.length ? end + 1 : end;
  const content = cString(parts.join(''));
  return { line: { number, start, end, next, content, offsets: offsets.slice(0, content.length) }, newlines };
}

/** uWSGI's lines are C strings: they end at a NUL. */
function cString(line: string): string {
  const end = line.indexOf('\0');
  return end === -1 ? line : line.slice(0, end);
}
