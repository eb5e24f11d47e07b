import { describe, expect, test } from 'vitest';
import { ClusterError } from '../../src/cluster/errors.ts';
import type { Transport } from '../../src/cluster/transport.ts';
import { countBaseline, takePreflight, type PreflightRequest } from '../../src/controller/preflight.ts';
import type { PodView, Preflight } from '../../src/core/decide/snapshot.ts';
import { MINUTE, pod, START } from '../core/decide/builders.ts';

const NOW = START + 60 * MINUTE;
const SPEC = {
  containers: [{ name: 'app', volumeMounts: [{ name: 'config', mountPath: '/etc/uwsgi' }] }],
  volumes: [{ name: 'config', configMap: { name: 'web-uwsgi' } }],
};
const OTHER = { containers: [{ name: 'app' }] };
const template = (spec: object) => ({ template: { spec } });
const WEB = { metadata: { name: 'web', uid: 'workload-1' }, spec: template(SPEC) };
const owned = (name: string, kind: string, owner: string) => ({
  name,
  ownerReferences: [{ kind, name: owner, controller: true }],
});
const OWN_POD = { metadata: owned('web-5d4f-x', 'ReplicaSet', 'web-5d4f'), spec: SPEC };

/** What the cluster holds, by plural, and the pods' logs. */
interface Cluster {
  readonly objects?: Readonly<Record<string, readonly object[]>>;
  readonly logs?: Readonly<Record<string, string>>;
  readonly forbidden?: string;
}

function transportOf({ objects = {}, logs = {}, forbidden }: Cluster): Transport {
  const all: Readonly<Record<string, readonly object[]>> = { deployments: [WEB], pods: [OWN_POD], ...objects };
  const fake: Pick<Transport, 'request' | 'requestText'> = {
    request: <T>({ path }: { readonly path: string }) => {
      const plural = path.split('/').at(-1) ?? '';
      if (plural === forbidden) return Promise.reject(new ClusterError('Forbidden', `GET ${plural}: 403`));
      return Promise.resolve({ metadata: { resourceVersion: '1' }, items: all[plural] ?? [] } as T);
    },
    requestText: ({ path }) => {
      const text = logs[path.split('/').at(-2) ?? ''];
      return text === undefined ? Promise.reject(new ClusterError('Forbidden', 'logs: 403')) : Promise.resolve(text);
    },
  };
  return fake as Transport;
}

function look(cluster: Cluster, pods: readonly PodView[] = [], baseline = true): Promise<Preflight> {
  const request: PreflightRequest = {
    namespace: 'shop',
    workload: 'web',
    workloadUid: 'workload-1',
    container: 'app',
    configMap: 'web-uwsgi',
    configMapUid: 'configmap-1',
    key: 'uwsgi.ini',
    pods,
    baseline,
    now: () => NOW,
  };
  return takePreflight(transportOf(cluster), request, new AbortController().signal);
}

describe('other users of the config', () => {
  const cases: [string, Record<string, readonly object[]>, string[]][] = [
    ['none but the target and its pods', {}, []],
    [
      'another Deployment',
      { deployments: [WEB, { metadata: { name: 'api', uid: 'workload-2' }, spec: template(SPEC) }] },
      ['Deployment api (container app)'],
    ],
    [
      'a Deployment that a custom resource controls',
      {
        deployments: [WEB, { metadata: { ...owned('api', 'Shop', 'main'), uid: 'workload-2' }, spec: template(SPEC) }],
      },
      ['Deployment api (container app)'],
    ],
    [
      "the target's other container and its init container",
      {
        deployments: [
          {
            ...WEB,
            spec: template({
              ...SPEC,
              containers: [...SPEC.containers, { ...SPEC.containers[0], name: 'side' }],
              initContainers: [{ ...SPEC.containers[0], name: 'init' }],
            }),
          },
        ],
      },
      ['Deployment web (container side)', 'Deployment web (container init)'],
    ],
    [
      'a StatefulSet',
      { statefulsets: [{ metadata: { name: 'db' }, spec: template(SPEC) }] },
      ['StatefulSet db (container app)'],
    ],
    [
      'a DaemonSet',
      { daemonsets: [{ metadata: { name: 'ds' }, spec: template(SPEC) }] },
      ['DaemonSet ds (container app)'],
    ],
    ['a Job', { jobs: [{ metadata: { name: 'once' }, spec: template(SPEC) }] }, ['Job once (container app)']],
    [
      'a CronJob, not once more its Job',
      {
        cronjobs: [{ metadata: { name: 'night' }, spec: { jobTemplate: { spec: template(SPEC) } } }],
        jobs: [{ metadata: owned('night-1', 'CronJob', 'night'), spec: template(SPEC) }],
        pods: [{ metadata: owned('night-1-x', 'Job', 'night-1'), spec: SPEC }],
      },
      ['CronJob night (container app)'],
    ],
    ['a bare Pod', { pods: [OWN_POD, { metadata: { name: 'debug' }, spec: SPEC }] }, ['Pod debug (container app)']],
    [
      'a Pod of a ReplicaSet without a Deployment',
      { pods: [{ metadata: owned('canary-77-x', 'ReplicaSet', 'canary-77'), spec: SPEC }] },
      ['Pod canary-77-x (container app)'],
    ],
    [
      'a Pod of a kind that is not looked at',
      { pods: [{ metadata: owned('w-1', 'Workflow', 'w'), spec: SPEC }] },
      ['Pod w-1 (container app)'],
    ],
    [
      'not a Deployment of another config',
      { deployments: [WEB, { metadata: { name: 'api' }, spec: template(OTHER) }] },
      [],
    ],
  ];

  test.each(cases)('%s', async (_name, objects, expected) => {
    const { otherUsers, failure } = await look({ objects });
    expect(otherUsers).toEqual(expected);
    expect(failure).toBeNull();
  });

  test('that cannot be looked up stop the write', async () => {
    const preflight = await look({ forbidden: 'cronjobs' });
    expect(preflight).toMatchObject({
      otherUsers: [],
      failure: 'cannot look for other users of the config: GET cronjobs: 403',
    });
  });
});

