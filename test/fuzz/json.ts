/** Values of JSON, edited at random places as a person or another version may have edited them. */
import fc from 'fast-check';

/** What one edit puts in the place of a value; undefined takes it out. */
const replacement: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, '', 'x', true, [], {}, [[]], [{}], [null]),
  fc.constantFrom<unknown>(0, 1, -1, 2 ** 31, 2 ** 53 - 1, 1e308, 0.5),
  fc.constantFrom('2026-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '2016-12-31T23:59:60Z', '1970-01-01T00:00:00Z'),
  fc.constantFrom(
    '1x1',
    '4173x1 4209x2.5',
    '1e308x1',
    '-1',
    '512Ki',
    '8Mi',
    '1Gi',
    '9007199254740991',
    '10m',
    '0s',
    '999999h',
  ),
  fc.constantFrom(
    'Forward',
    'PutBack',
    'Verified',
    'True',
    'OutOfMemory',
    'StackTooSmall',
    'uwsgi',
    '..',
    '\u{1f600}'.repeat(600),
  ),
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.double(),
);

/** An edit: which of the places (as a share of their number), and what comes there. */
export type Edit = readonly [place: number, value: unknown];

export const edits: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 9999 }).map((share) => share / 1e4),
    replacement,
  ),
  { maxLength: 5 },
);

/** A copy with the edits made one after the other; the whole value is never replaced. */
export function edited<T>(value: T, all: readonly Edit[]): T {
  const copy = structuredClone(value);
  for (const [share, replaced] of all) {
    const places = placesIn(copy);
    const place = places[Math.floor(share * places.length)];
    if (place === undefined) continue;
    const [holder, key] = place;
    if (replaced === undefined && Array.isArray(holder)) holder.splice(Number(key), 1);
    else if (replaced === undefined) Reflect.deleteProperty(holder, key);
    else Reflect.set(holder, key, structuredClone(replaced));
  }
  return copy;
}

function placesIn(value: unknown): (readonly [holder: object, key: string])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [[value, key] as const, ...placesIn(inner)]);
}
