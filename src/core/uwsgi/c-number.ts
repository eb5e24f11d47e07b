/**
 * Numbers as the C library reads them: leading blanks, a sign, digits, and whatever follows is ignored (uwsgi.md 2.2).
 * A text may hold OUTSIDE, the mark of a part that only the running pod knows (`%k`, `$(VAR)`, `@(file)`).
 */

/** Stands for text that is not in the file. U+FFFF is no character, so a ConfigMap never holds it by itself. */
export const OUTSIDE = '\uffff';

const BLANKS = /^[ \t\n\v\f\r]*/;

/** A number at the start of a text and the index after its last digit (0 when there is none: then it is 0). */
export interface CNumber {
  readonly value: bigint;
  readonly end: number;
}

/**
 * Reads the number at the start of a text. Null when it depends on something outside the file, also when the outside
 * part stands right behind the digits, since it may bring more of them.
 */
function parseLeading(text: string): CNumber | null {
  const start = BLANKS.exec(text)?.[0].length ?? 0;
  let at = start;
  if (text[at] === '-' || text[at] === '+') at++;
  const digitsFrom = at;
  while (isDigit(text.charCodeAt(at))) at++;
  if (text[at] === OUTSIDE) return null;
  if (at === digitsFrom) return { value: 0n, end: 0 };
  // Past 20 digits every number is beyond 64 bits; the cut keeps a hostile megabyte of digits cheap.
  const digits = text.slice(digitsFrom, at).replace(/^0+/, '').slice(0, 20);
  const magnitude = BigInt(digits === '' ? '0' : digits);
  return { value: text[start] === '-' ? -magnitude : magnitude, end: at };
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

const LONG_MAX = 2n ** 63n - 1n;
const LONG_MIN = -(2n ** 63n);

/** C `strtoll(text, NULL, 10)`: clamped to 64 bits. Null when outside text decides. */
export function strtoll(text: string): bigint | null {
  const number = parseLeading(text);
  if (number === null) return null;
  if (number.value > LONG_MAX) return LONG_MAX;
  return number.value < LONG_MIN ? LONG_MIN : number.value;
}

/** glibc `atoi(text)`: `(int) strtol(text)`, so a number beyond 32 bits wraps. Null when outside text decides. */
export function atoi(text: string): { readonly value: number; readonly end: number } | null {
  const number = parseLeading(text);
  const long = strtoll(text);
  if (number === null || long === null) return null;
  return { value: Number(BigInt.asIntN(32, long)), end: number.end };
}

/** C `strtoul(text, NULL, 10)` for the sizes that uWSGI keeps in 64 bits. Null when outside text decides. */
export function strtoul(text: string): number | null {
  const number = parseLeading(text);
  if (number === null) return null;
  return Number(BigInt.asUintN(64, number.value > 2n ** 64n - 1n ? 2n ** 64n - 1n : number.value));
}
