/**
 * Running one fixed command in a container and collecting what it prints. client-node's exec resolves when the socket
 * opens, may never resolve at all, has no caps and rejects with things that are no Errors; so this speaks the protocol
 * itself (v5.channel.k8s.io and v4: first byte of each message is the channel). Standard input is never sent: on v4
 * its end would close the socket and lose the tail of the output. The program goes into argv.
 */
import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext } from 'node:tls';
import WebSocket, { type ClientOptions } from 'ws';
import { parseStatus } from './body.ts';
import { systemClock, withDeadline, type Clock } from './clock.ts';
import type { Access } from './credentials.ts';
import { ClusterError, errorFromNetwork, errorFromStatus, isClusterError, type ApiStatus } from './errors.ts';
import type { ContainerRef } from './logs.ts';
import { pathOf, pods } from './paths.ts';
import type { Transport } from './transport.ts';

/** Limits of one exec. */
export interface ExecOptions {
  /** From the call to the exit status, milliseconds. The process inside may outlive it: give it a limit of its own. */
  readonly deadlineMs: number;
  readonly maxStdoutBytes: number;
  readonly maxStderrBytes: number;
  readonly signal?: AbortSignal | undefined;
  /** Until the socket is open; 10 s when left out. */
  readonly openTimeoutMs?: number;
  readonly clock?: Clock;
}

/** What the command printed and how it ended. */
export interface ExecResult {
  readonly stdout: Uint8Array;
  readonly stderr: string;
  /** A command that fails is a result, not an error. */
  readonly exitCode: number;
}

/**
 * Runs `argv`. Rejects with `ClusterError`: NoSuchExecutable (try another program), NotFound (pod or container),
 * Forbidden, TooLarge (a cap), Timeout, Aborted, Unavailable (the socket ended without an exit status).
 */
export async function execInPod(
  transport: Transport,
  ref: ContainerRef,
  argv: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  const { deadlineMs: timeoutMs, signal, clock = systemClock } = options;
  const what = `exec in ${ref.namespace}/${ref.pod}/${ref.container}`;
  return withDeadline(what, { timeoutMs, signal, clock }, async (running) => {
    const attempt = async (): Promise<ExecResult> => {
      const access = await transport.access();
      running.throwIfAborted();
      return new ExecSession(what, options, running).run(execUrl(access, ref, argv), clientOptions(access, options));
    };
    try {
      return await attempt();
    } catch (error) {
      if (!isClusterError(error, 'Unauthorized')) throw error;
      transport.refreshCredentials();
      return await attempt();
    }
  });
}

function execUrl(access: Access, ref: ContainerRef, argv: readonly string[]): string {
  const path = pathOf(pods, { namespace: ref.namespace, name: ref.pod, subresource: 'exec' });
  const url = new URL(access.server.replace(/^http/, 'ws') + path);
  url.searchParams.set('container', ref.container);
  url.searchParams.set('stdout', 'true');
  url.searchParams.set('stderr', 'true');
  for (const argument of argv) url.searchParams.append('command', argument);
  return url.href;
}

const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
/** Largest WebSocket message; the API server copies in pieces of at most 32 KiB. */
const MAX_MESSAGE_BYTES = 2 ** 20;
const MAX_STATUS_BYTES = 64 * 2 ** 10;

function clientOptions(access: Access, options: ExecOptions): ClientOptions {
  const { authorization, ...others } = access.headers;
  return {
    headers: { ...others, ...(authorization === undefined ? {} : { authorization }), 'user-agent': 'uwsgi-tuner' },
    ...access.tls,
    agent: access.proxyAgent ?? agentFor(access),
    handshakeTimeout: Math.min(options.openTimeoutMs ?? 10_000, options.deadlineMs),
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    followRedirects: false,
  };
}

let newest: { readonly fingerprint: string; readonly agent: HttpsAgent } | null = null;

/** One agent for the newest TLS identity: certificates are parsed once, and the server's sessions are resumed. */
function agentFor({ server, fingerprint, tls }: Access): HttpsAgent | undefined {
  if (!server.startsWith('https:')) return undefined;
  if (newest?.fingerprint !== fingerprint) {
    newest = { fingerprint, agent: new HttpsAgent({ ...tls, secureContext: createSecureContext(tls) }) };
  }
  return newest.agent;
}

/** Channels of the protocol. 255 (half-close) and unknown ones are ignored. */
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;

/** One socket's life: settles once, on the exit status, a close, an error, a cap or the signal. */
class ExecSession {
  readonly #what: string;
  readonly #options: ExecOptions;
  readonly #signal: AbortSignal;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  readonly #status: Buffer[] = [];
  readonly #bytes = { stdout: 0, stderr: 0, status: 0 };

  constructor(what: string, options: ExecOptions, signal: AbortSignal) {
    this.#what = what;
    this.#options = options;
    this.#signal = signal;
  }

