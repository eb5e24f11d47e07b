/** The scalars of YAML that are read here: on one line, plain or in quotes. */

/** A scalar and where it stands in its line. */
export interface Scalar {
  readonly value: string;
  /** As written, with its quotes. */
  readonly from: number;
  readonly to: number;
  /** Where the value's first character stands. */
  readonly inner: number;
  /** False when escapes stand in it. */
  readonly isVerbatim: boolean;
}

/** Characters that begin something else than a plain scalar; `-`, `?` and `:` may begin one that goes on. */
const INDICATORS = /^[,[\]{}#&*!|>'"%@`]/;

/** The scalar of a line from an index on, with nothing but a comment behind it; null when it is none of ours. */
export function readScalar(line: string, index: number): Scalar | null {
  const from = skipBlanks(line, index);
  const quote = line[from];
  if (quote === '"' || quote === "'") {
    const scalar = readQuoted(line, from, quote);
    return scalar !== null && isEnd(line, scalar.to) ? scalar : null;
  }
  const comment = /[ \t]#/.exec(line.slice(from));
  const value = trimEnd(line.slice(from, comment === null ? undefined : from + comment.index));
  if (!isPlain(value)) return null;
  return { value, from, to: from + value.length, inner: from, isVerbatim: true };
}

/** The scalars of `[a, 'b']` that begins at an index, with nothing but a comment behind it; null when it is none of ours. */
export function readFlowSequence(line: string, index: number): readonly Scalar[] | null {
  const scalars: Scalar[] = [];
  let at = skipBlanks(line, index + 1);
  if (line[at] === ']') return isEnd(line, at + 1) ? [] : null;
  for (;;) {
    const quote = line[at];
    const scalar = quote === '"' || quote === "'" ? readQuoted(line, at, quote) : readFlowPlain(line, at);
    if (scalar === null) return null;
    scalars.push(scalar);
    at = skipBlanks(line, scalar.to);
    if (line[at] === ']') return isEnd(line, at + 1) ? scalars : null;
    if (line[at] !== ',') return null;
    at = skipBlanks(line, at + 1);
  }
}

/** Whether only blanks and a comment follow. */
export function isEnd(line: string, index: number): boolean {
  return /^[ \t]*(?:$|[ \t]#)/.test(line.slice(index)) || trimEnd(line.slice(index)) === '';
}

function readFlowPlain(line: string, from: number): Scalar | null {
  const end = line.slice(from).search(/[,[\]{}]/);
  if (end === -1) return null;
  const value = trimEnd(line.slice(from, from + end));
  if (!isPlain(value) || value.includes('#') || value.includes(':') || value.includes('?')) return null;
  return { value, from, to: from + value.length, inner: from, isVerbatim: true };
}

function isPlain(value: string): boolean {
  if (value === '' || INDICATORS.test(value) || /^[-?:](?:[ \t]|$)/.test(value)) return false;
  return !/:(?:[ \t]|$)/.test(value);
}

function readQuoted(line: string, from: number, quote: string): Scalar | null {
  const parts: string[] = [];
  let at = from + 1;
  let isVerbatim = true;
  for (;;) {
    const stop = line.slice(at).search(quote === '"' ? /["\\]/ : /'/);
    if (stop === -1) return null;
    parts.push(line.slice(at, at + stop));
    at += stop;
    const escaped = line[at] === '\\' || (quote === "'" && line[at + 1] === "'");
    if (!escaped) break;
    const made = quote === "'" ? "'" : ESCAPES[line[at + 1] ?? ''];
    if (made === undefined) return null;
    parts.push(made);
    isVerbatim = false;
    at += 2;
  }
  const value = parts.join('');
  return { value, from, to: at + 1, inner: from + 1, isVerbatim };
}

const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', n: '\n', t: '\t' };

function skipBlanks(line: string, index: number): number {
  let at = index;
  while (line[at] === ' ' || line[at] === '\t') at++;
  return at;
}

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--;
  return text.slice(0, end);
}
