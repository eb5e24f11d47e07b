/** A uWSGI workload on a test cluster: namespace, ConfigMap, Deployment, tuning, and traffic to it. */
import type { TuningSpec, UwsgiTuning } from '../../src/api/uwsgi-tuning.ts';
import type { ConfigMap, Deployment, Pod } from '../../src/api/objects.ts';
import { imageReference, type ImageName, type NodeCluster } from '../cluster/index.ts';
import { waitFor } from './wait.ts';

export interface AppOptions {
  readonly namespace: string;
  readonly image?: ImageName;
  readonly replicas?: number;
  /** The container's memory limit; null: none. */
  readonly memory?: string | null;
  /** Lines of the [uwsgi] section beside those that serve the test application. */
  readonly ini: readonly string[];
  /** The whole config in a key of its own, where it is not `uwsgi.ini`: uWSGI is told to load it by the option. */
  readonly config?: { readonly key: string; readonly text: string; readonly option: string };
  /** Starts the container as root; the ini may then drop to another user. */
  readonly asRoot?: boolean;
  /** Metadata of the ConfigMap, for marks of Git and Helm. */
  readonly configMapMetadata?: object;
  readonly readinessPath?: string;
  /** More of the container, such as its env. */
  readonly container?: object;
  /** More keys of the ConfigMap, beside the one that the server runs with. */
  readonly keys?: Readonly<Record<string, string>>;
  /** A program that stands where /bin/sh is. */
  readonly shell?: string;
}

/** A partial spec: everything but the target and the config. */
export type SpecPart = Omit<TuningSpec, 'targetRef' | 'config'>;

/** Gates low enough that a change is made at once. */
export const EAGER = {
  sampling: { interval: '5s', minSamples: 1, minObservation: '0s', maxPods: 3, timeout: '20s' },
  updatePolicy: { mode: 'Patch', minInterval: '1h', minChangePercent: 1, verifyWindow: '20s', rolloutTimeout: '2m' },
} as const satisfies SpecPart;

export class App {
  readonly cluster: NodeCluster;
  readonly namespace: string;
  readonly name = 'web';
  readonly key: string;

  constructor(cluster: NodeCluster, namespace: string, key = 'uwsgi.ini') {
    this.cluster = cluster;
    this.namespace = namespace;
    this.key = key;
  }

  /** Makes the namespace, the ConfigMap and the Deployment, and waits until its pods are Ready. */
  static async start(cluster: NodeCluster, options: AppOptions): Promise<App> {
    const app = new App(cluster, options.namespace, options.config?.key);
    await cluster.apply([
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: options.namespace } },
      configMap(options),
      deployment(options),
    ]);
    await app.rolledOut();
    return app;
  }

  kubectl(...args: string[]): Promise<string> {
    return this.cluster.kubectlOk(['--namespace', this.namespace, ...args]);
  }

  async rolledOut(timeout = '120s'): Promise<void> {
    await this.cluster.kubectlOk(
      ['--namespace', this.namespace, 'rollout', 'status', 'deployment/web', `--timeout=${timeout}`],
      { timeoutMs: 180_000 },
    );
  }

  /** Creates the tuning. */
  async tune(part: SpecPart, name = 'web'): Promise<void> {
    const spec = {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      config: { configMapRef: { name: 'web-uwsgi', key: this.key } },
      ...part,
    };
    await this.cluster.apply({
      apiVersion: 'uwsgi-tuner.dev/v1alpha1',
      kind: 'UwsgiTuning',
      metadata: { name, namespace: this.namespace },
      spec,
    });
  }

  async tuning(name = 'web'): Promise<UwsgiTuning> {
    return JSON.parse(await this.kubectl('get', 'uwt', name, '-o', 'json')) as UwsgiTuning;
  }

  /** Waits for a status; the tuning as it is then. */
  async until(
    what: string,
    accept: (tuning: UwsgiTuning) => boolean,
    timeoutMs = 120_000,
    name = 'web',
  ): Promise<UwsgiTuning> {
    return waitFor(
      what,
      async () => {
        const tuning = await this.tuning(name);
        return accept(tuning) ? tuning : null;
      },
      {
        timeoutMs,
        describe: async () => {
          const { status } = await this.tuning(name);
          const { sample: _sample, budget: _budget, ...rest } = status ?? {};
          return JSON.stringify(rest);
        },
      },
    );
  }

  async text(): Promise<string> {
    const object = JSON.parse(await this.kubectl('get', 'configmap', 'web-uwsgi', '-o', 'json')) as ConfigMap;
    return object.data?.[this.key] ?? '';
  }

  async deployment(): Promise<Deployment> {
    return JSON.parse(await this.kubectl('get', 'deployment', 'web', '-o', 'json')) as Deployment;
  }

  async pods(): Promise<readonly Pod[]> {
    const list = JSON.parse(await this.kubectl('get', 'pods', '-l', 'app=web', '-o', 'json')) as { items: Pod[] };
    return list.items.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  }

  /** The pods' addresses inside the cluster's network. */
  async addresses(): Promise<readonly string[]> {
    const text = await this.kubectl('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].status.podIP}');
    return text.split(' ').filter((address) => address !== '');
  }

  /** Load on every pod at once; the counts of all. */
  async traffic(options: {
    readonly connections: number;
    readonly requests?: number;
    readonly seconds?: number;
    readonly paths?: string;
    readonly headers?: readonly string[];
  }): Promise<{ readonly ok: number; readonly failed: number }> {
    const amount =
      options.requests === undefined
        ? ['--seconds', String(options.seconds ?? 5)]
        : ['--requests', String(options.requests)];
    const results = await Promise.all(
      (await this.addresses()).map(async (address) => {
        const argv = [process.execPath, 'test/support/traffic.ts', '--url', `http://${address}:8080`];
        const more = [
          '--connections',
          String(options.connections),
          ...amount,
          '--paths',
          options.paths ?? '/work?ms=30',
        ];
        const headers = (options.headers ?? []).flatMap((header) => ['--header', header]);
        const command = [...argv, ...more, ...headers];
        const { stdout, stderr, code } = await this.cluster.inside(command, { timeoutMs: 320_000 });
        if (code !== 0) throw new Error(`traffic failed: ${stderr}`);
        return JSON.parse(stdout) as { ok: number; failed: number };
      }),
    );
    return {
      ok: results.reduce((sum, { ok }) => sum + ok, 0),
      failed: results.reduce((sum, { failed }) => sum + failed, 0),
    };
  }

  /** Sends load in the background until `stop`; bounded to five minutes by the generator itself. */
  async background(connections: number, paths = '/work?ms=30'): Promise<{ readonly stop: () => void }> {
    const children = (await this.addresses()).map((address) =>
      this.cluster.spawnInside([
        process.execPath,
        'test/support/traffic.ts',
        '--url',
        `http://${address}:8080`,
        '--connections',
        String(connections),
        '--seconds',
        '300',
        '--paths',
        paths,
      ]),
    );
    return {
      stop: () => {
        for (const child of children) child.kill('SIGKILL');
      },
    };
  }

  async end(): Promise<void> {
    await this.cluster.kubectl(['delete', 'namespace', this.namespace, '--wait=false']);
  }
}