  run(url: string, clientOptions: ClientOptions): Promise<ExecResult> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, PROTOCOLS, clientOptions);
      const settle = (end: () => void): void => {
        this.#signal.removeEventListener('abort', onAbort);
        end();
        socket.terminate();
      };
      const fail = (error: ClusterError): void => {
        settle(() => {
          reject(error);
        });
      };
      const onAbort = (): void => {
        fail(ClusterError.aborted(this.#what));
      };
      this.#signal.addEventListener('abort', onAbort, { once: true });
      socket.on('error', (error) => {
        fail(this.#socketError(error));
      });
      socket.on('unexpected-response', (_, response) => {
        void this.#refusal(response).then(fail);
      });
      socket.on('close', (code) => {
        const lost = `${this.#what}: the connection ended (${code}) without an exit status`;
        fail(new ClusterError('Unavailable', lost));
      });
      socket.on('message', (data) => {
        try {
          const result = this.#take(data as Buffer);
          if (result === null) return;
          settle(() => {
            resolve(result);
          });
        } catch (error) {
          fail(errorFromNetwork(this.#what, error));
        }
      });
    });
  }

  /** Keeps the bytes of one message; gives the result when it was the exit status. */
  #take(message: Buffer): ExecResult | null {
    const { maxStdoutBytes, maxStderrBytes } = this.#options;
    const bytes = message.subarray(1);
    switch (message[0]) {
      case STDOUT:
        this.#bytes.stdout += this.#within(bytes, this.#bytes.stdout, maxStdoutBytes, 'output');
        this.#stdout.push(bytes);
        return null;
      case STDERR:
        this.#bytes.stderr += this.#within(bytes, this.#bytes.stderr, maxStderrBytes, 'error output');
        this.#stderr.push(bytes);
        return null;
      case STATUS:
        this.#bytes.status += this.#within(bytes, this.#bytes.status, MAX_STATUS_BYTES, 'status');
        this.#status.push(bytes);
        return this.#finish();
      default:
        return null;
    }
  }

  #within(bytes: Buffer, before: number, cap: number, name: string): number {
    if (before + bytes.length > cap) {
      throw new ClusterError('TooLarge', `${this.#what}: ${name} is larger than ${cap} bytes`);
    }
    return bytes.length;
  }

  /** Null while the status message is not complete. */
  #finish(): ExecResult | null {
    const status = parseExecStatus(Buffer.concat(this.#status).toString('utf8'));
    if (status === null) return null;
    const stderr = Buffer.concat(this.#stderr).toString('utf8');
    const exitCode = exitCodeOf(this.#what, status);
    // CRI-O reports a missing program as exit status 126 or 127 of the runtime, containerd as a failed exec.
    if ((exitCode === 126 || exitCode === 127) && this.#bytes.stdout === 0 && RUNTIME_NO_SUCH_EXECUTABLE.test(stderr)) {
      throw noSuchExecutable(this.#what);
    }
    return { stdout: Buffer.concat(this.#stdout), stderr, exitCode };
  }

  #socketError(error: Error): ClusterError {
    if (/handshake has timed out/i.test(error.message)) {
      return new ClusterError('Timeout', `${this.#what}: the connection did not open in time`);
    }
    const { code } = error as NodeJS.ErrnoException;
    if (code?.startsWith('WS_ERR_') === true) return new ClusterError('Protocol', `${this.#what}: ${code}`);
    return errorFromNetwork(this.#what, error);
  }

  async #refusal(response: IncomingMessage): Promise<ClusterError> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > MAX_STATUS_BYTES) break;
      }
    } catch {
      // The status line is enough to name the refusal.
    }
    const status = parseStatus(Buffer.concat(chunks).toString('utf8'));
    const retryAfter = response.headers['retry-after'] ?? null;
    return execRefusal(this.#what, response.statusCode ?? 0, status, retryAfter);
  }
}

/** The Status of channel 3; unlike elsewhere its `kind` may be missing. */
function parseExecStatus(text: string): ApiStatus | null {
  try {
    const value = JSON.parse(text) as ApiStatus | null;
    return typeof value?.status === 'string' ? value : null;
  } catch {
    return null;
  }
}

/** The exit code, or throws why the command never ran. */
function exitCodeOf(what: string, status: ApiStatus): number {
  if (status.status === 'Success') return 0;
  const code = Number(status.details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message);
  if (status.reason === 'NonZeroExitCode' && Number.isInteger(code)) return code;
  throw execRefusal(what, status.code ?? 500, status, null);
}

const NO_SUCH_EXECUTABLE =
  /executable file not found|exec: .*: (no such file or directory|permission denied)|stat [^ ]+: no such file or directory/;
const RUNTIME_NO_SUCH_EXECUTABLE = new RegExp(`(runc|crun|runtime|exec failed).*(${NO_SUCH_EXECUTABLE.source})`, 's');
const NO_SUCH_CONTAINER =
  /container not found|container .* is not running|cannot exec in a (stopped|paused) container|no such container|not found in pod|container .* is not valid for pod/i;

function execRefusal(what: string, code: number, status: ApiStatus | null, retryAfter: string | null): ClusterError {
  const message = status?.message ?? '';
  if (NO_SUCH_EXECUTABLE.test(message)) return noSuchExecutable(what);
  if (NO_SUCH_CONTAINER.test(message)) {
    return new ClusterError('NotFound', `${what}: the container is not running`, { status: code });
  }
  return errorFromStatus(what, code, status, retryAfter);
}

function noSuchExecutable(what: string): ClusterError {
  return new ClusterError('NoSuchExecutable', `${what}: the container has no such program`);
}
