/**
 * What uWSGI does to the bytes of every config file before it looks at them (core/utils.c magic_sub, core/uwsgi.c
 * config_magic_table_fill): `%%` is `%`, `%(` stays, some letters are facts of the pod, and every other pair of `%` and
 * a character is deleted, whatever the character is.
 */
import { OUTSIDE } from './c-number.ts';

/** Letters whose text only the pod knows: paths, host, time, users, CPUs, version. */
const POD_LETTERS = new Set('bpjisdcenxoODSPCENXIJvhtTVkuUgG0123456789');

/** What uWSGI puts in the place of `%` and a character; `undefined` stands for the end of the file. */
export function magicPair(character: string | undefined): string {
  // A `%` as the file's last byte makes uWSGI read beyond its buffer.
  if (character === undefined) return OUTSIDE;
  if (character === '%') return '%';
  if (character === '(') return '%(';
  if (character === '[') return '\u001b';
  if (POD_LETTERS.has(character)) return OUTSIDE;
  // Only the first byte of a character beyond ASCII is deleted; some junk stays.
  return character.charCodeAt(0) > 0x7f ? '\ufffd' : '';
}

/** A text after magic, with the way back to the raw text. */
export interface MagicText {
  readonly text: string;
  /** Offset in the raw text of the character at an index of `text`; its length past the last one. */
  readonly rawOffset: (index: number) => number;
  /** Line of the raw text that holds the character at an index of `text`, counted from 1. */
  readonly rawLine: (index: number) => number;
}

/** Applies magic to a whole text. */
export function applyMagic(raw: string): MagicText {
  const lineAt = lineFinder(raw);
  if (!raw.includes('%')) return { text: raw, rawOffset: (index) => Math.min(index, raw.length), rawLine: lineAt };
  const parts: string[] = [];
  // No pair becomes longer than itself.
  const offsets = new Uint32Array(raw.length);
  let length = 0;
  let at = 0;
  while (at < raw.length) {
    const percent = raw.indexOf('%', at);
    const end = percent === -1 ? raw.length : percent;
    parts.push(raw.slice(at, end));
    while (at < end) offsets[length++] = at++;
    if (percent === -1) break;
    const made = magicPair(raw[percent + 1]);
    parts.push(made);
    for (let index = 0; index < made.length; index++) offsets[length++] = percent + index;
    at = percent + 2;
  }
  const total = length;
  const rawOffset = (index: number): number => (index < total ? (offsets[index] ?? raw.length) : raw.length);
  return { text: parts.join(''), rawOffset, rawLine: (index) => lineAt(rawOffset(index)) };
}

/** Finds the line of an offset. Askers mostly go forward, so the search goes on from the last answer. */
function lineFinder(raw: string): (offset: number) => number {
  let line = 1;
  let start = 0;
  let newline = raw.indexOf('\n');
  return (offset) => {
    if (offset < start) {
      line = 1;
      start = 0;
      newline = raw.indexOf('\n');
    }
    while (newline !== -1 && newline < offset) {
      line++;
      start = newline + 1;
      newline = raw.indexOf('\n', start);
    }
    return line;
  };
}
