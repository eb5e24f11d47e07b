/** Reading what the API server answers, never further than a cap. */
import type { Dispatcher } from 'undici';
import { ClusterError, errorFromNetwork, errorFromStatus, type ApiStatus } from './errors.ts';

/** Enough of a refusal to hold its Status object. */
const REFUSAL_BYTES = 16 * 2 ** 10;

/** The body as text. Throws TooLarge as soon as it passes `maxBytes`, without reading on. */
export async function readBody(what: string, body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new ClusterError('TooLarge', `${what}: answer is larger than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw errorFromNetwork(what, error);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The error for an answer that is not a success. */
export async function refusal(what: string, response: Dispatcher.ResponseData): Promise<ClusterError> {
  const retryAfter = response.headers['retry-after'];
  const text = await readBody(what, response.body, REFUSAL_BYTES).catch(() => '');
  return errorFromStatus(
    what,
    response.statusCode,
    parseStatus(text),
    typeof retryAfter === 'string' ? retryAfter : null,
  );
}

/** A meta/v1 Status, or null: proxies in between answer in HTML. */
export function parseStatus(text: string): ApiStatus | null {
  try {
    const value = JSON.parse(text) as ApiStatus | null;
    return value?.kind === 'Status' ? value : null;
  } catch {
    return null;
  }
}
