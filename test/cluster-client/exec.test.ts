import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { execInPod, type ExecOptions, type ExecResult } from '../../src/cluster/exec.ts';
import { createTransport } from '../../src/cluster/transport.ts';
import { ClusterError } from '../../src/cluster/errors.ts';
import { plainCredentials, startFakeApiServer } from './support/api-server.ts';

let open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open) await close();
  open = [];
});

type Behaviour = (socket: WebSocket, url: URL, protocol: string) => void;
interface Kubelet {
  readonly protocols?: readonly string[];
  readonly onUpgrade?: (socket: Duplex) => boolean;
}

async function exec(behave: Behaviour, options: Partial<ExecOptions> = {}, kubelet: Kubelet = {}): Promise<ExecResult> {
  const server = await startFakeApiServer((_, response: ServerResponse) => response.end());
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => (kubelet.protocols ?? [...offered]).find((name) => offered.has(name)) ?? false,
  });
  server.server.on('upgrade', (request, socket: Duplex, head: Buffer) => {
    if (kubelet.onUpgrade?.(socket) === true) return;
    sockets.handleUpgrade(request, socket, head, (client) => {
      behave(client, new URL(request.url ?? '', 'http://x'), client.protocol);
    });
  });
  const transport = createTransport(plainCredentials(server.url));
  open.push(() => transport.close(), server.close);
  return execInPod(transport, { namespace: 'shop', pod: 'web-0', container: 'app' }, ['sh', '-c', 'echo a & b'], {
    deadlineMs: 3_000,
    maxStdoutBytes: 1_000,
    maxStderrBytes: 100,
    ...options,
  });
}

async function failure(promise: Promise<unknown>): Promise<ClusterError> {
  const error: unknown = await promise.then(
    () => new Error('did not fail'),
    (e: unknown) => e,
  );
  if (!(error instanceof ClusterError)) throw error;
  return error;
}

function send(socket: WebSocket, channel: number, text: string): void {
  socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));
}
const success = JSON.stringify({ metadata: {}, status: 'Success' });
const exitStatus = (code: string): string =>
  JSON.stringify({
    status: 'Failure',
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: code }] },
  });
const internal = (message: string, code = 500): string =>
  JSON.stringify({ status: 'Failure', reason: 'InternalError', message, code });

