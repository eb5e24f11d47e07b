/** A token bucket: at most `burst` requests at once and `perSecond` on average, first come first served. */
import { sleep, type Clock } from './clock.ts';

/** The bucket's two numbers. */
export interface RateLimit {
  readonly perSecond: number;
  readonly burst: number;
}

/** Hands out permissions in time. */
export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #clock: Clock;
  /** Permissions left at `#since`; below zero is what waiting calls have already been promised. */
  #left: number;
  #since: number;

  constructor(limit: RateLimit, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
    this.#left = limit.burst;
    this.#since = clock.monotonic();
  }

  /** Resolves when the caller may go on; rejects with `ClusterError` Aborted when `signal` fires. */
  async take(signal?: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic();
    this.#left = Math.min(this.#limit.burst, this.#left + ((now - this.#since) / 1000) * this.#limit.perSecond);
    this.#since = now;
    this.#left -= 1;
    if (this.#left < 0) await sleep((-this.#left / this.#limit.perSecond) * 1000, this.#clock, signal);
  }
}
