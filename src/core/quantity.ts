/**
 * Sizes. Inside the program every size is a whole number of bytes; it is converted once, at the edge that reads or
 * writes kernel KiB, uWSGI KiB or a Kubernetes quantity.
 */

declare const bytesBrand: unique symbol;

/** A whole, non-negative number of bytes. */
export type Bytes = number & { readonly [bytesBrand]: true };

const KIB = 1024;

/** The factor of each suffix of a Kubernetes quantity that a memory size may carry. */
const SUFFIXES: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: KIB,
  Mi: KIB ** 2,
  Gi: KIB ** 3,
  Ti: KIB ** 4,
  Pi: KIB ** 5,
  Ei: KIB ** 6,
};

/** Marks a number as bytes. Throws RangeError when it is not a whole, non-negative, safe integer: that is a bug. */
export function bytes(value: number): Bytes {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`a size in bytes must be a whole number from 0 to 2^53, found ${value}`);
  }
  return value as Bytes;
}

/**
 * A size computed from figures of the outside, rounded: the largest exact size stands for everything above it, so that
 * no figure in a capture or a spec, however absurd, ends in an exception. What is below 0 or no number is a bug.
 */
export function computedBytes(value: number): Bytes {
  return bytes(Math.min(Math.round(value), Number.MAX_SAFE_INTEGER));
}

/** KiB, as the kernel and uWSGI's thread stack option count, to bytes. */
export function kib(value: number): Bytes {
  return computedBytes(value * KIB);
}

/** MiB to bytes. */
export function mib(value: number): Bytes {
  return computedBytes(value * KIB * KIB);
}

/** Bytes to KiB, rounded to the nearest: for showing, never for computing. */
export function toKib(value: Bytes): number {
  return Math.round(value / KIB);
}

/** Bytes to whole KiB, refusing a remainder: for writing a value that uWSGI will read. */
export function toExactKib(value: Bytes): number {
  if (value % KIB !== 0) throw new RangeError(`${value} bytes is not a whole number of KiB`);
  return value / KIB;
}

/** The sum of sizes. */
export function sumBytes(values: Iterable<Bytes>): Bytes {
  let sum = 0;
  for (const value of values) sum += value;
  return computedBytes(sum);
}

/** A size times a factor, rounded up to a whole byte. */
export function scaleUp(value: Bytes, factor: number): Bytes {
  return computedBytes(Math.ceil(value * factor));
}

/** The next multiple of the page size at or above a size. */
export function ceilToPage(value: Bytes, pageSize: Bytes): Bytes {
  return computedBytes(Math.ceil(value / pageSize) * pageSize);
}

/**
 * Reads a Kubernetes quantity of memory ("512Mi", "1.5Gi", "1e9", 1048576) as bytes, a fraction rounded up as the API
 * server does. Returns null when the text is no quantity, is negative, or is a fraction of one byte by suffix "m".
 * Grammar: k8s.io/apimachinery pkg/api/resource/quantity.go.
 */
export function parseQuantity(text: string | number): Bytes | null {
  const match = /^\+?(\d+\.?\d*|\.\d+)(?:([eE][+-]?\d+)|([kMGTPE]i?|Ki|m)?)$/.exec(String(text).trim());
  if (match === null) return null;
  const [, digits = '', exponent = '', suffix = ''] = match;
  const factor = suffix === 'm' ? 1e-3 : SUFFIXES[suffix];
  if (factor === undefined) return null;
  const value = Math.ceil(Number(digits + exponent) * factor);
  return Number.isSafeInteger(value) ? bytes(value) : null;
}

/** A size as the shortest exact binary quantity: 524288 is "512Ki", 1000 is "1000". For fields that must be exact. */
export function formatQuantity(value: Bytes): string {
  for (const suffix of ['Ti', 'Gi', 'Mi', 'Ki']) {
    const factor = SUFFIXES[suffix] ?? 1;
    if (value > 0 && value % factor === 0) return `${value / factor}${suffix}`;
  }
  return String(value);
}

/** A size for a reader, rounded to about three digits: "812Mi", "1.5Gi", "64Ki". Not exact. */
export function formatSize(value: number): string {
  const size = Math.abs(value);
  const sign = value < 0 ? '-' : '';
  for (const suffix of ['Ti', 'Gi', 'Mi', 'Ki']) {
    const factor = SUFFIXES[suffix] ?? 1;
    if (size >= factor) {
      const amount = size / factor;
      const text = amount < 10 ? amount.toFixed(1).replace(/\.0$/, '') : amount.toFixed(0);
      return `${sign}${text}${suffix}`;
    }
  }
  return `${sign}${size}`;
}
