/** Waits that grow, with jitter so that a hundred clients do not come back in the same second. */
import type { Clock } from './clock.ts';

/** The shape of the waits; client-go's reflector has these values. */
export interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
  /** A failure this long after the one before starts at `minMs` again. */
  readonly resetMs: number;
}

/** The values of client-go's reflector. */
export const REFLECTOR_BACKOFF: BackoffOptions = { minMs: 800, maxMs: 30_000, resetMs: 120_000 };

/** One sequence of waits. */
export class GrowingBackoff {
  readonly #options: BackoffOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  #nextMs: number;
  #last: number | null = null;

  constructor(options: BackoffOptions, clock: Clock, random: () => number = Math.random) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#nextMs = options.minMs;
  }

  /** The next wait, milliseconds: between half of the current step and the whole of it, at least `minMs` / 2. */
  next(): number {
    const { minMs, maxMs, resetMs } = this.#options;
    const now = this.#clock.monotonic();
    if (this.#last !== null && now - this.#last > resetMs) this.#nextMs = minMs;
    this.#last = now;
    const step = this.#nextMs;
    this.#nextMs = Math.min(maxMs, step * 2);
    return step * (0.5 + this.#random() / 2);
  }

  /** Things work again. */
  reset(): void {
    this.#nextMs = this.#options.minMs;
    this.#last = null;
  }
}
