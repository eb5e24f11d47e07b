import { describe, expect, test } from 'vitest';
import type { Container, Deployment, Pod, PodSpec } from '../../../src/api/objects.ts';
import { usesConfigMap, viewConfigMap, viewDeployment, viewPod } from '../../../src/core/decide/views.ts';
import { mib } from '../../../src/core/quantity.ts';

const mounts = { volumeMounts: [{ name: 'config', mountPath: '/etc/uwsgi' }] };
const volumes = [{ name: 'config', configMap: { name: 'web-uwsgi' } }];

function deployment(spec: PodSpec, more: Partial<Deployment> = {}): Deployment {
  return {
    metadata: { name: 'web', uid: 'workload-1', generation: 3 },
    spec: { selector: {}, template: { spec } },
    ...more,
  };
}

describe('the container that runs uWSGI', () => {
  const app: Container = { name: 'app', image: 'shop/web:1', resources: { limits: { memory: '512Mi' } } };
  const proxy: Container = { name: 'proxy', image: 'nginx' };
  const want = { container: null, configMap: 'web-uwsgi' };
  const cases: [string, PodSpec, string | null, string[]][] = [
    ['the only one', { containers: [app] }, null, ['app']],
    ['the named one', { containers: [app, proxy] }, 'proxy', ['proxy']],
    ['none where the name is not there', { containers: [app] }, 'api', []],
    ['the one that mounts the ConfigMap', { containers: [proxy, { ...app, ...mounts }], volumes }, null, ['app']],
    [
      'of two that mount it the one whose command says uwsgi',
      {
        containers: [
          { ...proxy, ...mounts },
          { ...app, ...mounts, command: ['uwsgi', '--ini', 'x'] },
        ],
        volumes,
      },
      null,
      ['app'],
    ],
    ['both where nothing tells them apart', { containers: [app, proxy] }, null, ['app', 'proxy']],
    ['the one whose arguments say uwsgi', { containers: [proxy, { ...app, args: ['/usr/bin/uwsgi'] }] }, null, ['app']],
  ];

  test.each(cases)('%s', (_name, spec, container, expected) => {
    const view = viewDeployment(deployment(spec), { ...want, container });
    expect(view.candidates.map(({ name }) => name)).toEqual(expected);
  });

  test('with its image and limit', () => {
    expect(viewDeployment(deployment({ containers: [app] }), want).candidates).toEqual([
      { name: 'app', image: 'shop/web:1', memoryLimit: mib(512) },
    ]);
  });
});

describe('a Deployment', () => {
  const want = { container: null, configMap: 'web-uwsgi' };
  const containers = [{ name: 'app' }];

  test('with nothing set has one replica and is not seen yet', () => {
    expect(viewDeployment(deployment({ containers }), want)).toMatchObject({
      observed: false,
      replicas: 1,
      updated: 0,
      total: 0,
      available: 0,
      paused: false,
      progressDeadlineExceeded: false,
      ignored: false,
      configHash: null,
    });
  });

  test('with everything set', () => {
    const object = deployment(
      { containers },
      {
        metadata: { name: 'web', uid: 'workload-1', generation: 3, annotations: { 'uwsgi-tuner.dev/ignore': 'true' } },
        spec: {
          replicas: 4,
          paused: true,
          selector: {},
          template: { metadata: { annotations: { 'uwsgi-tuner.dev/config-hash': 'abc' } }, spec: { containers } },
        },
        status: {
          observedGeneration: 3,
          replicas: 5,
          updatedReplicas: 2,
          availableReplicas: 3,
          conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }],
        },
      },
    );
    expect(viewDeployment(object, want)).toMatchObject({
      observed: true,
      replicas: 4,
      updated: 2,
      total: 5,
      available: 3,
      paused: true,
      progressDeadlineExceeded: true,
      ignored: true,
      configHash: 'abc',
    });
  });

  test('is ignored only by the very value "true"', () => {
    const metadata = { name: 'web', annotations: { 'uwsgi-tuner.dev/ignore': 'yes' } };
    expect(viewDeployment(deployment({ containers }, { metadata }), want).ignored).toBe(false);
  });
});

describe('a container uses a ConfigMap', () => {
  const uses = (container: Partial<Container>, more: Partial<PodSpec> = {}, key?: string): boolean => {
    const whole = { name: 'app', ...container };
    return usesConfigMap({ containers: [whole], ...more }, whole, 'web-uwsgi', key);
  };
  const variable = (key: string) => ({
    env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'web-uwsgi', key } } }],
  });
  const only = (key: string) => ({
    volumes: [{ name: 'config', configMap: { name: 'web-uwsgi', items: [{ key, path: key }] } }],
  });

  test.each<[string, boolean, boolean]>([
    ['by a volume', true, uses(mounts, { volumes })],
    ['not by a volume that it does not mount', false, uses({}, { volumes })],
    ['not by another volume', false, uses(mounts, { volumes: [{ name: 'config', configMap: { name: 'other' } }] })],
    [
      'by a projected volume',
      true,
      uses(mounts, { volumes: [{ name: 'config', projected: { sources: [{ configMap: { name: 'web-uwsgi' } }] } }] }),
    ],
    ['by all its keys as environment', true, uses({ envFrom: [{ configMapRef: { name: 'web-uwsgi' } }] }, {}, 'a.ini')],
    ['by the key as a variable', true, uses(variable('a.ini'), {}, 'a.ini')],
    ['not by another key as a variable', false, uses(variable('b.ini'), {}, 'a.ini')],
    ['by the key as an item', true, uses(mounts, only('a.ini'), 'a.ini')],
    ['not by another key as an item', false, uses(mounts, only('b.ini'), 'a.ini')],
    ['by a volume of all keys', true, uses(mounts, { volumes }, 'a.ini')],
  ])('%s', (_name, expected, found) => {
    expect(found).toBe(expected);
  });
});

