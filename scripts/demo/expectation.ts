/** The demo asserts its own story: a step that did not happen ends it. */

/** A step that went otherwise than told. */
export class Unmet extends Error {
  readonly expected: string;
  readonly found: string;

  constructor(expected: string, found: string) {
    super(`expected ${expected}; found ${found}`);
    this.expected = expected;
    this.found = found;
  }
}

export function expectThat(ok: boolean, expected: string, found: string): asserts ok {
  if (!ok) throw new Unmet(expected, found);
}

/** The value, which a step must have given. */
export function present<T>(value: T | null | undefined, expected: string): T {
  if (value === null || value === undefined) throw new Unmet(expected, 'nothing');
  return value;
}
