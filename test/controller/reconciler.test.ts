import { describe, expect, test } from 'vitest';
import type { Change, UwsgiTuning } from '../../src/api/uwsgi-tuning.ts';
import { ClusterError } from '../../src/cluster/errors.ts';
import type { Transport } from '../../src/cluster/transport.ts';
import type { Writer } from '../../src/cluster/writers.ts';
import type { GuardSources } from '../../src/controller/guard.ts';
import { Reconciler, type ReconcilerOptions } from '../../src/controller/reconciler.ts';
import { hashText } from '../../src/core/decide/hash.ts';
import { change, START } from '../core/decide/builders.ts';
import { tuning } from '../support/builders.ts';

const OLD = '[uwsgi]\nprocesses = 4\nthreads = 20\n';
const NEW = `${OLD}threads-stacksize = 512\n`;
const HASH = 'uwsgi-tuner.dev/config-hash';
const planned: Change = change({ oldHash: hashText(OLD), newHash: hashText(NEW) });

/** A cluster of one tuning, one Deployment with one pod, and a config; writes are recorded, only status is kept. */
class Shop {
  tuning: UwsgiTuning | null;
  /** The annotation of template and pod. */
  annotation: string | null = null;
  now = START + 60_000;
  /** The config may not be read. */
  forbidden = false;
  readonly writes: string[] = [];
  readonly followed: AbortSignal[] = [];

  constructor(flying: Change) {
    const metadata = { finalizers: ['uwsgi-tuner.dev/change-in-flight'] };
    const object = tuning({ updatePolicy: { mode: 'Patch' } });
    this.tuning = { ...object, metadata: { ...object.metadata, ...metadata }, status: { change: flying } };
  }

  reconciler(): Reconciler {
    const never = new Promise<never>(() => undefined);
    const sources: GuardSources = {
      follow: (_pod, _onLine, signal) => {
        this.followed.push(signal);
        return never;
      },
      probe: () => never,
      isForbidden: (error): error is ClusterError => error instanceof ClusterError,
      onNews: () => undefined,
      now: () => this.now,
      sleep: () => never,
    };
    const writer = {
      apply: () => Promise.resolve(void this.writes.push('apply')),
      mergePatch: (_resource: unknown, _place: unknown, patch: { metadata?: { finalizers?: string[] } }) => {
        this.writes.push('patch');
        const { finalizers } = patch.metadata ?? {};
        if (this.tuning !== null && finalizers !== undefined) {
          this.tuning = { ...this.tuning, metadata: { ...this.tuning.metadata, finalizers } };
        }
        return Promise.resolve();
      },
      replace: (_resource: unknown, _place: unknown, object: UwsgiTuning) => {
        this.writes.push('status');
        this.tuning = object;
        return Promise.resolve(object);
      },
    };
    const options: Partial<ReconcilerOptions> = {
      transport: { request: (request: { path: string }) => this.#answer(request.path) } as unknown as Transport,
      writer: writer as unknown as Writer,
      readOnly: false,
      now: () => this.now,
      duplicateOf: () => null,
      otherChange: () => null,
      guardSources: () => sources,
      publish: () => undefined,
      onStatus: () => undefined,
    };
    return new Reconciler(options as ReconcilerOptions);
  }

  #answer<T>(path: string): Promise<T> {
    if (this.forbidden && path.includes('/configmaps/'))
      return Promise.reject(new ClusterError('Forbidden', 'GET configmaps: 403'));
    const annotations = this.annotation === null ? {} : { [HASH]: this.annotation };
    const spec = { containers: [{ name: 'app', image: 'shop/web:1' }] };
    const deployment = {
      metadata: { name: 'web', uid: 'workload-1', generation: 1 },
      spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: { metadata: { annotations }, spec } },
      // Not complete: the rollout goes on as long as the test does.
      status: { observedGeneration: 1, replicas: 2, updatedReplicas: 1, availableReplicas: 1 },
    };
    const pod = {
      metadata: { name: 'web-1', uid: 'pod-1', creationTimestamp: '2026-01-01T00:00:00Z', annotations },
      spec,
      status: {
        phase: 'Running',
        containerStatuses: [
          { name: 'app', containerID: 'container-1', state: { running: { startedAt: '2025-12-31T00:00:00Z' } } },
        ],
      },
    };
    const answers: Readonly<Record<string, object | null>> = {
      'uwsgitunings/web': this.tuning,
      'deployments/web': deployment,
      'configmaps/web-uwsgi': {
        metadata: { name: 'web-uwsgi', uid: 'configmap-1', resourceVersion: '1' },
        data: { 'uwsgi.ini': NEW },
      },
      'namespaces/shop': { metadata: { name: 'shop' } },
      'shop/pods': { metadata: {}, items: [pod] },
    };
    const found = answers[path.split('/').slice(-2).join('/')] ?? null;
    return found === null ? Promise.reject(new ClusterError('NotFound', path)) : Promise.resolve(found as T);
  }
}

