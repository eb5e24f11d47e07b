/**
 * The time of the API server, which all who write deadlines into its objects can agree on: two operators whose machines'
 * clocks differ, or one before and after its clock was set. It is learnt from the Date header of each answer.
 */
import { systemClock, type Clock } from './clock.ts';

/** HTTP dates are cut to whole seconds. */
const DATE_STEP_MS = 1_000;

/** A clock whose wall time follows the server that `observe` hears of; its monotonic time and timers are `clock`'s. */
export class ServerClock implements Clock {
  readonly #clock: Clock;
  /** The server's wall clock less our monotonic one, milliseconds; null before the first answer. */
  #offset: number | null = null;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  /** Milliseconds since 1970 by the API server's clock; by this machine's until it answered once. */
  wall(): number {
    return this.#offset === null ? this.#clock.wall() : Math.round(this.#clock.monotonic() + this.#offset);
  }

  after(ms: number, fn: () => void): () => void {
    return this.#clock.after(ms, fn);
  }

  /**
   * Takes the Date header of an answer to a request that was sent and answered at these monotonic times. The server
   * read its clock between the two, so that each answer bounds the offset from both sides; it moves only as far as
   * the newest answer demands.
   */
  observe(date: string | null, sentAt: number, answeredAt: number): void {
    const told = Date.parse(date ?? '');
    if (Number.isNaN(told)) return;
    const least = told - answeredAt;
    const most = told + DATE_STEP_MS - sentAt;
    this.#offset = Math.min(Math.max(this.#offset ?? (least + most) / 2, least), most);
  }
}