describe('the baseline', () => {
  const DEATH = 'DAMN ! worker 1 (pid: 8) died, killed by signal 11 :( trying respawn ...';
  const stamped = (...lines: string[]): string => lines.map((line) => `2026-01-01T00:59:00Z ${line}\n`).join('');
  const logs = { 'web-1': stamped(DEATH, 'MemoryError', DEATH, 'GET /'), 'web-2': stamped('RecursionError: x') };

  test('is the sum of the pods whose log can be read', async () => {
    const pods = [
      pod({ name: 'web-1', startedAt: START }),
      pod({ name: 'web-2', startedAt: NOW - 4 * MINUTE }),
      pod({ name: 'web-3', startedAt: START }),
      pod({ name: 'gone', terminating: true }),
    ];
    expect(await look({ logs }, pods)).toEqual({
      at: NOW,
      configMapUid: 'configmap-1',
      key: 'uwsgi.ini',
      otherUsers: [],
      failure: null,
      baseline: { podMinutes: 14, workerDeaths: 2, failedRequests: 2 },
    });
  });

  test('is not read where it is not asked for', async () => {
    expect((await look({ logs }, [pod({ name: 'web-1' })], false)).baseline).toBeNull();
  });

  test('is empty without logs: then any sign of harm counts', async () => {
    expect((await look({}, [pod()])).baseline).toEqual({ podMinutes: 0, workerDeaths: 0, failedRequests: 0 });
  });
});

test('its time is that of its end, so that a slow look-up is not stale at once', async () => {
  let now = NOW;
  const request = { namespace: 'shop', workload: 'web', workloadUid: 'workload-1', container: 'app' };
  const preflight = await takePreflight(
    transportOf({}),
    {
      ...request,
      configMap: 'web-uwsgi',
      configMapUid: 'configmap-1',
      key: 'k',
      pods: [],
      baseline: true,
      now: () => (now += MINUTE),
    },
    new AbortController().signal,
  );
  expect(preflight.at).toBe(now);
});

describe('the baseline of a log', () => {
  const now = Date.parse('2026-01-01T01:00:00Z');
  const at = (secondsAgo: number, text: string): string => `${new Date(now - secondsAgo * 1000).toISOString()} ${text}`;
  const death = 'DAMN ! worker 1 (pid: 7) died, killed by signal 11 :( trying respawn ...';

  test('counts signs behind the timestamps, over the window or the container’s life', () => {
    const text = [
      at(300, '*** Starting uWSGI 2.0.21 ***'),
      at(200, death),
      at(100, 'RecursionError: too deep'),
      '',
    ].join('\n');
    const counts = { workerDeaths: 1, failedRequests: 1 };
    expect(countBaseline(text, { startedAt: now - 240_000, now })).toEqual({ ...counts, podMinutes: 4 });
    expect(countBaseline(text, { startedAt: now - 86_400_000, now })).toEqual({ ...counts, podMinutes: 10 });
  });

  test('of a chatty log covers only as far back as its oldest line that was read', () => {
    const text = Array.from({ length: 2000 }, (_, index) => at(120 - index / 20, index === 5 ? death : 'request')).join(
      '\n',
    );
    expect(countBaseline(text, { startedAt: 0, now })).toEqual({ podMinutes: 2, workerDeaths: 1, failedRequests: 0 });
  });

  test('of an empty log is that nothing happened', () => {
    expect(countBaseline('', { startedAt: now, now })).toEqual({ podMinutes: 1, workerDeaths: 0, failedRequests: 0 });
  });
});
