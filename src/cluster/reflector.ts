/**
 * A local copy of a collection that stays true: list, watch, and when anything at all goes wrong, again. It ends only
 * by `stop`. What it adds to client-go's reflector is a net under the watch: each watch is short, and after it the names
 * and versions of all objects are compared with the copy. So an event that got lost, and a connection that fell silent
 * without breaking, are noticed within a minute, at the price of a small request.
 */
import { GrowingBackoff, REFLECTOR_BACKOFF, type BackoffOptions } from './backoff.ts';
import { sleep, systemClock, type Clock } from './clock.ts';
import { ClusterError, isClusterError } from './errors.ts';
import { listAll } from './listing.ts';
import { keyOf, withoutManagedFields, type KubernetesObject } from './objects.ts';
import type { Resource } from './paths.ts';
import type { Transport } from './transport.ts';
import { watch } from './watching.ts';

/** A change of one object: `before` undefined when it is new, `after` undefined when it is gone. */
export type OnChange<T> = (key: string, before: T | undefined, after: T | undefined) => void;

/** What to reflect and how; times are milliseconds. */
export interface ReflectorOptions<T extends KubernetesObject> {
  readonly resource: Resource;
  /** Left out: the whole cluster (or a cluster-scoped kind). */
  readonly namespaces?: readonly string[] | undefined;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** What of each object is kept; managedFields are gone already. Must keep metadata's name, namespace, resourceVersion. */
  readonly transform?: (object: T) => T;
  /** Add a key to a queue here, nothing else. What it throws goes to `onError`. */
  readonly onChange?: OnChange<T>;
  /** Each failed list or watch, before the wait; for logs. */
  readonly onError?: (error: Error) => void;
  /** Each list that was done, with why; for metrics. */
  readonly onList?: (why: ListReason) => void;
  readonly backoff?: BackoffOptions;
  /** Longest time of one watch; 40 s, or down to two thirds of it, so that watches do not all end together. */
  readonly watchMs?: number;
  /** 90 s. */
  readonly watchIdleMs?: number;
  readonly pageSize?: number;
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** Why a list was done; `missed`: the copy was not what the server has, though the watch told of no more. */
export type ListReason = 'start' | 'expired' | 'missed' | 'failures';

/**
 * Watches that fail one after the other before a list is done as well: where watching is impossible (a proxy, a missing
 * right), the copy is then still renewed with each back-off.
 */
const FAILURES_BEFORE_LIST = 5;
/** A watch that ends sooner and said nothing is a failure, not the server's habit. */
const SHORT_WATCH_MS = 1_000;
const LONGEST_RETRY_AFTER_MS = 60_000;
/** client-go's watches last 5 to 10 minutes; these end before anybody waits a minute for a lost event. */
const WATCH_MS = 40_000;
const WATCH_IDLE_MS = 90_000;

/** The copy and what keeps it. */
export class Reflector<T extends KubernetesObject> {
  readonly #transport: Transport;
  readonly #options: ReflectorOptions<T>;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #objects = new Map<string, T>();
  readonly #scopes: Scope[];
  readonly #stopping = new AbortController();
  #running: Promise<void> | null = null;
  readonly #synced = Promise.withResolvers<undefined>();

