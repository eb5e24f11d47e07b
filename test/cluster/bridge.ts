import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

import { freePorts } from './ports.ts';
import { writeProgram } from './programs.ts';
import { startPrograms, waitUntil } from './supervisor.ts';

/*
 * Ports between the host's loopback and a cluster's own network. A Unix socket is a file, and a file is seen from every
 * network namespace, so two socat processes make a bridge without touching the host's network:
 *
 *   host 127.0.0.1:PORT  socat --- NAME.sock --- socat  10.244.0.5:8080 inside
 *
 * Both belong to the cluster's pid namespace and end with it. The one on the host's side enters the host's network
 * through descriptor 5, which node.sh opened before it left. Paths are relative to the state folder, where the
 * supervisor runs: a socket's path may have only 107 characters.
 */
const HOST_SIDE = ['nsenter', '--net=/proc/self/fd/5', '--'];

/** Makes an address inside reachable at 127.0.0.1:port on the host. */
export async function bridgeIn(folder: string, name: string, port: number, address: string): Promise<void> {
  const listen = `TCP-LISTEN:${port},bind=127.0.0.1,reuseaddr,fork,backlog=128`;
  await writeProgram(folder, `${name}-inside`, socat(`UNIX-LISTEN:${name}.sock,fork,backlog=128`, `TCP:${address}`));
  await writeProgram(folder, `${name}-outside`, [...HOST_SIDE, ...socat(listen, `UNIX-CONNECT:${name}.sock`)]);
  await startPrograms(folder, [`${name}-inside`, `${name}-outside`]);
  await waitUntil(
    folder,
    `the bridge ${name}`,
    10_000,
    () => existsSync(join(folder, `${name}.sock`)) && accepts(port),
  );
}

/** Makes 127.0.0.1:port of the host reachable at the same port on every address inside. */
export async function bridgeOut(folder: string, port: number, isListening: () => Promise<boolean>): Promise<void> {
  const name = `host-${port}`;
  if (existsSync(join(folder, `${name}.sock`))) return;
  const listen = `TCP-LISTEN:${port},reuseaddr,fork,backlog=128`;
  await writeProgram(folder, `${name}-outside`, [
    ...HOST_SIDE,
    ...socat(`UNIX-LISTEN:${name}.sock,fork,backlog=128`, `TCP:127.0.0.1:${port}`),
  ]);
  await writeProgram(folder, `${name}-inside`, socat(listen, `UNIX-CONNECT:${name}.sock`));
  await startPrograms(folder, [`${name}-outside`, `${name}-inside`]);
  await waitUntil(folder, `port ${port} inside`, 10_000, async () => {
    return existsSync(join(folder, `${name}.sock`)) && (await isListening());
  });
}

/** A free port on the host for a new bridge. */
export async function bridgePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

function socat(from: string, to: string): readonly string[] {
  return ['socat', from, to];
}

/** Whether anything listens on a port of the host's loopback. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => {
      resolve(false);
    });
  });
}
