/** An answer that arrives bit by bit (watch, followed log): bounded to open, bounded in silence, always closable. */
import type { Dispatcher } from 'undici';
import { refusal } from './body.ts';
import { withDeadline, type Clock } from './clock.ts';
import { sendOn } from './connections.ts';
import { ClusterError, errorFromNetwork } from './errors.ts';

/** Iterate it once. The iteration ends when the server ends the answer and throws `ClusterError` on any other end. */
export interface ResponseStream extends AsyncIterable<Buffer> {
  /** Ends the stream from this side; an iteration under way throws Aborted. */
  close(): void;
}

/** What `openStream` needs. */
export interface OpenStream {
  readonly what: string;
  readonly dispatcher: Dispatcher;
  readonly request: Dispatcher.RequestOptions;
  readonly clock: Clock;
  readonly openTimeoutMs: number;
  /** 0: for ever. */
  readonly idleTimeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly onAnswer: (status: number | null) => void;
}

/** Resolves at a success's status line; rejects with `ClusterError` otherwise. */
export async function openStream(options: OpenStream): Promise<ResponseStream> {
  const { what, dispatcher, request, clock, openTimeoutMs, idleTimeoutMs, signal, onAnswer } = options;
  const life = new AbortController();
  const onAbort = (): void => {
    life.abort(ClusterError.aborted(what));
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  const release = (): void => {
    signal?.removeEventListener('abort', onAbort);
  };
  try {
    const response = await withDeadline(what, { timeoutMs: openTimeoutMs, signal, clock }, async (opening) => {
      opening.addEventListener('abort', () => {
        life.abort(opening.reason);
      });
      const limits = { headersTimeout: openTimeoutMs, bodyTimeout: idleTimeoutMs };
      const found = await sendOn(dispatcher, { ...request, ...limits, signal: life.signal });
      onAnswer(found.statusCode);
      if (found.statusCode < 200 || found.statusCode > 299) throw await refusal(what, found);
      return found;
    });
    return streamOf(what, response, life, release);
  } catch (error) {
    release();
    life.abort(error);
    if (!(error instanceof ClusterError)) onAnswer(null);
    throw errorFromNetwork(what, error);
  }
}

function streamOf(
  what: string,
  response: Dispatcher.ResponseData,
  life: AbortController,
  release: () => void,
): ResponseStream {
  const { body } = response;
  // A body that is dropped before anyone iterates still reports its end.
  body.on('error', () => undefined);
  const close = (): void => {
    release();
    life.abort(ClusterError.aborted(what));
  };
  async function* iterate(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for await (const chunk of body) yield chunk as Buffer;
    } catch (error) {
      throw errorFromNetwork(what, life.signal.aborted ? life.signal.reason : error);
    } finally {
      close();
    }
  }
  return { close, [Symbol.asyncIterator]: iterate };
}
