/**
 * The kubelet's side of exec and logs, for pods that run nothing: the API server proxies to it as to any kubelet. WebSocket
 * only, so the API server must not translate (`TranslateStreamCloseWebsocketRequests=false`, test/cluster/programs.ts).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { ServerCertificate } from '../../cluster/index.ts';

/** A container as a URL of the kubelet names it. */
export interface ContainerName {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** What an exec prints; null: the container is not there. `hangs`: it prints and then never ends. */
export interface Answer {
  readonly stdout: Uint8Array;
  readonly hangs?: boolean;
}

/** What runs in the containers. */
export interface Containers {
  readonly exec: (where: ContainerName, argv: readonly string[]) => Answer | null;
  /** Calls `print` with each line, those of the past first; returns how to stop. Null: no such container. */
  readonly follow: (where: ContainerName, print: (time: Date, line: string) => void) => (() => void) | null;
}

const STDOUT = 1;
const STATUS = 3;
const PIECE_BYTES = 32 * 1024;

export class FakeKubelet {
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => [...offered].find((name) => /^v[45]\.channel\.k8s\.io$/.test(name)) ?? false,
  });
  readonly #containers: Containers;

  private constructor(certificate: ServerCertificate, containers: Containers) {
    this.#containers = containers;
    this.#server = createServer({ cert: certificate.cert, key: certificate.key });
    this.#server.on('request', (request, response) => {
      this.#logs(request, response);
    });
    this.#server.on('upgrade', (request, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (opened) => {
        this.#exec(request, opened);
      });
    });
  }

  static async start(certificate: ServerCertificate, containers: Containers): Promise<FakeKubelet> {
    const kubelet = new FakeKubelet(certificate, containers);
    await new Promise<void>((resolve) => kubelet.#server.listen(0, '127.0.0.1', resolve));
    return kubelet;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #exec(request: IncomingMessage, socket: WebSocket): void {
    const url = new URL(request.url ?? '', 'https://kubelet');
    const where = containerOf(url, 'exec');
    const answer = where === null ? null : this.#containers.exec(where, url.searchParams.getAll('command'));
    socket.on('error', () => undefined);
    if (answer === null) {
      send(socket, STATUS, failure('container not found'));
      socket.close(1000);
      return;
    }
    for (let at = 0; at < answer.stdout.length; at += PIECE_BYTES) {
      send(socket, STDOUT, answer.stdout.subarray(at, at + PIECE_BYTES));
    }
    if (answer.hangs === true) return;
    send(socket, STATUS, Buffer.from(JSON.stringify({ metadata: {}, status: 'Success' })));
    socket.close(1000);
  }

  #logs(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', 'https://kubelet');
    const where = containerOf(url, 'containerLogs');
    if (where === null) {
      response.writeHead(404).end();
      return;
    }
    const stamped = url.searchParams.get('timestamps') === 'true';
    const seconds = url.searchParams.get('sinceSeconds');
    const since =
      seconds === null ? Date.parse(url.searchParams.get('sinceTime') ?? '') : Date.now() - Number(seconds) * 1000;
    const stop = this.#containers.follow(where, (time, line) => {
      if (time.getTime() < since) return;
      response.write(stamped ? `${time.toISOString()} ${line}\n` : `${line}\n`);
    });
    if (stop === null) {
      response.writeHead(404).end();
      return;
    }
    response.flushHeaders();
    if (url.searchParams.get('follow') === 'true') response.on('close', stop);
    else {
      stop();
      response.end();
    }
  }
}

function containerOf(url: URL, verb: string): ContainerName | null {
  const [, found, namespace, pod, container] = url.pathname.split('/');
  if (found !== verb || namespace === undefined || pod === undefined || container === undefined) return null;
  return { namespace, pod, container };
}

function send(socket: WebSocket, channel: number, bytes: Uint8Array): void {
  socket.send(Buffer.concat([Buffer.from([channel]), bytes]));
}

function failure(message: string): Buffer {
  return Buffer.from(JSON.stringify({ metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 }));
}
