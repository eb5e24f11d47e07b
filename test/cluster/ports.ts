import { createServer } from 'node:net';
import type { Server } from 'node:net';

/**
 * Below the range that kernels hand out to outgoing connections (32768 and up), so that a port stays free while the
 * API server behind it is stopped for a moment.
 */
const FIRST = 20_000;
const COUNT = 12_000;

/** Finds free TCP ports on loopback, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const held: Server[] = [];
  const ports: number[] = [];
  while (ports.length < count) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    const server = await listen(port);
    if (server === undefined) continue;
    held.push(server); // held until all are found, so that none is found twice
    ports.push(port);
  }
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(undefined);
    });
    server.listen(port, '127.0.0.1', () => {
      resolve(server);
    });
  });
}
