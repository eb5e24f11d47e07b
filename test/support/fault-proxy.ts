/**
 * A proxy on loopback between the operator and the API server. For each request a test says what happens to it; the
 * operator cannot tell it from a bad network or a bad server.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as httpsRequest, Agent, type Server } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import type { AddressInfo, Socket } from 'node:net';
import type { Transform } from 'node:stream';
import { load } from 'js-yaml';
import type { ControlPlane, ServerCertificate } from '../cluster/index.ts';

/** One request as it arrived. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly upgrade: boolean;
}

/** What happens to a request. */
export type Fault =
  | { readonly kind: 'pass' }
  /** Waits, then passes. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The connection stays open and nothing ever comes; the API server is never asked. */
  | { readonly kind: 'never' }
  /** The connection breaks; the API server is never asked. */
  | { readonly kind: 'reset' }
  /** The API server does it, `afterwards` is called, and the connection breaks before the answer is told. */
  | { readonly kind: 'lost'; readonly afterwards?: () => void }
  | { readonly kind: 'status'; readonly code: number; readonly headers?: Readonly<Record<string, string>> }
  /** The answer's body goes through a transform. */
  | { readonly kind: 'mangle'; readonly through: () => Transform }
  /** Another answer that was given before. */
  | { readonly kind: 'body'; readonly text: string }
  /** For an upgrade: breaks after so many bytes of the answer. */
  | { readonly kind: 'cut'; readonly afterBytes: number };

/** A promise holds the request until it is decided. */
export type Rule = (request: SeenRequest) => Fault | Promise<Fault>;

/** One certificate for all proxies of a cluster. */
const certificates = new Map<string, Promise<ServerCertificate>>();

function certificateOf(cluster: ControlPlane): Promise<ServerCertificate> {
  const known = certificates.get(cluster.name) ?? cluster.issueServerCertificate('127.0.0.1');
  certificates.set(cluster.name, known);
  return known;
}

const PASS: Fault = { kind: 'pass' };

export class FaultProxy {
  /** Decides about each request; replace it at any time. */
  rule: Rule = () => PASS;
  /** Called with the body of each answer that passed whole, for replaying it later. */
  onBody: ((request: SeenRequest, body: string) => void) | null = null;
  readonly seen: SeenRequest[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #upstream: URL;
  readonly #ca: string;
  readonly #agent: Agent;
  #frozen = new WeakSet<Socket>();

  private constructor(server: Server, upstream: URL, ca: string) {
    this.#server = server;
    this.#upstream = upstream;
    this.#ca = ca;
    this.#agent = new Agent({ ca, keepAlive: true });
    server.on('request', (request, response) => void this.#handle(request, response));
    server.on(
      'upgrade',
      (request: IncomingMessage, socket: Socket, head: Buffer) => void this.#upgrade(request, socket, head),
    );
    server.on('secureConnection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('tlsClientError', () => undefined);
  }

  static async start(cluster: ControlPlane): Promise<FaultProxy> {
    const { cert, key, ca } = await certificateOf(cluster);
    const config = load(readFileSync(cluster.kubeconfig, 'utf8')) as { clusters: { cluster: { server: string } }[] };
    const proxy = new FaultProxy(createServer({ cert, key }), new URL(config.clusters[0]?.cluster.server ?? ''), ca);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Breaks every connection there is. */
  breakAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Every connection there is falls silent for good, in both directions, and stays open. New ones are as `rule` says. */
  freezeAll(): void {
    for (const socket of this.#sockets) this.#frozen.add(socket);
  }

  async stop(): Promise<void> {
    this.breakAll();
    this.#agent.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #note(request: IncomingMessage, upgrade: boolean): SeenRequest {
    const seen = { method: request.method ?? '', url: request.url ?? '', at: Date.now(), upgrade };
    this.seen.push(seen);
    return seen;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#frozen.has(request.socket)) return;
    const seen = this.#note(request, false);
    const fault = await this.rule(seen);
    if (fault.kind === 'never') return;
    if (fault.kind === 'reset' || fault.kind === 'cut') {
      request.socket.destroy();
      return;
    }
    if (fault.kind === 'status') {
      const status = {
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        code: fault.code,
        message: 'a fault of the test',
      };
      response
        .writeHead(fault.code, { 'content-type': 'application/json', ...fault.headers })
        .end(JSON.stringify(status));
      return;
    }
    if (fault.kind === 'body') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(fault.text);
      return;
    }
    if (fault.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    this.#forward(request, response, seen, fault);
  }

  #forward(request: IncomingMessage, response: ServerResponse, seen: SeenRequest, fault: Fault): void {
    const { socket } = request;
    const outgoing = httpsRequest(
      {
        agent: this.#agent,
        host: this.#upstream.hostname,
        port: this.#upstream.port,
        method: seen.method,
        path: seen.url,
        headers: { ...request.headers, host: this.#upstream.host },
      },
      (answer) => {
        if (fault.kind === 'lost') {
          answer.resume();
          answer.on('end', () => {
            fault.afterwards?.();
            socket.destroy();
          });
          return;
        }
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.flushHeaders();
        const body = fault.kind === 'mangle' ? answer.pipe(fault.through()) : answer;
        const chunks: Buffer[] = [];
        body.on('data', (chunk: Buffer) => {
          if (this.#frozen.has(socket)) return;
          response.write(chunk);
          if (this.onBody !== null) chunks.push(chunk);
        });
        body.on('end', () => {
          if (this.#frozen.has(socket)) return;
          response.end();
          this.onBody?.(seen, Buffer.concat(chunks).toString());
        });
        answer.on('error', () => socket.destroy());
      },
    );
    outgoing.on('error', () => {
      if (!this.#frozen.has(socket)) socket.destroy();
    });
    response.on('close', () => outgoing.destroy());
    request.pipe(outgoing);
  }

  async #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    socket.on('error', () => undefined);
    if (this.#frozen.has(request.socket)) return;
    const seen = this.#note(request, true);
    const fault = await this.rule(seen);
    if (fault.kind === 'never') return;
    if (fault.kind === 'reset' || fault.kind === 'lost') {
      socket.destroy();
      return;
    }
    if (fault.kind === 'status') {
      socket.end(`HTTP/1.1 ${fault.code} Fault\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    if (fault.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    const upstream = connect({ host: this.#upstream.hostname, port: Number(this.#upstream.port), ca: this.#ca });
    upstream.on('error', () => socket.destroy());
    const lines = [`${seen.method} ${seen.url} HTTP/1.1`];
    for (let index = 0; index < request.rawHeaders.length; index += 2) {
      const name = request.rawHeaders[index] ?? '';
      lines.push(`${name}: ${/^host$/i.test(name) ? this.#upstream.host : (request.rawHeaders[index + 1] ?? '')}`);
    }
    upstream.write(`${lines.join('\r\n')}\r\n\r\n`);
    upstream.write(head);
    socket.pipe(upstream);
    this.#answerUpgrade(upstream, socket, fault.kind === 'cut' ? fault.afterBytes : Infinity);
  }

  #answerUpgrade(upstream: TLSSocket, socket: Socket, cutAfter: number): void {
    let bytes = 0;
    upstream.on('data', (chunk: Buffer) => {
      if (this.#frozen.has(socket)) return;
      bytes += chunk.length;
      if (bytes > cutAfter) socket.destroy();
      else socket.write(chunk);
    });
    upstream.on('end', () => {
      if (!this.#frozen.has(socket)) socket.end();
    });
    socket.on('close', () => upstream.destroy());
  }
}
