/**
 * Requests to the API server: pooled, bounded in time and size, abortable. JSON goes in and comes out as it is, never
 * through typed models, which drop the fields they do not know.
 */
import pRetry from 'p-retry';
import type { Dispatcher } from 'undici';
import { readBody, refusal } from './body.ts';
import { sleep, systemClock, withDeadline, type Clock } from './clock.ts';
import { Connections, sendOn, type Lane, type LaneLimits } from './connections.ts';
import type { Access, Credentials } from './credentials.ts';
import { ClusterError, errorFromNetwork, isClusterError } from './errors.ts';
import { RateLimiter, type RateLimit } from './rate-limit.ts';
import { openStream, type ResponseStream } from './response-stream.ts';

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** One request. */
export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path with encoded parts (paths.ts), without the query. */
  readonly path: string;
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  /** For the whole call with its retries, milliseconds. */
  readonly timeoutMs: number;
  /** Largest body of the answer, bytes; 4 MiB when left out. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
  /** `idempotent`: 429, 5xx and lost connections are tried again, at most three times. Default: for GET only. */
  readonly retry?: 'idempotent' | 'never';
  /** `lease` has sockets of its own and skips the rate limit. */
  readonly lane?: 'requests' | 'lease';
}

/** A request whose answer arrives bit by bit. */
export interface StreamRequest {
  readonly path: string;
  readonly query?: Query;
  readonly accept?: string;
  /** Until the answer's status line, milliseconds. */
  readonly openTimeoutMs: number;
  /** Longest silence before the stream counts as dead, milliseconds; 0: for ever. */
  readonly idleTimeoutMs: number;
  /** Ends the stream at any time. */
  readonly signal?: AbortSignal | undefined;
}

/** The way to the API server. Everything rejects with `ClusterError` and nothing else. */
export interface Transport {
  /** The namespace of the context or of the pod. */
  readonly namespace: string | null;
  /** The answer's JSON. */
  request<T>(request: Request): Promise<T>;
  /** The answer's text, not parsed. */
  requestText(request: Request): Promise<string>;
  /** The answer's bytes as they come; resolves at the status line. */
  stream(request: StreamRequest): Promise<ResponseStream>;
  /** For connections made elsewhere (exec). */
  access(): Promise<Access>;
  /** Reads credentials anew before the next request. */
  refreshCredentials(): void;
  /** Drops every socket. */
  close(): Promise<void>;
}

/** How the transport behaves; every value has a default. */
export interface TransportOptions {
  /** Sockets: 8 for requests, 256 for streams, 2 for the lease. */
  readonly connections?: Partial<LaneLimits>;
  /** Requests of all lanes but the lease; unlimited when left out. */
  readonly rateLimit?: RateLimit;
  readonly userAgent?: string;
  readonly clock?: Clock;
  /** Called once for each answer (its status) or fault (null). Must not throw. */
  readonly onAnswer?: (method: string, status: number | null) => void;
  /** Called with the Date header of each answer and the monotonic times around the request (server-clock.ts). */
  readonly onDate?: (date: string | null, sentAt: number, answeredAt: number) => void;
}

const DEFAULT_MAX_BYTES = 4 * 2 ** 20;
const RETRIES = { retries: 3, minTimeout: 100, maxTimeout: 2_000, factor: 3, randomize: true } as const;
const TLS_FAULT = /CERT|SELF_SIGNED|UNABLE_TO|TLS/;

/** A transport over `credentials`. */
export function createTransport(credentials: Credentials, options: TransportOptions = {}): Transport {
  return new PooledTransport(credentials, options);
}

class PooledTransport implements Transport {
  readonly namespace: string | null;
  readonly #credentials: Credentials;
  readonly #connections: Connections;
  readonly #clock: Clock;
  readonly #limiter: RateLimiter | null;
  readonly #userAgent: string;
  readonly #onAnswer: (method: string, status: number | null) => void;
  readonly #onDate: (date: string | null, sentAt: number, answeredAt: number) => void;

  constructor(credentials: Credentials, options: TransportOptions) {
    this.namespace = credentials.namespace;
    this.#credentials = credentials;
    this.#clock = options.clock ?? systemClock;
    this.#connections = new Connections({ requests: 8, streams: 256, lease: 2, ...options.connections });
    this.#limiter = options.rateLimit === undefined ? null : new RateLimiter(options.rateLimit, this.#clock);
    this.#userAgent = options.userAgent ?? 'uwsgi-tuner';
    this.#onAnswer = options.onAnswer ?? (() => undefined);
    this.#onDate = options.onDate ?? (() => undefined);
  }

