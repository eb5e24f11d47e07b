/**
 * The lines of uWSGI's and Python's log that prove or disprove a change. Only counts of these fixed patterns are kept;
 * no text of a log line leaves this file (design.md 3.3, promise 7). Sources: uWSGI core/master.c (the DAMN lines),
 * core/uwsgi.c (start lines); CPython's exception texts.
 */

/** What one log line says; null for every line that says nothing here. */
export type LogSign =
  | { readonly kind: 'Started' }
  | { readonly kind: 'StackSet'; readonly stackKib: number }
  | { readonly kind: 'StackRefused' }
  /** signal: null when the worker ended by itself (a SEGV on core 0 shows so). */
  | { readonly kind: 'WorkerDied'; readonly signal: number | null }
  /** A request took longer than option harakiri allows: the master kills the whole worker with signal 9 next. */
  | { readonly kind: 'Harakiri' }
  | { readonly kind: 'RequestFailed'; readonly error: 'RecursionError' | 'MemoryError' };

/** Counts of the signs in one container's log. */
export interface LogCounts {
  /** uWSGI's start lines were seen: the log is whole and its zero counts mean something. */
  readonly started: boolean;
  readonly stackKib: number | null;
  readonly stackRefused: boolean;
  /** Deaths by signal number; the key "0" counts deaths without a named signal. */
  readonly deaths: Readonly<Record<string, number>>;
  /** Workers that the master killed for a request that took too long; they are among the deaths by signal 9. */
  readonly harakiris: number;
  readonly failedRequests: number;
}

export const NO_SIGNS: LogCounts = {
  started: false,
  stackKib: null,
  stackRefused: false,
  deaths: {},
  harakiris: 0,
  failedRequests: 0,
};

/** `log-date` puts a date and " - " before uWSGI's own lines; a request line ("[pid: 7|app: 0|...") never matches. */
const DATE_PREFIX = /^[\w:, .+/-]{1,48} - /;

/** Linux has 64 signals; a longer number is no signal's, and a hostile log cannot make one key after the other. */
const DIED = /^DAMN ! worker \d+ \(pid: \d+\) (?:died|MISTERIOUSLY killed)(?:,? ?(?:killed )?by signal (\d{1,2})\b)?/;

/** Reads one line of a uWSGI container's log. */
export function readLogLine(text: string): LogSign | null {
  const line = text.replace(DATE_PREFIX, '');
  const died = DIED.exec(line);
  if (died !== null) return { kind: 'WorkerDied', signal: died[1] === undefined ? null : Number(died[1]) };
  if (line.startsWith('*** Starting uWSGI') || line.startsWith('spawned uWSGI')) return { kind: 'Started' };
  const stack = /^threads stack size set to (\d{1,10})k/.exec(line);
  if (stack !== null) return { kind: 'StackSet', stackKib: Number(stack[1]) };
  if (line.startsWith('!!! unable to set requested threads stacksize')) return { kind: 'StackRefused' };
  if (/^\*\*\* HARAKIRI ON WORKER \d+ \(pid: \d+, try: 1\)/.test(line)) return { kind: 'Harakiri' };
  if (/^RecursionError\b/.test(line)) return { kind: 'RequestFailed', error: 'RecursionError' };
  if (/^MemoryError\b/.test(line)) return { kind: 'RequestFailed', error: 'MemoryError' };
  return null;
}

/** The counts after one more sign. A new start clears the stack line, never the deaths. */
export function countSign(counts: LogCounts, sign: LogSign): LogCounts {
  switch (sign.kind) {
    case 'Started':
      return { ...counts, started: true };
    case 'StackSet':
      return { ...counts, stackKib: sign.stackKib, stackRefused: false };
    case 'StackRefused':
      return { ...counts, stackRefused: true };
    case 'WorkerDied': {
      const key = String(sign.signal ?? 0);
      return { ...counts, deaths: { ...counts.deaths, [key]: (counts.deaths[key] ?? 0) + 1 } };
    }
    case 'Harakiri':
      return { ...counts, harakiris: counts.harakiris + 1 };
    case 'RequestFailed':
      return { ...counts, failedRequests: counts.failedRequests + 1 };
  }
}

/** All deaths of workers in the counts. */
export function totalDeaths(counts: LogCounts): number {
  return Object.values(counts.deaths).reduce((sum, count) => sum + count, 0);
}
