/** Changes, pods and workloads for unit tests of decisions: a test names only what it is about. */
import type { Change } from '../../../src/api/uwsgi-tuning.ts';
import type { ConfigMapView, PodView, WorkloadView } from '../../../src/core/decide/snapshot.ts';
import { mib } from '../../../src/core/quantity.ts';

export const START = Date.parse('2026-01-01T00:00:00Z');
export const MINUTE = 60_000;

/** A change planned at START: 4x20 8Mi to 4x20 512Ki. */
export function change(overrides: Partial<Change> = {}): Change {
  return {
    id: 'change-1',
    direction: 'Forward',
    generation: 1,
    startedAt: new Date(START).toISOString(),
    workload: { name: 'web', uid: 'workload-1', container: 'app', image: 'shop/web:1' },
    configMap: { name: 'web-uwsgi', uid: 'configmap-1', key: 'uwsgi.ini', section: 'uwsgi' },
    from: { processes: 4, threads: 20, threadStackSize: '8Mi' },
    to: { processes: 4, threads: 20, threadStackSize: '512Ki' },
    containers: ['container-0'],
    oldHash: 'old',
    newHash: 'new',
    baseline: { podMinutes: 10, workerDeaths: 0, failedRequests: 0 },
    rolloutDeadline: new Date(START + 10 * MINUTE).toISOString(),
    verifySeconds: 600,
    ...overrides,
  };
}

/** A pod that has been ready since a minute after START. */
export function pod(overrides: Partial<PodView> = {}): PodView {
  return {
    name: 'web-1',
    uid: 'pod-1',
    node: 'node1',
    createdAt: START,
    terminating: false,
    ready: true,
    unreadySince: null,
    running: true,
    configHash: null,
    image: 'shop/web:1',
    imageId: 'sha256:1',
    containerId: 'container-1',
    startedAt: START + MINUTE,
    restarts: 0,
    waitingReason: null,
    lastTermination: null,
    ...overrides,
  };
}

/** A Deployment of two pods at rest. */
export function workload(overrides: Partial<WorkloadView> = {}): WorkloadView {
  return {
    name: 'web',
    uid: 'workload-1',
    observed: true,
    replicas: 2,
    updated: 2,
    total: 2,
    available: 2,
    paused: false,
    progressDeadlineExceeded: false,
    ignored: false,
    configHash: null,
    candidates: [{ name: 'app', image: 'shop/web:1', memoryLimit: mib(1024) }],
    ...overrides,
  };
}

export function configMap(overrides: Partial<ConfigMapView> = {}): ConfigMapView {
  return {
    name: 'web-uwsgi',
    uid: 'configmap-1',
    resourceVersion: '1',
    immutable: false,
    text: '[uwsgi]\nprocesses = 4\nthreads = 20\n',
    binary: false,
    keys: ['uwsgi.ini'],
    owner: null,
    ...overrides,
  };
}