  constructor(transport: Transport, options: ReflectorOptions<T>) {
    this.#transport = transport;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    const namespaces: readonly (string | undefined)[] = options.namespaces ?? [undefined];
    const born = this.#clock.monotonic();
    this.#scopes = namespaces.map((namespace) => ({
      namespace,
      synced: false,
      open: false,
      triedAt: born,
      lastEventAt: born,
      version: '',
    }));
  }

  /** Begins. Resolves when the first list of every scope is in, which may be never; rejects Aborted by `stop`. */
  start(): Promise<void> {
    this.#running ??= Promise.all(this.#scopes.map((scope) => this.#run(scope))).then(() => undefined);
    return this.#synced.promise;
  }

  /** Ends for good: no request and no `onChange` after it resolves. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#synced.promise.catch(() => undefined);
    this.#synced.reject(ClusterError.aborted(`reflector of ${this.#options.resource.plural}`));
    await this.#running;
  }

  /** Whether every scope was listed once. */
  get hasSynced(): boolean {
    return this.#scopes.every((scope) => scope.synced);
  }

  /** Whether every scope has an open watch now. */
  get watching(): boolean {
    return this.#scopes.every((scope) => scope.open);
  }

  /** Monotonic time (ms) at which the scope that was silent longest last heard: a list, an event or a bookmark. */
  get lastEventAt(): number {
    return Math.min(...this.#scopes.map((scope) => scope.lastEventAt));
  }

  /** How long ago that was, milliseconds. */
  get lastEventAgeMs(): number {
    return this.#clock.monotonic() - this.lastEventAt;
  }

  /**
   * How long ago the scope that stood still longest last began a request or heard something, milliseconds. Beyond a few
   * minutes the reflector itself is broken, whatever the API server does.
   */
  get lastActivityAgeMs(): number {
    const last = Math.min(...this.#scopes.map((scope) => Math.max(scope.triedAt, scope.lastEventAt)));
    return this.#clock.monotonic() - last;
  }

  /** By `namespace/name`, or `name` of cluster-scoped kinds. */
  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  /** All objects; do not change them. */
  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  get size(): number {
    return this.#objects.size;
  }

  async #run(scope: Scope): Promise<void> {
    const { signal } = this.#stopping;
    const stopped = (): boolean => signal.aborted;
    const backoff = new GrowingBackoff(this.#options.backoff ?? REFLECTOR_BACKOFF, this.#clock, this.#random);
    let why: ListReason | null = 'start';
    let failures = 0;
    while (!stopped()) {
      scope.triedAt = this.#clock.monotonic();
      try {
        if (why !== null) {
          await this.#list(scope);
          this.#options.onList?.(why);
          why = null;
        }
        await this.#watch(scope, () => {
          failures = 0;
          backoff.reset();
        });
        // The watch ended as it should; a moment's rest bounds a server that always ends it.
        if (await this.#hasMissed(scope)) why = 'missed';
        else await sleep(this.#random() * 1_000, this.#clock, signal);
      } catch (error) {
        if (stopped()) return;
        failures += 1;
        if (isClusterError(error, 'Expired')) why = 'expired';
        else if (failures >= FAILURES_BEFORE_LIST) why ??= 'failures';
        await this.#rest(error, backoff.next(), signal);
      }
    }
  }

  /** Waits after a failure, at least as long as the server asked for, within reason. */
  async #rest(error: unknown, ms: number, signal: AbortSignal): Promise<void> {
    this.#report(error);
    const asked = isClusterError(error) ? Math.min(error.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS) : 0;
    await sleep(Math.max(ms, asked), this.#clock, signal).catch(() => undefined);
  }

  async #list(scope: Scope): Promise<void> {
    const { resource, labelSelector, fieldSelector, pageSize } = this.#options;
    const { namespace } = scope;
    const { signal } = this.#stopping;
    const seen = new Map<string, T>();
    const options = {
      namespace,
      labelSelector,
      fieldSelector,
      signal,
      ...(pageSize === undefined ? {} : { pageSize }),
    };
    scope.version = await listAll<T>(this.#transport, resource, options, (item) => {
      const object = this.#keep(item);
      seen.set(keyOf(object), object);
    });
    if (signal.aborted) return;
    scope.lastEventAt = this.#clock.monotonic();
    for (const [key, object] of this.#objects) {
      if (!seen.has(key) && (namespace === undefined || object.metadata.namespace === namespace))
        this.#set(key, undefined);
    }
    for (const [key, object] of seen) this.#set(key, object);
    scope.synced = true;
    if (this.hasSynced) this.#synced.resolve(undefined);
  }

  /** Whether the server's names and versions are others than ours. What changed since the watch ended counts too. */
  async #hasMissed({ namespace }: Scope): Promise<boolean> {
    const { resource, labelSelector, fieldSelector } = this.#options;
    let [count, same] = [0, true];
    const options = { namespace, labelSelector, fieldSelector, metadataOnly: true, signal: this.#stopping.signal };
    await listAll(this.#transport, resource, options, ({ metadata }) => {
      count += 1;
      same &&= this.#objects.get(keyOf({ metadata }))?.metadata.resourceVersion === metadata.resourceVersion;
    });
    const ours = [...this.#objects.values()].filter(
      (one) => namespace === undefined || one.metadata.namespace === namespace,
    );
    return !same || count !== ours.length;
  }

  /** One watch, until it ends in its time. Rejects with what broke it. */
  async #watch(scope: Scope, onAlive: () => void): Promise<void> {
    const { resource, labelSelector, fieldSelector, watchMs = WATCH_MS, watchIdleMs = WATCH_IDLE_MS } = this.#options;
    const { signal } = this.#stopping;
    const begun = this.#clock.monotonic();
    try {
      await watch<T>(this.#transport, resource, {
        namespace: scope.namespace,
        labelSelector,
        fieldSelector,
        resourceVersion: scope.version,
        serverTimeoutSeconds: Math.ceil(((watchMs / 1000) * (2 + this.#random())) / 3),
        idleTimeoutMs: watchIdleMs,
        clock: this.#clock,
        signal,
        onOpen: () => {
          scope.open = true;
        },
        onEvent: (type, item) => {
          if (signal.aborted) return;
          const object = this.#keep(item);
          this.#set(keyOf(object), type === 'DELETED' ? undefined : object);
        },
        onProgress: (version) => {
          scope.version = version;
          scope.lastEventAt = this.#clock.monotonic();
          onAlive();
        },
      });
    } finally {
      scope.open = false;
    }
    const said = scope.lastEventAt > begun;
    if (!said && this.#clock.monotonic() - begun < SHORT_WATCH_MS) throw this.#tooShort();
  }

  #tooShort(): ClusterError {
    const { plural } = this.#options.resource;
    return new ClusterError('Unavailable', `watch of ${plural}: ended within ${SHORT_WATCH_MS} ms and said nothing`);
  }

  #keep(item: T): T {
    const object = withoutManagedFields(item);
    return this.#options.transform?.(object) ?? object;
  }

  #set(key: string, after: T | undefined): void {
    const before = this.#objects.get(key);
    if (before === undefined && after === undefined) return;
    if (after === undefined) this.#objects.delete(key);
    else this.#objects.set(key, after);
    const version = after?.metadata.resourceVersion;
    if (before !== undefined && version !== undefined && before.metadata.resourceVersion === version) return;
    try {
      this.#options.onChange?.(key, before, after);
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    this.#options.onError?.(error instanceof Error ? error : new Error(String(error)));
  }
}

/** One list-and-watch: the whole cluster or one namespace. */
interface Scope {
  readonly namespace: string | undefined;
  synced: boolean;
  open: boolean;
  /** When the last list or watch began. */
  triedAt: number;
  lastEventAt: number;
  /** Where the next watch begins. */
  version: string;
}