const signal = new AbortController().signal;

describe('a reconcile', () => {
  test('writes the status first and the effect with the next look', async () => {
    const shop = new Shop(planned);
    const reconciler = shop.reconciler();
    expect(await reconciler.reconcile('shop/web', signal)).toBe(20);
    expect(shop.writes).toEqual(['status']);
    expect(await reconciler.reconcile('shop/web', signal)).toBe(20);
    expect(shop.writes).toEqual(['status', 'apply']);
  });

  test('repeats a write that had no effect every 2 s at most', async () => {
    const shop = new Shop(planned);
    const reconciler = shop.reconciler();
    await reconciler.reconcile('shop/web', signal);
    await reconciler.reconcile('shop/web', signal);
    shop.now += 500;
    expect(await reconciler.reconcile('shop/web', signal)).toBe(1500);
    expect(shop.writes).toEqual(['status', 'apply']);
    shop.now += 1500;
    await reconciler.reconcile('shop/web', signal);
    expect(shop.writes).toEqual(['status', 'apply', 'apply']);
  });

  test('of a tuning that is gone is the last', async () => {
    const shop = new Shop(planned);
    shop.tuning = null;
    expect(await shop.reconciler().reconcile('shop/web', signal)).toBeNull();
  });
});

describe('a deleted tuning whose config may not be read any more', () => {
  const deleted = (): { shop: Shop; reconciler: Reconciler } => {
    const shop = new Shop(planned);
    shop.forbidden = true;
    if (shop.tuning !== null) {
      const deletionTimestamp = new Date(shop.now).toISOString();
      shop.tuning = { ...shop.tuning, metadata: { ...shop.tuning.metadata, deletionTimestamp } };
    }
    return { shop, reconciler: shop.reconciler() };
  };

  test('keeps its finalizer for 10 minutes, and not longer', async () => {
    const { shop, reconciler } = deleted();
    for (let minute = 0; minute < 10; minute++) {
      await expect(reconciler.reconcile('shop/web', signal)).rejects.toMatchObject({ kind: 'Forbidden' });
      shop.now += 60_000;
    }
    expect(shop.writes).toEqual([]);
    await reconciler.reconcile('shop/web', signal);
    expect(shop.tuning?.status?.history?.[0]).toMatchObject({ verdict: 'Failed', reason: 'PutBackFailed' });
    await reconciler.reconcile('shop/web', signal);
    expect(shop.writes).toEqual(['status', 'patch']);
    expect(shop.tuning?.metadata.finalizers).toEqual([]);
  });

  test('is put back when the right comes back before', async () => {
    const { shop, reconciler } = deleted();
    await expect(reconciler.reconcile('shop/web', signal)).rejects.toMatchObject({ kind: 'Forbidden' });
    shop.now += 9 * 60_000;
    shop.forbidden = false;
    await reconciler.reconcile('shop/web', signal);
    expect(shop.tuning?.status?.change?.putBack).toMatchObject({ reason: 'TuningDeleted' });
  });
});

describe('the guard', () => {
  const guarded = async (): Promise<{ shop: Shop; reconciler: Reconciler }> => {
    const shop = new Shop(planned);
    shop.annotation = hashText(NEW);
    const reconciler = shop.reconciler();
    await reconciler.reconcile('shop/web', signal);
    await reconciler.reconcile('shop/web', signal);
    return { shop, reconciler };
  };
  const watching = (shop: Shop): boolean[] => shop.followed.map(({ aborted }) => !aborted);

  test('watches the pods that carry the change, each once', async () => {
    const { shop } = await guarded();
    expect(watching(shop)).toEqual([true]);
  });

  test('ends when the change turns round: nothing more is judged', async () => {
    const { shop, reconciler } = await guarded();
    const putBack = { reason: 'OOMKilled', message: '', deadline: new Date(START + 600_000).toISOString() };
    if (shop.tuning !== null)
      shop.tuning = { ...shop.tuning, status: { change: { ...planned, direction: 'PutBack', putBack } } };
    await reconciler.reconcile('shop/web', signal);
    expect(watching(shop)).toEqual([false]);
  });

  test('ends with the tuning, and with leading', async () => {
    const first = await guarded();
    first.shop.tuning = null;
    await first.reconciler.reconcile('shop/web', signal);
    expect(watching(first.shop)).toEqual([false]);
    const second = await guarded();
    second.reconciler.stop();
    expect(watching(second.shop)).toEqual([false]);
  });

  test('does not begin once leading has ended', async () => {
    const shop = new Shop(planned);
    shop.annotation = hashText(NEW);
    await expect(shop.reconciler().reconcile('shop/web', AbortSignal.abort())).rejects.toMatchObject({
      kind: 'Aborted',
    });
    expect(shop.followed).toEqual([]);
    expect(shop.writes).toEqual([]);
  });
});