  async request<T>(request: Request): Promise<T> {
    const text = await this.requestText(request);
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new ClusterError(
        'Protocol',
        `${nameOf(request)}: want JSON, found ${text.length} characters of something else`,
      );
    }
  }

  requestText(request: Request): Promise<string> {
    const what = nameOf(request);
    const retry = request.retry ?? (request.method === 'GET' ? 'idempotent' : 'never');
    const deadline = { timeoutMs: request.timeoutMs, signal: request.signal, clock: this.#clock };
    return withDeadline(what, deadline, (signal) =>
      retry === 'never'
        ? this.#withFreshCredentials(() => this.#send(request, signal))
        : this.#retrying(() => this.#withFreshCredentials(() => this.#send(request, signal)), signal),
    );
  }

  stream(request: StreamRequest): Promise<ResponseStream> {
    const what = `GET ${request.path}`;
    return this.#withFreshCredentials(async () => {
      const access = await this.#access(what);
      return openStream({
        what,
        dispatcher: this.#connections.pool('streams', access),
        clock: this.#clock,
        openTimeoutMs: request.openTimeoutMs,
        idleTimeoutMs: request.idleTimeoutMs,
        signal: request.signal,
        request: {
          ...target(access, request.path, request.query),
          method: 'GET',
          headers: this.#headers(access, request.accept),
        },
        onAnswer: (status) => {
          this.#onAnswer('GET', status);
        },
      });
    });
  }

  access(): Promise<Access> {
    return this.#access('credentials');
  }

  refreshCredentials(): void {
    this.#credentials.refresh();
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  /** A 401 means nothing was done: whatever the method, one more try with credentials read anew is safe. */
  async #withFreshCredentials<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt();
    } catch (error) {
      if (isClusterError(error, 'Unavailable') && error.status === null && TLS_FAULT.test(error.reason ?? '')) {
        this.#credentials.refresh();
      }
      if (!isClusterError(error, 'Unauthorized')) throw error;
      this.#credentials.refresh();
      return await attempt();
    }
  }

  #retrying<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return pRetry(attempt, {
      ...RETRIES,
      signal,
      shouldRetry: ({ error }) => isTransient(error),
      onFailedAttempt: async ({ error, retriesLeft }) => {
        if (retriesLeft > 0 && isClusterError(error) && isTransient(error) && error.retryAfterMs !== null) {
          await sleep(error.retryAfterMs, this.#clock, signal);
        }
      },
    });
  }

  async #send(request: Request, signal: AbortSignal): Promise<string> {
    const what = nameOf(request);
    const lane: Lane = request.lane ?? 'requests';
    if (lane !== 'lease') await this.#limiter?.take(signal);
    const access = await this.#access(what);
    const headers = this.#headers(access, request.accept);
    if (request.body !== undefined) headers['content-type'] = request.contentType ?? 'application/json';
    let response: Dispatcher.ResponseData;
    const sentAt = this.#clock.monotonic();
    try {
      response = await sendOn(this.#connections.pool(lane, access), {
        ...target(access, request.path, request.query),
        method: request.method,
        headers,
        body: request.body === undefined ? null : JSON.stringify(request.body),
        signal,
        headersTimeout: request.timeoutMs,
        bodyTimeout: request.timeoutMs,
      });
    } catch (error) {
      this.#onAnswer(request.method, null);
      throw errorFromNetwork(what, error);
    }
    this.#onAnswer(request.method, response.statusCode);
    const { date } = response.headers;
    this.#onDate(typeof date === 'string' ? date : null, sentAt, this.#clock.monotonic());
    if (response.statusCode >= 200 && response.statusCode < 300) {
      return readBody(what, response.body, request.maxBytes ?? DEFAULT_MAX_BYTES);
    }
    throw await refusal(what, response);
  }

  async #access(what: string): Promise<Access> {
    try {
      return await this.#credentials.access();
    } catch (error) {
      // Why a plugin or a file failed may hold secrets: the code of a file error is all that is passed on.
      const code = (error as NodeJS.ErrnoException).code ?? 'see the kubeconfig';
      throw new ClusterError('Unauthorized', `${what}: credentials cannot be read (${code})`);
    }
  }

  #headers(access: Access, accept = 'application/json'): Record<string, string> {
    return { ...access.headers, accept, 'user-agent': this.#userAgent };
  }
}

function nameOf(request: Request): string {
  return `${request.method} ${request.path}`;
}

function isTransient(error: unknown): boolean {
  if (!isClusterError(error)) return false;
  return (
    error.kind === 'TooManyRequests' ||
    error.kind === 'Unavailable' ||
    (error.kind === 'Timeout' && error.status !== null)
  );
}

/** Origin and path for undici; a server URL may have a path of its own. */
function target(access: Access, path: string, query: Query | undefined): { origin: string; path: string } {
  const url = new URL(access.server + path);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    for (const each of Array.isArray(value) ? (value as readonly string[]) : [value]) {
      url.searchParams.append(name, String(each));
    }
  }
  return { origin: url.origin, path: url.pathname + url.search };
}
