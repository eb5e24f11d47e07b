/**
 * The controller's log: one JSON object a line on standard output. Only the fields named here are ever written, so a
 * capture, an environment, a config text or a log line of a pod cannot get in by accident.
 */
import { createLogger as createWinston, format, transports } from 'winston';
import { ClusterError, shorten } from '../cluster/errors.ts';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Every name a field may have, with its kind of value. Numbers carry their unit in the name. */
export interface LogFields {
  readonly action?: string;
  readonly attempt?: number;
  readonly bytes?: number;
  readonly change?: string;
  readonly component?: string;
  readonly condition?: string;
  readonly confidence?: number;
  readonly configMap?: string;
  readonly container?: string;
  readonly count?: number;
  readonly durationMs?: number;
  readonly error?: unknown;
  readonly from?: string;
  readonly gate?: string;
  readonly generation?: number;
  readonly hash?: string;
  readonly identity?: string;
  readonly key?: string;
  readonly kind?: string;
  readonly mode?: string;
  readonly namespace?: string;
  readonly node?: string;
  readonly phase?: string;
  readonly pod?: string;
  readonly port?: number;
  readonly processes?: number;
  readonly reason?: string;
  readonly requeueMs?: number;
  readonly result?: string;
  readonly signal?: string;
  readonly status?: string;
  readonly threadStackKiB?: number;
  readonly threads?: number;
  readonly tier?: string;
  readonly to?: string;
  readonly tuning?: string;
  readonly uid?: string;
  readonly verdict?: string;
  readonly version?: string;
  readonly waitMs?: number;
  readonly workload?: string;
}

/** The same names for what arrives untyped at run time. */
const ALLOWED: ReadonlySet<string> = new Set(
  Object.keys({
    action: 0,
    attempt: 0,
    bytes: 0,
    change: 0,
    component: 0,
    condition: 0,
    confidence: 0,
    configMap: 0,
    container: 0,
    count: 0,
    durationMs: 0,
    error: 0,
    from: 0,
    gate: 0,
    generation: 0,
    hash: 0,
    identity: 0,
    key: 0,
    kind: 0,
    mode: 0,
    namespace: 0,
    node: 0,
    phase: 0,
    pod: 0,
    port: 0,
    processes: 0,
    reason: 0,
    requeueMs: 0,
    result: 0,
    signal: 0,
    status: 0,
    threadStackKiB: 0,
    threads: 0,
    tier: 0,
    to: 0,
    tuning: 0,
    uid: 0,
    verdict: 0,
    version: 0,
    waitMs: 0,
    workload: 0,
  } satisfies Record<keyof LogFields, 0>),
);

/** Longest text of one field, characters. */
const LONGEST_TEXT = 300;

/** Static messages, data as fields. Info: a transition. Debug: a step. */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each line. */
  child(fields: LogFields): Logger;
}

/** How to log. */
export interface LogOptions {
  readonly level: LogLevel;
  /** Where lines go; standard output when left out. */
  readonly stream?: NodeJS.WritableStream;
}

/** A logger that writes JSON lines. */
export function createLogger({ level, stream = process.stdout }: LogOptions): Logger {
  const line = format.printf((info) => {
    const { time, level: severity, message, fields } = info as unknown as Record<string, unknown>;
    return JSON.stringify({ time, level: severity, message, ...(fields as object) });
  });
  // Winston's own types disagree on what a transport is.
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
  const winston = createWinston({ level, format: line, transports: [new transports.Stream({ stream })] });
  const at = (fields: LogFields): Logger => {
    const write =
      (severity: LogLevel) =>
      (message: string, more: LogFields = {}): void => {
        if (!winston.isLevelEnabled(severity)) return;
        const time = new Date().toISOString();
        winston.log({ level: severity, message, time, fields: writableFields({ ...fields, ...more }) });
      };
    return {
      error: write('error'),
      warn: write('warn'),
      info: write('info'),
      debug: write('debug'),
      child: (more) => at({ ...fields, ...more }),
    };
  };
  return at({});
}

function writableFields(fields: LogFields): Record<string, unknown> {
  const written: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields) as [string, unknown][]) {
    if (!ALLOWED.has(name)) continue;
    if (name === 'error') Object.assign(written, errorFields(value));
    else if (typeof value === 'string') written[name] = shorten(value, LONGEST_TEXT);
    else if (typeof value === 'number' || typeof value === 'boolean') written[name] = value;
  }
  return written;
}

/**
 * A `ClusterError`'s message is short and free of contents by construction. Of any other error only the name and where
 * it happened are written: the messages of parsers quote the text they failed on.
 */
function errorFields(error: unknown): Record<string, unknown> {
  if (error instanceof ClusterError) return { errorKind: error.kind, error: error.message };
  if (!(error instanceof Error)) return { error: typeof error };
  const frames = (error.stack ?? '')
    .split('\n')
    .filter((frame) => /^\s+at /.test(frame))
    .slice(0, 8);
  return { error: error.name, stack: frames.map((frame) => frame.trim()) };
}
