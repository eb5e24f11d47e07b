/**
 * Time as the plumbing sees it, so that tests can move it by hand. Deadlines and leases use `monotonic` only: the wall
 * clock may jump. All values are milliseconds.
 */
import { ClusterError } from './errors.ts';

/** A source of time and of timers. */
export interface Clock {
  /** Milliseconds from an arbitrary start; never goes back. */
  monotonic(): number;
  /** Milliseconds since 1970, for what people and the API server read. */
  wall(): number;
  /** Calls `fn` once after `ms`; the returned function cancels it. */
  after(ms: number, fn: () => void): () => void;
}

/** setTimeout holds at most a signed 32-bit count of milliseconds; a longer wait would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The real clock. */
export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, fn) => {
    const timer = setTimeout(fn, Math.min(Math.max(0, ms), LONGEST_TIMER_MS));
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Resolves after `ms`; rejects with `ClusterError` Aborted as soon as `signal` fires. */
export function sleep(ms: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(ClusterError.aborted('wait'));
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(ClusterError.aborted('wait'));
    };
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** The limits of one call. */
export interface Deadline {
  /** Whole time allowed, milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Runs `work` under a deadline and an abort. Settles even when `work` never does: `ClusterError` Timeout at the
 * deadline, Aborted when the caller's signal fires. `work` gets a signal that fires in both cases. `what` begins the
 * error's message.
 */
export function withDeadline<T>(
  what: string,
  { timeoutMs, signal, clock = systemClock }: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) return Promise.reject(ClusterError.aborted(what));
  return new Promise<T>((resolve, reject) => {
    const controller = new AbortController();
    const giveUp = (error: ClusterError): void => {
      settle();
      controller.abort(error);
      reject(error);
    };
    const onAbort = (): void => {
      giveUp(ClusterError.aborted(what));
    };
    const cancel = clock.after(timeoutMs, () => {
      giveUp(ClusterError.timeout(what, timeoutMs));
    });
    const settle = (): void => {
      cancel();
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    work(controller.signal).then(
      (value) => {
        settle();
        resolve(value);
      },
      (error: unknown) => {
        settle();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}

/** Kubernetes' MicroTime: RFC 3339 with exactly six digits. The API server answers 400 to three. */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace('Z', '000Z');
}
