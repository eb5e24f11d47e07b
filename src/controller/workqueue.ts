/**
 * A queue of keys after client-go's: many adds of one key while it waits are one; a key that is added while it is
 * worked on runs again afterwards, never twice at once; failures come back later and later. It holds keys, never
 * objects: whoever takes a key reads the newest state.
 */
import { systemClock, type Clock } from '../cluster/clock.ts';

/** How long a failing key waits. */
export interface Backoff {
  /** First wait, milliseconds; doubles with each failure. */
  readonly baseMs: number;
  readonly maxMs: number;
}

/** What the queue tells metrics. Times are in milliseconds. Must not throw. */
export interface WorkQueueObserver {
  added?(): void;
  retried?(): void;
  /** A key was taken after waiting that long. */
  taken?(waitedMs: number): void;
  /** Work on a key ended after that long. */
  finished?(workedMs: number): void;
}

/** Options; all have defaults. */
export interface WorkQueueOptions {
  /** 5 ms doubling to 60 s: after an outage everything is tried again within a minute. */
  readonly backoff?: Backoff;
  readonly clock?: Clock;
  readonly observer?: WorkQueueObserver;
}

/** Works on one key. What it throws is the handler's bug: catch inside; the key is not added again by the queue. */
export type Handler<K> = (key: K) => Promise<void>;

/** The queue. Keys are compared as Map keys are. */
export class WorkQueue<K = string> {
  readonly #backoff: Backoff;
  readonly #clock: Clock;
  readonly #observer: WorkQueueObserver;
  /** Keys to be taken, oldest first, with the time of their add. */
  readonly #ready = new Map<K, number>();
  /** Keys being worked on, with the time they were taken. */
  readonly #processing = new Map<K, number>();
  /** Keys added while being worked on, with the time of the add. */
  readonly #again = new Map<K, number>();
  readonly #delayed = new Map<K, { readonly due: number; readonly cancel: () => void }>();
  readonly #failures = new Map<K, number>();
  #takers: ((key: K | undefined) => void)[] = [];
  #idlers: (() => void)[] = [];
  #closed = false;

  constructor(options: WorkQueueOptions = {}) {
    this.#backoff = options.backoff ?? { baseMs: 5, maxMs: 60_000 };
    this.#clock = options.clock ?? systemClock;
    this.#observer = options.observer ?? {};
  }

  /** Keys waiting to be taken now; delayed ones do not count. */
  get depth(): number {
    return this.#ready.size + this.#again.size;
  }

  /** Keys being worked on. */
  get active(): number {
    return this.#processing.size;
  }

  /** Milliseconds that each key now being worked on has taken so far. */
  unfinishedMs(): number[] {
    return [...this.#processing.values()].map((since) => this.#clock.monotonic() - since);
  }

  /** Work on `key` as soon as may be. */
  add(key: K): void {
    if (this.#closed || this.#ready.has(key) || this.#again.has(key)) return;
    this.#observer.added?.();
    const now = this.#clock.monotonic();
    if (this.#processing.has(key)) {
      this.#again.set(key, now);
      return;
    }
    this.#ready.set(key, now);
    this.#hand();
  }

  /**
   * Adds `key` after `ms`. Of several waits of one key the earliest counts; when the key is taken before, the wait ends
   * with it, for whoever works on the key sees all there is and says when to look again.
   */
  addAfter(key: K, ms: number): void {
    if (this.#closed) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const due = this.#clock.monotonic() + ms;
    const known = this.#delayed.get(key);
    if (known !== undefined && known.due <= due) return;
    known?.cancel();
    const cancel = this.#clock.after(ms, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { due, cancel });
  }

  /** Adds `key` after its back-off, which doubles until `forget`. Gives the wait in milliseconds. */
  addRateLimited(key: K): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const ms = Math.min(this.#backoff.maxMs, this.#backoff.baseMs * 2 ** failures);
    this.#observer.retried?.();
    this.addAfter(key, ms);
    return ms;
  }

  /** The key succeeded, or is gone: its next failure starts at the first wait. */
  forget(key: K): void {
    this.#failures.delete(key);
  }

  /** Failures of `key` since it was last forgotten. */
  failures(key: K): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key, to be given back with `done`; undefined once the queue is closed. */
  get(): Promise<K | undefined> {
    const next = this.#take();
    if (next !== undefined) return Promise.resolve(next.key);
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#takers.push(resolve);
    });
  }

  /** Ends the work on `key`; if it was added meanwhile, it waits again now. */
  done(key: K): void {
    const since = this.#processing.get(key);
    if (since === undefined) return;
    this.#processing.delete(key);
    this.#observer.finished?.(this.#clock.monotonic() - since);
    const addedAt = this.#again.get(key);
    if (addedAt !== undefined) {
      this.#again.delete(key);
      this.#ready.set(key, addedAt);
      this.#hand();
    }
    if (this.#processing.size === 0) for (const idle of this.#idlers.splice(0)) idle();
  }

  /** Runs `workers` handlers side by side until the queue is closed and the last of them has ended. */
  async run(workers: number, handler: Handler<K>): Promise<void> {
    await Promise.all(Array.from({ length: workers }, () => this.#work(handler)));
  }

  /** Takes no more keys, drops what waits, and lets work under way end. */
  close(): void {
    this.#closed = true;
    this.#ready.clear();
    this.#again.clear();
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  /** Closes, then waits until nothing is being worked on, at most `ms`. Whether it came to rest. */
  drain(ms: number): Promise<boolean> {
    this.close();
    if (this.#processing.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, () => {
        resolve(false);
      });
      this.#idlers.push(() => {
        cancel();
        resolve(true);
      });
    });
  }

  async #work(handler: Handler<K>): Promise<void> {
    for (let key = await this.get(); key !== undefined; key = await this.get()) {
      try {
        await handler(key);
      } finally {
        this.done(key);
      }
    }
  }

  #hand(): void {
    if (this.#takers.length === 0) return;
    const next = this.#take();
    if (next !== undefined) this.#takers.shift()?.(next.key);
  }

  #take(): { readonly key: K } | undefined {
    const first = this.#ready.entries().next();
    if (first.done === true) return undefined;
    const [key, addedAt] = first.value;
    const now = this.#clock.monotonic();
    this.#ready.delete(key);
    this.#processing.set(key, now);
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
    this.#observer.taken?.(now - addedAt);
    return { key };
  }
}
