/** One watch request: from a resourceVersion until it ends, for whatever reason. */
import type { Clock } from './clock.ts';
import { ClusterError, errorFromStatus, type ApiStatus } from './errors.ts';
import { LineSplitter } from './lines.ts';
import type { KubernetesObject } from './objects.ts';
import { pathOf, type Resource } from './paths.ts';
import type { Transport } from './transport.ts';

/** What a watch says about one object. */
export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED';

interface WatchLine {
  readonly type: WatchEventType | 'BOOKMARK' | 'ERROR';
  readonly object: KubernetesObject | ApiStatus;
}

/** What to watch. */
export interface WatchOptions<T> {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly resourceVersion: string;
  /** The server ends the watch after this long. */
  readonly serverTimeoutSeconds: number;
  /** Longest silence, milliseconds. Bookmarks come about once a minute, with up to a quarter of jitter. */
  readonly idleTimeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The server accepted the watch. */
  readonly onOpen: () => void;
  readonly onEvent: (type: WatchEventType, object: T) => void;
  /** Everything up to this resourceVersion has been seen; called after each event and for bookmarks. */
  readonly onProgress: (resourceVersion: string) => void;
}

/** Largest event: etcd stores at most 1.5 MiB, as JSON a little more. */
const MAX_EVENT_BYTES = 8 * 2 ** 20;
const OPEN_TIMEOUT_MS = 15_000;
/** How long after its own timeout the server may take to end a watch, milliseconds. */
const OVERDUE_MS = 10_000;

/**
 * Resolves when the server ends the watch. Rejects with `ClusterError`: Expired (list again), Timeout after silence,
 * Unavailable when the connection breaks, Protocol on a line that is no event.
 */
export async function watch<T extends KubernetesObject>(
  transport: Transport,
  resource: Resource,
  options: WatchOptions<T>,
): Promise<void> {
  const path = pathOf(resource, { namespace: options.namespace });
  const what = `watch ${path}`;
  const stream = await transport.stream({
    path,
    query: {
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: options.resourceVersion,
      timeoutSeconds: options.serverTimeoutSeconds,
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
    },
    openTimeoutMs: OPEN_TIMEOUT_MS,
    idleTimeoutMs: options.idleTimeoutMs,
    signal: options.signal,
  });
  options.onOpen();
  const tooLong = (): ClusterError =>
    new ClusterError('TooLarge', `${what}: event is larger than ${MAX_EVENT_BYTES} bytes`);
  const splitter = new LineSplitter({ maxLineBytes: MAX_EVENT_BYTES, tooLong }, (line) => {
    if (line !== '') take(what, line, options);
  });
  // A server that never ends what it promised to end may be gone.
  const cancel = options.clock.after(options.serverTimeoutSeconds * 1000 + OVERDUE_MS, () => {
    stream.close();
  });
  try {
    for await (const chunk of stream) splitter.push(chunk);
  } finally {
    cancel();
  }
}

function take<T extends KubernetesObject>(what: string, line: string, options: WatchOptions<T>): void {
  const event = parseLine(what, line);
  if (event.type === 'ERROR') {
    const status = event.object as ApiStatus;
    throw errorFromStatus(what, status.code ?? 500, status);
  }
  const object = event.object as T;
  const { resourceVersion } = object.metadata;
  if (event.type !== 'BOOKMARK') options.onEvent(event.type, object);
  if (resourceVersion !== undefined) options.onProgress(resourceVersion);
}

function parseLine(what: string, line: string): WatchLine {
  try {
    const event = JSON.parse(line) as WatchLine | null;
    const known = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'].includes(event?.type ?? '');
    if (event !== null && known && (event.type === 'ERROR' || 'metadata' in event.object)) return event;
  } catch {
    // Reported below, without the line.
  }
  throw new ClusterError('Protocol', `${what}: a line of ${line.length} characters is no event`);
}