describe('exec', () => {
  it.each(['v5.channel.k8s.io', 'v4.channel.k8s.io'])('collects output and exit code 0 over %s', async (protocol) => {
    const asked: unknown[] = [];
    const result = await exec(
      (socket, url, chosen) => {
        asked.push(chosen, url.pathname, url.searchParams.getAll('command'), url.searchParams.get('container'));
        for (const text of ['', 'one ', 'two']) send(socket, 1, text);
        send(socket, 2, 'warning');
        send(socket, 3, success);
        socket.close();
      },
      {},
      { protocols: [protocol] },
    );
    expect({ ...result, stdout: Buffer.from(result.stdout).toString() }).toEqual({
      stdout: 'one two',
      stderr: 'warning',
      exitCode: 0,
    });
    expect(asked).toEqual([protocol, '/api/v1/namespaces/shop/pods/web-0/exec', ['sh', '-c', 'echo a & b'], 'app']);
  });

  it('gives the exit code of a command that failed', async () => {
    const result = await exec((socket) => {
      send(socket, 2, 'no');
      send(socket, 3, exitStatus('3'));
    });
    expect(result).toMatchObject({ exitCode: 3, stderr: 'no' });
  });

  it.each([
    'error executing command in container: failed to exec in container: failed to start exec "ab": OCI runtime exec failed: exec failed: unable to start container process: exec: "python3": executable file not found in $PATH: unknown',
    'OCI runtime exec failed: exec failed: unable to start container process: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown',
  ])('tells a program that is not there', async (message) => {
    const error = await failure(
      exec((socket) => {
        send(socket, 3, internal(message));
      }),
    );
    expect(error).toMatchObject({ kind: 'NoSuchExecutable' });
  });

  it('tells a container that is not there from other internal errors', async () => {
    const gone = (text: string): Promise<ClusterError> =>
      failure(
        exec((socket) => {
          send(socket, 3, internal(text));
        }),
      );
    expect(await gone('unable to upgrade connection: container not found ("app")')).toMatchObject({ kind: 'NotFound' });
    expect(await gone('error dialing backend: dial tcp: connect refused')).toMatchObject({ kind: 'Unavailable' });
  });

  it.each([
    [
      'closes',
      (socket: WebSocket) => {
        socket.close();
      },
    ],
    [
      'is cut',
      (socket: WebSocket) => {
        socket.terminate();
      },
    ],
  ])('ends when the socket %s without a status', async (_, end) => {
    const error = await failure(
      exec((socket) => {
        send(socket, 1, 'half');
        setTimeout(() => {
          end(socket);
        }, 20);
      }),
    );
    expect(error).toMatchObject({ kind: 'Unavailable' });
    expect(error.message).not.toContain('half');
  });

  it.each([[1], [2]])('closes the socket at the cap of channel %i', async (channel) => {
    let closed: Promise<void> | undefined;
    const error = await failure(
      exec((socket) => {
        closed = new Promise((resolve) =>
          socket.on('close', () => {
            resolve();
          }),
        );
        const timer = setInterval(() => {
          send(socket, channel, 'x'.repeat(300));
        }, 1);
        socket.on('close', () => {
          clearInterval(timer);
        });
      }),
    );
    expect(error).toMatchObject({ kind: 'TooLarge' });
    await closed;
  });

  it('ignores half-close and unknown channels, and refuses a message larger than any honest one', async () => {
    const result = await exec((socket) => {
      send(socket, 255, '\x01');
      send(socket, 77, 'x');
      socket.send(Buffer.alloc(0));
      send(socket, 3, success);
    });
    expect(result.exitCode).toBe(0);
    expect(
      await failure(
        exec((socket) => {
          send(socket, 77, 'x'.repeat(2 ** 21));
        }),
      ),
    ).toMatchObject({ kind: 'Protocol' });
  });

  it('ends at the deadline and closes the socket', async () => {
    let closed: Promise<void> | undefined;
    const begun = performance.now();
    const error = await failure(
      exec(
        (socket) => {
          closed = new Promise((resolve) =>
            socket.on('close', () => {
              resolve();
            }),
          );
        },
        { deadlineMs: 200 },
      ),
    );
    expect(error).toMatchObject({ kind: 'Timeout' });
    expect(performance.now() - begun).toBeLessThan(1_000);
    await closed;
  });

  it('ends when the socket never opens', async () => {
    const error = await failure(exec(() => undefined, { openTimeoutMs: 200 }, { onUpgrade: () => true }));
    expect(error).toMatchObject({ kind: 'Timeout' });
  });

  it('ends when the caller aborts', async () => {
    const controller = new AbortController();
    const error = failure(
      exec(
        () => {
          controller.abort();
        },
        { signal: controller.signal },
      ),
    );
    expect(await error).toMatchObject({ kind: 'Aborted' });
  });

  it.each([
    [403, 'Forbidden', 'Forbidden', 'pods "web-0" is forbidden: cannot create resource "pods/exec"'],
    [404, 'NotFound', 'NotFound', 'pods "web-0" not found'],
    [400, 'BadRequest', 'NotFound', 'container app is not valid for pod web-0'],
    [429, 'TooManyRequests', 'TooManyRequests', 'later'],
  ])('turns a refused upgrade with %i into an error of its kind', async (code, reason, kind, message) => {
    const error = await failure(
      exec(
        () => undefined,
        {},
        {
          onUpgrade: (socket) => {
            const body = JSON.stringify({ kind: 'Status', status: 'Failure', code, reason, message });
            socket.end(
              `HTTP/1.1 ${code} x\r\nContent-Type: application/json\r\nRetry-After: 2\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
            );
            return true;
          },
        },
      ),
    );
    expect(error).toMatchObject({ kind, status: code });
  });
});
