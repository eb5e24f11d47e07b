/**
 * The probes' and Prometheus' door. /healthz fails only for what a restart cures (a reflector that stands still), never
 * because the API server is away. /readyz is good once the caches are full, on standbys too.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

/** One thing that must be so; `problem` gives null while it is. Must not throw. */
export interface Check {
  readonly name: string;
  readonly problem: () => string | null;
}

/** What a health check reads of a reflector. */
export interface Synced {
  readonly hasSynced: boolean;
  readonly lastActivityAgeMs: number;
}

/** A reflector tries something at least every few minutes: its watch idles out after 90 s, its back-off after 30. */
const STANDSTILL_MS = 300_000;

/** Liveness: the reflector still tries. */
export function reflectorMoves(kind: string, reflector: Synced): Check {
  return {
    name: `reflector-${kind}`,
    problem: () => {
      const age = reflector.lastActivityAgeMs;
      return age <= STANDSTILL_MS ? null : `stands still for ${Math.round(age / 1000)} s`;
    },
  };
}

/** Readiness: the reflector's first list is in. */
export function reflectorSynced(kind: string, reflector: Synced): Check {
  return { name: `cache-${kind}`, problem: () => (reflector.hasSynced ? null : 'not listed yet') };
}

/** What to serve. */
export interface HealthOptions {
  /** 0: any free port. */
  readonly port: number;
  /** All addresses when left out. */
  readonly host?: string;
  readonly live: readonly Check[];
  readonly ready: readonly Check[];
  readonly registry: Registry;
}

/** The running server. */
export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts to listen. Rejects when the port is taken. */
export async function startHealthServer(options: HealthOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    void respond(options, request, response);
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 5_000;
  server.maxConnections = 64;
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, { port, host }: HealthOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function respond(options: HealthOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = (status: number, type: string, body: string): void => {
    response.writeHead(status, { 'content-type': type }).end(request.method === 'HEAD' ? undefined : body);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(405, 'text/plain', 'want GET\n');
    return;
  }
  switch ((request.url ?? '').split('?')[0]) {
    case '/healthz':
      send(...verdict(options.live));
      return;
    case '/readyz':
      send(...verdict(options.ready));
      return;
    case '/metrics':
      send(200, options.registry.contentType, await options.registry.metrics());
      return;
    default:
      send(404, 'text/plain', 'not found\n');
  }
}

/** In the words of the API server's own health endpoints. */
function verdict(checks: readonly Check[]): [status: number, type: string, body: string] {
  const found = checks.map(({ name, problem }) => ({ name, problem: problem() }));
  const failed = found.some(({ problem }) => problem !== null);
  const lines = found.map(({ name, problem }) =>
    problem === null ? `[+]${name} ok` : `[-]${name} failed: ${problem}`,
  );
  return [failed ? 503 : 200, 'text/plain', `${[...lines, failed ? 'failed' : 'ok'].join('\n')}\n`];
}
