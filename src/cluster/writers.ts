/**
 * Writes to the API server, as raw JSON: typed models drop fields they do not know, and a read-modify-write through
 * them erases what a newer cluster set. Each write passes the fence first and ends within four seconds, so that one
 * begun under a lease is over before another holder can take it (leader-election.ts).
 */
import { ClusterError, isClusterError } from './errors.ts';
import { pathOf, type Place, type Resource } from './paths.ts';
import type { Transport } from './transport.ts';

/** Our name in managedFields. Never one that begins with `kubectl`: Flux removes what such managers set. */
export const FIELD_MANAGER = 'uwsgi-tuner';

/** Longest time of one write, milliseconds. */
export const WRITE_TIMEOUT_MS = 4_000;

/** What must still hold when the server applies the write; otherwise `ClusterError` Conflict. */
export interface Preconditions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

/** Options of one write. */
export interface WriteOptions {
  readonly signal?: AbortSignal | undefined;
  /** The server checks everything and stores nothing. */
  readonly dryRun?: boolean;
}

/** An object as JSON. */
export type RawObject = Readonly<Record<string, unknown>>;

/** What holds for all writes of one writer. */
export interface WriterOptions {
  /** Called right before each write is sent; throws to refuse it (lost lease, read-only). */
  readonly fence?: () => void;
  readonly fieldManager?: string;
}

/**
 * The ways to write. All resolve with the object as the server has it now and reject with `ClusterError`, or with what
 * the fence threw. None is tried again here: after Timeout and Unavailable the outcome is unknown, so observe first.
 */
export interface Writer {
  /** RFC 7386: null removes a key. Preconditions go into the patch's metadata. */
  mergePatch<T>(
    resource: Resource,
    place: Place,
    patch: RawObject,
    options?: WriteOptions & { readonly preconditions?: Preconditions },
  ): Promise<T>;
  /** Server-side apply of exactly our fields; Conflict names another owner unless `force`. */
  apply<T>(
    resource: Resource,
    place: Place,
    object: RawObject,
    options?: WriteOptions & { readonly force?: boolean },
  ): Promise<T>;
  /** `place` without a name; AlreadyExists when the name is taken. */
  create<T>(resource: Resource, place: Place, object: RawObject, options?: WriteOptions): Promise<T>;
  /** The object's metadata carries its preconditions. */
  replace<T>(resource: Resource, place: Place, object: RawObject, options?: WriteOptions): Promise<T>;
  /** Background propagation. */
  delete(
    resource: Resource,
    place: Place,
    options?: WriteOptions & { readonly preconditions?: Preconditions },
  ): Promise<void>;
  /** Merge patch of the status subresource alone. */
  patchStatus<T>(
    resource: Resource,
    place: Place,
    status: RawObject,
    options?: WriteOptions & { readonly preconditions?: Preconditions },
  ): Promise<T>;
}

/** A writer over `transport`. */
export function createWriter(transport: Transport, writerOptions: WriterOptions = {}): Writer {
  const { fence = () => undefined, fieldManager = FIELD_MANAGER } = writerOptions;

  const send = async <T>(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body: unknown,
    {
      signal,
      dryRun,
      contentType,
      query,
    }: WriteOptions & { contentType?: string; query?: Record<string, boolean> } = {},
  ): Promise<T> => {
    fence();
    return transport.request<T>({
      method,
      path,
      query: {
        ...query,
        ...(method === 'DELETE' ? {} : { fieldManager }),
        dryRun: dryRun === true ? 'All' : undefined,
      },
      body,
      ...(contentType === undefined ? {} : { contentType }),
      timeoutMs: WRITE_TIMEOUT_MS,
      retry: 'never',
      signal,
    });
  };
  const merge = <T>(path: string, patch: RawObject, options: WriteOptions): Promise<T> =>
    uidConflict(send<T>('PATCH', path, patch, { ...options, contentType: 'application/merge-patch+json' }));

  return {
    mergePatch: (resource, place, patch, { preconditions, ...options } = {}) =>
      merge(pathOf(resource, place), withPreconditions(patch, preconditions), options),
    apply: (resource, place, object, { force = false, ...options } = {}) =>
      send('PATCH', pathOf(resource, place), object, {
        ...options,
        contentType: 'application/apply-patch+yaml',
        query: { force },
      }),
    create: (resource, place, object, options) => send('POST', pathOf(resource, place), object, options),
    replace: (resource, place, object, options) => send('PUT', pathOf(resource, place), object, options),
    delete: async (resource, place, { preconditions, ...options } = {}) => {
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Background',
        ...(preconditions === undefined ? {} : { preconditions }),
        ...(options.dryRun === true ? { dryRun: ['All'] } : {}),
      };
      await send('DELETE', pathOf(resource, place), body, options);
    },
    patchStatus: (resource, place, status, { preconditions, ...options } = {}) =>
      merge(
        pathOf(resource, { ...place, subresource: 'status' }),
        withPreconditions({ status }, preconditions),
        options,
      ),
  };
}

/**
 * A resourceVersion in a patch's metadata makes the server answer 409 when it differs. A uid that differs (the object
 * was made anew) gives 422, "field is immutable", which here is a Conflict too.
 */
function withPreconditions(patch: RawObject, preconditions: Preconditions | undefined): RawObject {
  if (preconditions === undefined) return patch;
  return { ...patch, metadata: { ...(patch['metadata'] as RawObject | undefined), ...preconditions } };
}

async function uidConflict<T>(write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    if (!isClusterError(error, 'Invalid') || !error.message.includes('metadata.uid')) throw error;
    const { status, reason } = error;
    throw new ClusterError('Conflict', `${error.message.split(':')[0] ?? ''}: another object has this name now`, {
      status,
      reason,
    });
  }
}