describe('a pod', () => {
  const object = (status: Pod['status'], metadata: Partial<Pod['metadata']> = {}): Pod => ({
    metadata: { name: 'web-1', uid: 'pod-1', creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
    spec: { nodeName: 'node1', containers: [{ name: 'app', image: 'shop/web:1' }, { name: 'proxy' }] },
    ...(status === undefined ? {} : { status }),
  });

  test('that runs', () => {
    const pod = object(
      {
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:01:00Z' }],
        containerStatuses: [
          { name: 'proxy', restartCount: 9 },
          {
            name: 'app',
            imageID: 'sha256:1',
            containerID: 'containerd://1',
            restartCount: 1,
            state: { running: { startedAt: '2026-01-01T00:00:30Z' } },
            lastState: {
              terminated: {
                containerID: 'containerd://0',
                reason: 'OOMKilled',
                exitCode: 137,
                startedAt: '2026-01-01T00:00:05Z',
                finishedAt: '2026-01-01T00:00:29Z',
              },
            },
          },
        ],
      },
      { annotations: { 'uwsgi-tuner.dev/config-hash': 'abc' } },
    );
    expect(viewPod(pod, 'app')).toEqual({
      name: 'web-1',
      uid: 'pod-1',
      node: 'node1',
      createdAt: Date.parse('2026-01-01T00:00:00Z'),
      terminating: false,
      ready: true,
      unreadySince: null,
      running: true,
      configHash: 'abc',
      image: 'shop/web:1',
      imageId: 'sha256:1',
      containerId: 'containerd://1',
      startedAt: Date.parse('2026-01-01T00:00:30Z'),
      restarts: 1,
      waitingReason: null,
      lastTermination: {
        containerId: 'containerd://0',
        reason: 'OOMKilled',
        exitCode: 137,
        startedAt: Date.parse('2026-01-01T00:00:05Z'),
        finishedAt: Date.parse('2026-01-01T00:00:29Z'),
      },
    });
  });

  test('that is not scheduled yet', () => {
    expect(viewPod(object(undefined), 'app')).toMatchObject({
      ready: false,
      unreadySince: null,
      running: false,
      containerId: '',
      startedAt: null,
      restarts: 0,
      lastTermination: null,
    });
  });

  test('that is unready, waits and is deleted', () => {
    const pod = object(
      {
        conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: '2026-01-01T00:01:00Z' }],
        containerStatuses: [
          {
            name: 'app',
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { exitCode: 1 } },
          },
        ],
      },
      { deletionTimestamp: '2026-01-01T00:02:00Z' },
    );
    expect(viewPod(pod, 'app')).toMatchObject({
      terminating: true,
      ready: false,
      unreadySince: Date.parse('2026-01-01T00:01:00Z'),
      running: false,
      waitingReason: 'CrashLoopBackOff',
      lastTermination: { containerId: '', reason: '', exitCode: 1, startedAt: null, finishedAt: null },
    });
  });
});

describe('a ConfigMap', () => {
  const metadata = { name: 'web-uwsgi', namespace: 'shop', uid: 'configmap-1', resourceVersion: '7' };

  test('with the key', () => {
    expect(viewConfigMap({ metadata, data: { 'uwsgi.ini': '[uwsgi]\n', other: '' } }, 'uwsgi.ini')).toEqual({
      name: 'web-uwsgi',
      uid: 'configmap-1',
      resourceVersion: '7',
      immutable: false,
      text: '[uwsgi]\n',
      binary: false,
      keys: ['uwsgi.ini', 'other'],
      owner: null,
    });
  });

  test('without the key, with it as binary data, immutable and owned', () => {
    expect(viewConfigMap({ metadata }, 'uwsgi.ini').text).toBeNull();
    expect(viewConfigMap({ metadata, binaryData: { 'uwsgi.ini': 'AA==' } }, 'uwsgi.ini').binary).toBe(true);
    expect(viewConfigMap({ metadata, immutable: true }, 'uwsgi.ini').immutable).toBe(true);
    const labels = { 'app.kubernetes.io/managed-by': 'Helm' };
    expect(viewConfigMap({ metadata: { ...metadata, labels } }, 'uwsgi.ini').owner).toBe('Helm');
  });
});