/** Condition of a tuning by type: "True/Measured". */
export function conditionOf(tuning: UwsgiTuning, type: string): string {
  const condition = tuning.status?.conditions?.find((entry) => entry.type === type);
  return condition === undefined ? 'absent' : `${condition.status}/${condition.reason}`;
}

export function iniText(lines: readonly string[]): string {
  return [
    '[uwsgi]',
    'http-socket = :8080',
    'plugin = python3',
    'wsgi-file = /app/app.py',
    'master = true',
    'die-on-term = true',
    ...(lines.some((line) => line.startsWith('log-format')) ? [] : ['disable-logging = true']),
    ...lines,
    '',
  ].join('\n');
}

function configMap({ namespace, ini, config, configMapMetadata, keys, shell }: AppOptions): object {
  const carrier = config === undefined ? { 'uwsgi.ini': iniText(ini) } : { [config.key]: config.text };
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'web-uwsgi', namespace, ...configMapMetadata },
    data: { ...keys, ...(shell === undefined ? {} : { sh: shell }), ...carrier },
  };
}

function deployment(options: AppOptions): object {
  const { namespace, config, replicas = 2, image = 'uwsgi-bookworm', memory = '1Gi', asRoot = false, shell } = options;
  const securityContext = asRoot
    ? { runAsUser: 0 }
    : { runAsUser: 33, runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace, labels: { app: 'web' } },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          dnsPolicy: 'Default',
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 3,
          containers: [
            {
              name: 'app',
              image: imageReference(image),
              imagePullPolicy: 'Never',
              resources: { ...(memory === null ? {} : { limits: { memory } }), requests: { memory: '32Mi' } },
              securityContext,
              readinessProbe: {
                httpGet: { path: options.readinessPath ?? '/health', port: 8080 },
                periodSeconds: 1,
                timeoutSeconds: 5,
                failureThreshold: 10,
              },
              volumeMounts: [
                { name: 'config', mountPath: '/etc/uwsgi-config' },
                ...(shell === undefined ? [] : [{ name: 'shell', mountPath: '/bin/sh', subPath: 'sh' }]),
              ],
              ...(config === undefined ? {} : { command: ['uwsgi', config.option, `/etc/uwsgi-config/${config.key}`] }),
              ...options.container,
            },
          ],
          volumes: [
            { name: 'config', configMap: { name: 'web-uwsgi' } },
            ...(shell === undefined ? [] : [{ name: 'shell', configMap: { name: 'web-uwsgi', defaultMode: 0o755 } }]),
          ],
        },
      },
    },
  };
}
