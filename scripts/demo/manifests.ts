/** The objects that the demo makes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TuningSpec } from '../../src/api/uwsgi-tuning.ts';
import { NAMESPACE, type Stage } from './stage.ts';

const APP = join(import.meta.dirname, '..', '..', 'test', 'images', 'uwsgi', 'app.py');
const CODE = 'demo-app';
export const CONFIG_KEY = 'uwsgi.ini';

/** One uWSGI workload of the demo. */
export interface WorkloadPlan {
  readonly name: string;
  readonly replicas: number;
  readonly memory: string;
  /** The end of the [uwsgi] section. */
  readonly ini: readonly string[];
}

/** The blog's situation. */
export const BLOG: WorkloadPlan = {
  name: 'web',
  replicas: 2,
  memory: '1Gi',
  ini: ['# 400 requests at once in each pod', 'processes = 4', 'threads = 100'],
};

/** A smaller one whose owner insists on the blog's stack size. */
export const DARING: WorkloadPlan = {
  name: 'web-64k',
  replicas: 2,
  memory: '512Mi',
  ini: ['processes = 2', 'threads = 10'],
};

/** Opens the gates, which otherwise wait for a day of samples and an hour between changes. */
const SAMPLING: TuningSpec['sampling'] = { interval: '5s', minSamples: 1, minObservation: '0s' };

export const RECOMMEND: Partial<TuningSpec> = { sampling: SAMPLING };
export const PATCH: Partial<TuningSpec> = {
  sampling: SAMPLING,
  updatePolicy: { mode: 'Patch', verifyWindow: '30s', rolloutTimeout: '3m' },
};
export const PATCH_BELOW_FLOOR: Partial<TuningSpec> = {
  sampling: SAMPLING,
  updatePolicy: { mode: 'Patch', verifyWindow: '2m', rolloutTimeout: '3m' },
  bounds: { threadStackSize: { min: '64Ki', allowBelowFloor: true } },
};

/** Runs the uWSGI that is in the image, or installs pyuwsgi where there is none. Debian's has Python as a plugin. */
export const START_UWSGI = `set -e
uwsgi=$(command -v uwsgi || command -v pyuwsgi || true)
if [ -z "$uwsgi" ]; then
  pip install --quiet --no-cache-dir --disable-pip-version-check --target /tmp/pyuwsgi pyuwsgi
  export PYTHONPATH=/tmp/pyuwsgi
  uwsgi=/tmp/pyuwsgi/bin/pyuwsgi
fi
if [ -e /usr/lib/uwsgi/plugins/python3_plugin.so ]; then set -- --plugin python3; fi
exec "$uwsgi" "$@" --ini /etc/uwsgi-config/${CONFIG_KEY}
`;

export function configName({ name }: WorkloadPlan): string {
  return `${name}-uwsgi`;
}

export function iniText({ ini }: WorkloadPlan): string {
  const head = ['http-socket = :8080', 'wsgi-file = /app/app.py', 'master = true', 'die-on-term = true'];
  return ['[uwsgi]', ...head, 'disable-logging = true', ...ini, ''].join('\n');
}

/** The namespace and the application's code, for all workloads. */
export function sharedObjects(): readonly object[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: CODE, namespace: NAMESPACE },
      data: { 'app.py': readFileSync(APP, 'utf8') },
    },
  ];
}

export function workloadObjects(plan: WorkloadPlan, image: Stage['image']): readonly object[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: configName(plan), namespace: NAMESPACE },
      data: { [CONFIG_KEY]: iniText(plan) },
    },
    deployment(plan, image),
  ];
}

function deployment(plan: WorkloadPlan, image: Stage['image']): object {
  const labels = { app: plan.name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: plan.name, namespace: NAMESPACE, labels },
    spec: {
      replicas: plan.replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          enableServiceLinks: false,
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 3,
          // The throwaway cluster has no name service.
          ...(image.pullPolicy === 'Never' ? { dnsPolicy: 'Default' } : {}),
          containers: [container(plan, image)],
          volumes: [
            { name: 'config', configMap: { name: configName(plan) } },
            { name: 'code', configMap: { name: CODE } },
          ],
        },
      },
    },
  };
}

function container(plan: WorkloadPlan, image: Stage['image']): object {
  return {
    name: 'app',
    image: image.reference,
    imagePullPolicy: image.pullPolicy,
    command: ['sh', '-c', START_UWSGI],
    env: [{ name: 'HOME', value: '/tmp' }],
    resources: { limits: { memory: plan.memory }, requests: { memory: '64Mi', cpu: '20m' } },
    securityContext: {
      runAsUser: 33,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    readinessProbe: {
      httpGet: { path: '/health', port: 8080 },
      periodSeconds: 1,
      timeoutSeconds: 5,
      failureThreshold: 30,
    },
    volumeMounts: [
      { name: 'config', mountPath: '/etc/uwsgi-config' },
      { name: 'code', mountPath: '/app' },
    ],
  };
}

export function tuningObject(plan: WorkloadPlan, part: Partial<TuningSpec>): object {
  return {
    apiVersion: 'uwsgi-tuner.dev/v1alpha1',
    kind: 'UwsgiTuning',
    metadata: { name: plan.name, namespace: NAMESPACE },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: plan.name },
      config: { configMapRef: { name: configName(plan), key: CONFIG_KEY } },
      ...part,
    },
  };
}
