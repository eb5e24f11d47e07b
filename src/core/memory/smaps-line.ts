/** The parts of one line of smaps, read from bytes without making strings. */

export const NEWLINE = 10;
export const BLANK = 32;
/** 2^43 KiB: what is more than 8 PiB is no size. */
export const LARGEST_KIB = 2 ** 43;

/** The number before " kB" at the end of a line, up to the colon; -1 when the line is not of that form. */
export function kibBefore(text: Uint8Array, colon: number, end: number): number {
  if (text[end - 1] !== 66 || text[end - 2] !== 107 || text[end - 3] !== BLANK) return -1;
  let value = 0;
  let unit = 1;
  let i = end - 4;
  for (; i > colon; i -= 1) {
    const digit = (text[i] ?? 0) - 48;
    if (digit < 0 || digit > 9) break;
    value += digit * unit;
    unit *= 10;
  }
  if (unit === 1 || value > LARGEST_KIB) return -1;
  for (; i > colon; i -= 1) if (text[i] !== BLANK) return -1;
  return value;
}

/** Where the line ends that a position is in: the end of the text when no line end follows. */
export function lineEnd(text: Uint8Array, from: number): number {
  const end = text.indexOf(NEWLINE, from);
  return end < 0 ? text.length : end;
}

/** Whether a byte begins a field: those begin with a capital, a row's first line with a hexadecimal digit. */
export function isFieldStart(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 65 && byte <= 90;
}

const PERMISSIONS = Array.from({ length: 16 }, (_, bits) =>
  [bits & 1 ? 'r' : '-', bits & 2 ? 'w' : '-', bits & 4 ? 'x' : '-', bits & 8 ? 's' : 'p'].join(''),
);

/** The four letters of permissions at a position; null when they are not there. */
export function permissionsAt(text: Uint8Array, at: number): string | null {
  const bits =
    Number(text[at] === 114) |
    (Number(text[at + 1] === 119) << 1) |
    (Number(text[at + 2] === 120) << 2) |
    (Number(text[at + 3] === 115) << 3);
  const permissions = PERMISSIONS[bits] ?? '';
  for (let i = 0; i < 4; i += 1) if (text[at + i] !== permissions.charCodeAt(i)) return null;
  return permissions;
}

/** Where the name behind offset, device and inode begins; `end` where there is none, -1 when the three are not there. */
export function nameStart(text: Uint8Array, from: number, end: number): number {
  let i = from;
  for (let word = 0; word < 3; word += 1) {
    const start = i;
    while (i < end && text[i] !== BLANK) i += 1;
    if (i === start) return -1;
    while (i < end && text[i] === BLANK) i += 1;
  }
  return i;
}
