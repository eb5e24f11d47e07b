/** A stand-in for the API server on loopback, for the faults that a real one cannot be made to show. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Access, Credentials } from '../../../src/cluster/credentials.ts';

export interface FakeApiServer {
  readonly url: string;
  readonly server: Server;
  /** Connections accepted so far. */
  readonly connections: () => number;
  readonly sockets: ReadonlySet<Socket>;
  readonly close: () => Promise<void>;
}

/** Serves `handle` on a free port. */
export async function startFakeApiServer(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<FakeApiServer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer(handle);
  server.on('connection', (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    server,
    connections: () => accepted,
    sockets,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Credentials for a server without TLS. */
export function plainCredentials(url: string, change: Partial<Access> = {}): Credentials & { refreshed: number } {
  const credentials = {
    namespace: null,
    refreshed: 0,
    access: () =>
      Promise.resolve({
        server: url,
        headers: { authorization: `Bearer token-${credentials.refreshed}` },
        tls: {},
        fingerprint: 'plain',
        proxyUrl: null,
        proxyAgent: null,
        ...change,
      }),
    refresh: () => {
      credentials.refreshed += 1;
    },
  };
  return credentials;
}

/** Answers with JSON. */
export function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** Answers with a meta/v1 Status. */
export function refuse(
  response: ServerResponse,
  code: number,
  reason: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  answer(response, code, { kind: 'Status', status: 'Failure', code, reason, message }, headers);
}
