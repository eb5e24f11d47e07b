/** What the fuzzer feeds, and what must hold for whatever it feeds. */
import fc from 'fast-check';

/** One kind of input with its law. */
export interface Subject {
  readonly name: string;
  /** Its part of a run, as a weight. */
  readonly weight: number;
  /** A property that fails with a message when the law is broken. */
  readonly property: () => fc.IRawProperty<unknown>;
}

/** A subject from an arbitrary and a check that throws. */
export function subject<T>(name: string, weight: number, input: fc.Arbitrary<T>, check: (value: T) => void): Subject {
  return { name, weight, property: () => fc.property(input, check) };
}

/** Fails the run. */
export function law(holds: boolean, broken: string): asserts holds {
  if (!holds) throw new Error(broken);
}

/** A message for a person: one line, not endless, of text that a terminal shows. */
export function isOneLine(text: string, longest: number): boolean {
  return text !== '' && text.length <= longest && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text);
}

/** One change of some bytes. Places are shares of the length, so that shrinking keeps them inside. */
export type Mutation =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'drop'; readonly at: number; readonly length: number }
  | { readonly kind: 'repeat'; readonly at: number; readonly length: number; readonly times: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'splice'; readonly at: number; readonly from: number; readonly length: number };

const place = fc.integer({ min: 0, max: 999_999 }).map((share) => share / 1e6);
const length = fc.oneof(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 4096 }));

/** Mutations; `tokens` are texts that mean something in this kind of input. */
export function mutations(tokens: readonly string[]): fc.Arbitrary<readonly Mutation[]> {
  const bytes = fc.oneof(
    fc.constantFrom(...tokens).map((token) => new TextEncoder().encode(token)),
    fc.uint8Array({ minLength: 1, maxLength: 4 }),
  );
  const one: fc.Arbitrary<Mutation> = fc.oneof(
    fc.record({ kind: fc.constant('flip' as const), at: place, bit: fc.nat({ max: 7 }) }),
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('insert' as const), at: place, bytes }) },
    fc.record({ kind: fc.constant('drop' as const), at: place, length }),
    fc.record({ kind: fc.constant('repeat' as const), at: place, length, times: fc.integer({ min: 1, max: 8 }) }),
    fc.record({ kind: fc.constant('splice' as const), at: place, from: place, length }),
    fc.record({ kind: fc.constant('cut' as const), at: place }),
  );
  return fc.array(one, { maxLength: 6 });
}

/** The bytes with all mutations applied; `other` is what splices take from. */
export function mutate(bytes: Uint8Array, other: Uint8Array, steps: readonly Mutation[]): Uint8Array {
  return steps.reduce((now, step) => applyOne(now, other, step), bytes);
}

const LARGEST = 262_144;

function applyOne(bytes: Uint8Array, other: Uint8Array, step: Mutation): Uint8Array {
  const at = Math.floor(step.at * bytes.length);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  const join = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts).subarray(0, LARGEST);
  switch (step.kind) {
    case 'flip': {
      const copy = Uint8Array.from(bytes);
      if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ (1 << step.bit);
      return copy;
    }
    case 'cut':
      return before;
    case 'drop':
      return join(before, after.subarray(step.length));
    case 'repeat': {
      const piece = after.subarray(0, step.length);
      return join(before, ...Array.from({ length: step.times }, () => piece), after);
    }
    case 'insert':
      return join(before, step.bytes, after);
    case 'splice': {
      const from = Math.floor(step.from * other.length);
      return join(before, other.subarray(from, from + step.length), after);
    }
  }
}
