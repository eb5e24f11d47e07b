/** What a tuning without a change costs: the requests of its first measurement, and of rest. */
import { describe, expect, test } from 'vitest';
import type { UwsgiTuning } from '../../src/api/uwsgi-tuning.ts';
import { ClusterError } from '../../src/cluster/errors.ts';
import type { Transport } from '../../src/cluster/transport.ts';
import type { Writer } from '../../src/cluster/writers.ts';
import { Reconciler, type ReconcilerOptions } from '../../src/controller/reconciler.ts';
import type { Sampler } from '../../src/controller/sampler.ts';
import type { SampleFailure, SampleFailureCode } from '../../src/core/decide/snapshot.ts';
import type { Sample } from '../../src/core/memory/sample.ts';
import { kib, mib } from '../../src/core/quantity.ts';
import { START } from '../core/decide/builders.ts';
import { sample, tuning } from '../support/builders.ts';

const INTERVAL_MS = 300_000;
const CONFIG = '[uwsgi]\nprocesses = 4\nthreads = 20\n';
const NAMES = ['uwsgitunings/web', 'deployments/web', 'configmaps/web-uwsgi', 'shop/pods'];

/** A cluster of one tuning, one Deployment with one ready pod, and a config. It counts what is asked of it. */
class Shop {
  tuning: UwsgiTuning;
  now = START;
  reads: string[] = [];
  writes = 0;
  samples = 0;
  /** Measuring fails so; null: it works. */
  failure: SampleFailureCode | null = null;
  /** Called while a pod is measured. */
  meanwhile: () => void = () => undefined;
  readonly reconciler: Reconciler;

  constructor(spec: object = {}) {
    this.tuning = tuning(spec);
    const options: Partial<ReconcilerOptions> = {
      transport: { request: ({ path }: { path: string }) => this.#answer(path) } as unknown as Transport,
      writer: {
        replace: (_resource: unknown, _place: unknown, object: UwsgiTuning) => this.#store(object),
      } as unknown as Writer,
      sampler: { sample: () => this.#sample() } as unknown as Sampler,
      readOnly: false,
      now: () => this.now,
      duplicateOf: () => null,
      otherChange: () => null,
      publish: () => undefined,
      onStatus: () => undefined,
    };
    this.reconciler = new Reconciler(options as ReconcilerOptions);
  }

  look(): Promise<number | null> {
    this.reads = [];
    this.writes = 0;
    this.samples = 0;
    return this.reconciler.reconcile('shop/web', new AbortController().signal);
  }

  reason(type: string): string | undefined {
    return this.tuning.status?.conditions?.find((condition) => condition.type === type)?.reason;
  }

  #sample(): Promise<Sample | SampleFailure> {
    this.samples += 1;
    this.meanwhile();
    if (this.failure !== null) return Promise.resolve({ pod: 'web-1', code: this.failure, message: 'it failed' });
    return Promise.resolve(sample({ processes: 4, threads: 20, stack: mib(8), highWater: kib(40), takenAt: this.now }));
  }

  #store<T>(object: UwsgiTuning): Promise<T> {
    const { resourceVersion } = this.tuning.metadata;
    if (object.metadata.resourceVersion !== resourceVersion) {
      return Promise.reject(new ClusterError('Conflict', 'somebody wrote first'));
    }
    this.writes += 1;
    const metadata = { ...this.tuning.metadata, resourceVersion: `${Number(resourceVersion) + 1}` };
    this.tuning = { ...this.tuning, metadata, status: object.status ?? {} };
    return Promise.resolve(this.tuning as T);
  }

  #answer<T>(path: string): Promise<T> {
    const name = path.split('/').slice(-2).join('/');
    this.reads.push(name);
    const spec = { nodeName: 'node1', containers: [{ name: 'app', image: 'shop/web:1' }] };
    const running = { running: { startedAt: '2025-12-31T00:00:00Z' } };
    const answers: Readonly<Record<string, object>> = {
      'uwsgitunings/web': this.tuning,
      'deployments/web': {
        metadata: { name: 'web', uid: 'workload-1', generation: 1 },
        spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: { metadata: {}, spec } },
        status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 },
      },
      'configmaps/web-uwsgi': {
        metadata: { name: 'web-uwsgi', uid: 'configmap-1', resourceVersion: '1' },
        data: { 'uwsgi.ini': CONFIG },
      },
      'namespaces/shop': { metadata: { name: 'shop' } },
      'shop/pods': {
        metadata: {},
        items: [
          {
            metadata: { name: 'web-1', uid: 'pod-1', creationTimestamp: '2025-12-31T00:00:00Z' },
            spec,
            status: {
              phase: 'Running',
              conditions: [{ type: 'Ready', status: 'True' }],
              containerStatuses: [{ name: 'app', containerID: 'container-1', state: running }],
            },
          },
        ],
      },
    };
    const found = answers[name];
    return found === undefined ? Promise.reject(new ClusterError('NotFound', path)) : Promise.resolve(found as T);
  }
}

describe('a new tuning', () => {
  test('is recommended for in one look: everything is read once, measured once, and waits for its interval', async () => {
    const shop = new Shop();
    expect(await shop.look()).toBe(INTERVAL_MS);
    expect(shop.reads.toSorted()).toEqual(NAMES.toSorted());
    expect(shop).toMatchObject({ samples: 1, writes: 2 });
    expect(shop.reason('RecommendationProvided')).toBe('Recommended');
  });

  test('says that it is measured for the first time before it is', async () => {
    const shop = new Shop();
    let said: string | undefined;
    shop.meanwhile = () => {
      said = shop.reason('Ready');
    };
    await shop.look();
    expect(said).toBe('FirstSample');
    expect(shop.reason('Ready')).toBe('Measured');
  });

  test('whose spec is edited while it is measured gets no status of the old one', async () => {
    const shop = new Shop();
    shop.meanwhile = () => {
      const { metadata } = shop.tuning;
      shop.tuning = { ...shop.tuning, metadata: { ...metadata, generation: 2, resourceVersion: '99' } };
    };
    await expect(shop.look()).rejects.toMatchObject({ kind: 'Conflict' });
    expect(shop.reason('RecommendationProvided')).toBeUndefined();
  });

  test('that may be changed is read anew before anything is planned', async () => {
    const sampling = { minSamples: 1, minObservation: '0s' };
    const shop = new Shop({ updatePolicy: { mode: 'Patch' }, sampling });
    expect(await shop.look()).toBe(0);
    expect(shop).toMatchObject({ samples: 1, writes: 1 });
    expect(shop.tuning.status?.change).toBeUndefined();
  });
});

describe('a round that told nothing', () => {
  const cases: [SampleFailureCode, number][] = [
    ['Timeout', 60_000],
    ['Failed', 60_000],
    ['ExecForbidden', INTERVAL_MS],
    ['NoShell', INTERVAL_MS],
  ];

  test.each(cases)('for %s is taken again after %d ms', async (code, expected) => {
    const shop = new Shop();
    shop.failure = code;
    expect(await shop.look()).toBe(expected);
    shop.now += expected;
    await shop.look();
    expect(shop.samples).toBe(1);
  });
});

describe('a tuning at rest', () => {
  test('costs four reads and its samples for each interval, and no write', async () => {
    const shop = new Shop();
    await shop.look();
    shop.now += INTERVAL_MS;
    expect(await shop.look()).toBe(INTERVAL_MS);
    expect(shop.reads.toSorted()).toEqual(NAMES.toSorted());
    expect(shop).toMatchObject({ samples: 1, writes: 0 });
  });
});
