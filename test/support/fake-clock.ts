/** A clock that stands still until a test moves it. */
import type { Clock } from '../../src/cluster/clock.ts';

interface Timer {
  readonly due: number;
  readonly fn: () => void;
}

export class FakeClock implements Clock {
  #now = 0;
  readonly #wallStart: number;
  #timers: Timer[] = [];

  /** `wallStart`: what `wall` says at monotonic 0. */
  constructor(wallStart = Date.parse('2026-01-01T00:00:00Z')) {
    this.#wallStart = wallStart;
  }

  monotonic(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wallStart + this.#now;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { due: this.#now + Math.max(0, ms), fn };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Moves on by `ms`, firing timers in order and letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const next = this.#timers.filter((timer) => timer.due <= end).sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = next.due;
      next.fn();
      await settle();
    }
    this.#now = end;
    await settle();
  }

  /** Time passes and no timer fires: the process was stopped, or its event loop was busy. */
  stall(ms: number): void {
    this.#now += ms;
  }
}

/** Lets promises that are due settle. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
