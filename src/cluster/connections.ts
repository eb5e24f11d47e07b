/**
 * The sockets to the API server. client-node 2.0.1 makes a new pool for every request (300 requests: 300 TLS
 * handshakes, 300 sockets left open); here three pools live as long as the TLS identity they were made for.
 */
import type { Dispatcher } from 'undici';
// undici's index loads fetch, WebSocket, caches and mocks as well: 5 MB of memory for nothing here.
import request from 'undici/lib/api/api-request.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js';
import type { Access } from './credentials.ts';

/**
 * Who shares sockets. Streams are apart because each holds its socket for minutes, and the lease is apart because its
 * renewal must not wait behind requests that hang.
 */
export type Lane = 'requests' | 'streams' | 'lease';

/** Sockets per lane. */
export type LaneLimits = Readonly<Record<Lane, number>>;

/** Time for TCP and TLS to come up, milliseconds. */
const CONNECT_MS = 5_000;
/** Idle time after which TCP probes the other side: finds a peer that vanished without a word. */
const KEEP_ALIVE_PROBE_MS = 15_000;
/** How long an unused socket stays, milliseconds; load balancers close idle ones at 60 s and more. */
const IDLE_SOCKET_MS = 30_000;

/** One request on a pool; rejects with undici's own errors (errors.ts turns them into ours). */
export function sendOn(pool: Dispatcher, options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
  return request.call(pool, options);
}

/** Pools by lane for the newest TLS identity. */
export class Connections {
  readonly #limits: LaneLimits;
  #fingerprint: string | null = null;
  #pools = new Map<Lane, Dispatcher>();
  #closed = false;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** The pool to send on. A new TLS identity gets new pools; what is under way on the old ones may end there. */
  pool(lane: Lane, access: Access): Dispatcher {
    if (this.#closed) throw new Error('connections: used after close');
    if (this.#fingerprint !== access.fingerprint) {
      this.#retire();
      this.#fingerprint = access.fingerprint;
    }
    const known = this.#pools.get(lane);
    if (known !== undefined) return known;
    const made = makePool(access, this.#limits[lane]);
    this.#pools.set(lane, made);
    return made;
  }

  /** Drops every socket; requests under way fail. */
  async close(): Promise<void> {
    this.#closed = true;
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #retire(): void {
    for (const pool of this.#pools.values()) void pool.close().catch(() => undefined);
    this.#pools = new Map();
  }
}

function makePool(access: Access, connections: number): Dispatcher {
  // HTTP/1.1: one watch per socket fails alone, where one HTTP/2 socket would take all of them down.
  const pool = { connections, pipelining: 1, allowH2: false, keepAliveTimeout: IDLE_SOCKET_MS } as const;
  const connect = { timeout: CONNECT_MS, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS, allowH2: false };
  return access.proxyUrl === null
    ? new Agent({ ...pool, connect: { ...connect, ...access.tls } })
    : new ProxyAgent({ ...pool, uri: access.proxyUrl, requestTls: access.tls, connect });
}
