/** Reading a whole collection page by page. */
import { isClusterError } from './errors.ts';
import type { KubernetesObject, ObjectList } from './objects.ts';
import { pathOf, type Resource } from './paths.ts';
import type { Transport } from './transport.ts';

/** What to list and how much at a time. */
export interface ListOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Objects per page, 500 when left out; fewer where a page passes `maxPageBytes`. */
  readonly pageSize?: number;
  readonly maxPageBytes?: number;
  /** For each page, milliseconds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Only each object's metadata is sent: a tenth of the bytes, or less. */
  readonly metadataOnly?: boolean;
}

const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

// The type parameter spares each caller a cast; what the server sends is raw JSON either way.
/**
 * Calls `onItem` for each object of a consistent list, without keeping the pages, and resolves with the list's
 * resourceVersion. Rejects with `ClusterError`; Expired when the pages took longer than the server keeps them.
 */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
export async function listAll<T extends KubernetesObject>(
  transport: Transport,
  resource: Resource,
  options: ListOptions,
  onItem: (item: T) => void,
): Promise<string> {
  const { namespace, labelSelector, fieldSelector, maxPageBytes = 32 * 2 ** 20, timeoutMs = 30_000, signal } = options;
  let limit = options.pageSize ?? 500;
  let next: string | undefined;
  for (;;) {
    try {
      const page = await transport.request<ObjectList>({
        method: 'GET',
        path: pathOf(resource, { namespace }),
        query: { limit, continue: next, labelSelector, fieldSelector },
        ...(options.metadataOnly === true ? { accept: METADATA_ONLY } : {}),
        timeoutMs,
        maxBytes: maxPageBytes,
        signal,
      });
      for (const item of page.items ?? []) onItem(item as T);
      next = page.metadata.continue;
      if (next === undefined || next === '') return page.metadata.resourceVersion ?? '';
    } catch (error) {
      if (!isClusterError(error, 'TooLarge') || limit === 1) throw error;
      limit = Math.ceil(limit / 4);
    }
  }
}

/** All objects of a collection at once. Rejects with `ClusterError`. */
export async function list<T extends KubernetesObject>(
  transport: Transport,
  resource: Resource,
  options: ListOptions = {},
): Promise<T[]> {
  const items: T[] = [];
  await listAll<T>(transport, resource, options, (item) => items.push(item));
  return items;
}

/** One object, read live. Rejects with `ClusterError`. */
export function read<T>(
  transport: Transport,
  resource: Resource,
  place: { readonly namespace?: string; readonly name: string },
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<T> {
  const { timeoutMs = 10_000, signal } = options;
  return transport.request<T>({ method: 'GET', path: pathOf(resource, place), timeoutMs, signal });
}
