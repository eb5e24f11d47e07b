/** Container logs, read up to a cap or followed line by line. What a line says is the caller's secret to keep. */
import { ClusterError } from './errors.ts';
import { LineSplitter } from './lines.ts';
import { pathOf, pods } from './paths.ts';
import type { Transport } from './transport.ts';

/** One container of one pod. */
export interface ContainerRef {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** How to follow a log. */
export interface FollowLogOptions {
  /** Called for each line with the time the container runtime gave it (RFC 3339, nanoseconds). Must not throw. */
  readonly onLine: (line: string, time: string) => void;
  /** Called once when the server began to answer. */
  readonly onOpen?: () => void;
  /** Ends the following; the promise then resolves with `aborted`. */
  readonly signal: AbortSignal;
  /** Only lines of the last seconds; from the container's start when left out. */
  readonly sinceSeconds?: number;
  /** Only lines from this time on (RFC 3339; whole seconds count). To go on after a lost connection. */
  readonly sinceTime?: string;
  /** A longer line is cut, bytes; 16 KiB when left out. */
  readonly maxLineBytes?: number;
  readonly openTimeoutMs?: number;
  /** Longest silence, milliseconds; then it rejects with Timeout. For ever when left out. */
  readonly idleTimeoutMs?: number;
}

/** Why following ended. `ended`: the container ended, or the kubelet closed the stream. */
export type FollowEnd = 'ended' | 'aborted';

/** Room for the time and a space before each line. */
const TIMESTAMP_BYTES = 36;

/**
 * Follows a container's log from its start. A quiet log may say nothing for days, and so may a connection that nobody
 * holds at the other end: who must know the difference gives `idleTimeoutMs` and opens it again. Rejects with
 * `ClusterError` when the log cannot be opened or the connection breaks; opening it again is the caller's decision.
 */
export async function followLog(
  transport: Transport,
  ref: ContainerRef,
  options: FollowLogOptions,
): Promise<FollowEnd> {
  const {
    onLine,
    onOpen,
    signal,
    sinceSeconds,
    sinceTime,
    maxLineBytes = 16 * 2 ** 10,
    openTimeoutMs = 10_000,
    idleTimeoutMs = 0,
  } = options;
  const splitter = new LineSplitter({ maxLineBytes: maxLineBytes + TIMESTAMP_BYTES }, (raw) => {
    const space = raw.indexOf(' ');
    onLine(space === -1 ? '' : raw.slice(space + 1), space === -1 ? raw : raw.slice(0, space));
  });
  try {
    const stream = await transport.stream({
      path: pathOf(pods, { namespace: ref.namespace, name: ref.pod, subresource: 'log' }),
      query: { container: ref.container, follow: true, timestamps: true, sinceSeconds, sinceTime },
      accept: '*/*',
      openTimeoutMs,
      idleTimeoutMs,
      signal,
    });
    onOpen?.();
    for await (const chunk of stream) splitter.push(chunk);
    splitter.end();
    return 'ended';
  } catch (error) {
    if (error instanceof ClusterError && error.kind === 'Aborted') return 'aborted';
    throw error;
  }
}

/** How to read a log once. */
export interface ReadLogOptions {
  /** Largest text, bytes. The server stops there, counted from the first line asked for. */
  readonly maxBytes: number;
  readonly timeoutMs?: number;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  /** Begins each line with the time the container runtime gave it (RFC 3339, nanoseconds) and a space. */
  readonly timestamps?: boolean;
  /** Of the container's previous run. */
  readonly previous?: boolean;
  readonly signal?: AbortSignal;
}

/** The log's text, at most `maxBytes` of it. Rejects with `ClusterError`. */
export function readLog(transport: Transport, ref: ContainerRef, options: ReadLogOptions): Promise<string> {
  const { maxBytes, timeoutMs = 10_000, tailLines, sinceSeconds, timestamps, previous, signal } = options;
  return transport.requestText({
    method: 'GET',
    path: pathOf(pods, { namespace: ref.namespace, name: ref.pod, subresource: 'log' }),
    query: { container: ref.container, limitBytes: maxBytes, tailLines, sinceSeconds, timestamps, previous },
    accept: '*/*',
    timeoutMs,
    maxBytes: maxBytes + 1024,
    signal,
  });
}
