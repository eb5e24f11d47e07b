/** A uWSGI workload whose pods run on the made-up node: namespace, ConfigMap, Deployment and tuning, over the API alone. */
import type { ConfigMap, Deployment } from '../../../src/api/objects.ts';
import { CONFIG_HASH_ANNOTATION, type UwsgiTuning } from '../../../src/api/uwsgi-tuning.ts';
import { loadCredentials } from '../../../src/cluster/credentials.ts';
import { isClusterError } from '../../../src/cluster/errors.ts';
import { read } from '../../../src/cluster/listing.ts';
import { configMaps, deployments, namespaces, pathOf, type Resource } from '../../../src/cluster/paths.ts';
import { createTransport, type Transport } from '../../../src/cluster/transport.ts';
import type { ControlPlane } from '../../cluster/index.ts';
import type { SpecPart } from '../app.ts';
import { waitFor } from '../wait.ts';

const TUNINGS: Resource = { apiVersion: 'uwsgi-tuner.dev/v1alpha1', plural: 'uwsgitunings' };

/** A change is planned after the first sample and judged after two seconds. */
export const HASTY = {
  sampling: { interval: '5s', minSamples: 1, minObservation: '0s', maxPods: 2, timeout: '5s' },
  updatePolicy: { mode: 'Patch', minInterval: '1h', minChangePercent: 1, verifyWindow: '2s', rolloutTimeout: '10m' },
} as const satisfies SpecPart;

export interface WorkloadOptions {
  readonly namespace: string;
  /** Lines of the [uwsgi] section beside those that serve. */
  readonly ini: readonly string[];
  readonly replicas?: number;
  readonly memory?: string;
  /** Of the Deployment, its tuning and its container; `web` when left out. The ConfigMap is `NAME-uwsgi`. */
  readonly name?: string;
  /** The made-up node of its pods; `fake` when left out. */
  readonly node?: string;
}

/** As admin, past every fault. */
export async function adminTransport(cluster: ControlPlane): Promise<Transport> {
  return createTransport(await loadCredentials({ kubeconfig: cluster.kubeconfig }), { connections: { requests: 32 } });
}

export class Workload {
  readonly namespace: string;
  readonly name: string;
  readonly #node: string;
  readonly #transport: Transport;

  private constructor(transport: Transport, { namespace, name = 'web', node = 'fake' }: WorkloadOptions) {
    this.#transport = transport;
    this.namespace = namespace;
    this.name = name;
    this.#node = node;
  }

  /** Makes everything but the tuning, and waits until its pods are Ready. */
  static async start(transport: Transport, options: WorkloadOptions, timeoutMs?: number): Promise<Workload> {
    await Workload.namespace(transport, options.namespace);
    const workload = await Workload.place(transport, options);
    await workload.rolledOut(timeoutMs);
    return workload;
  }

  /** Whether its namespace is there, and be it on its way out. */
  async exists(): Promise<boolean> {
    try {
      await read(this.#transport, namespaces, { name: this.namespace });
      return true;
    } catch (error) {
      if (isClusterError(error, 'NotFound')) return false;
      throw error;
    }
  }

  static async namespace(transport: Transport, name: string): Promise<void> {
    await new Workload(transport, { namespace: name, ini: [] }).#create(namespaces, { metadata: { name } });
  }

  /** Makes everything but the namespace and the tuning, and waits for no pod. */
  static async place(transport: Transport, options: WorkloadOptions): Promise<Workload> {
    const workload = new Workload(transport, options);
    await workload.createConfigMap(iniText(options.ini));
    await workload.createDeployment(options);
    return workload;
  }

  createConfigMap(text: string): Promise<unknown> {
    return this.#create(configMaps, { metadata: { name: `${this.name}-uwsgi` }, data: { 'uwsgi.ini': text } });
  }

  createDeployment({ replicas = 2, memory = '1Gi' }: Partial<WorkloadOptions> = {}): Promise<unknown> {
    const { name } = this;
    return this.#create(deployments, {
      metadata: { name },
      spec: {
        replicas,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: {
            nodeName: this.#node,
            terminationGracePeriodSeconds: 1,
            containers: [
              {
                name,
                image: 'made-up/web:1',
                args: ['--ini', '/etc/uwsgi/uwsgi.ini'],
                resources: { limits: { memory } },
                volumeMounts: [{ name: 'config', mountPath: '/etc/uwsgi' }],
              },
            ],
            volumes: [{ name: 'config', configMap: { name: `${name}-uwsgi` } }],
          },
        },
      },
    });
  }

  async tune(part: SpecPart, name = this.name): Promise<void> {
    await this.#create(TUNINGS, {
      metadata: { name },
      spec: {
        targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: this.name },
        config: { configMapRef: { name: `${this.name}-uwsgi`, key: 'uwsgi.ini' } },
        ...part,
      },
    });
  }

  async tuning(name = this.name): Promise<UwsgiTuning | null> {
    return this.#readOrNull<UwsgiTuning>(TUNINGS, name);
  }

  /** The config text; null when its ConfigMap is gone. */
  async text(): Promise<string | null> {
    return (await this.configMap(`${this.name}-uwsgi`))?.data?.['uwsgi.ini'] ?? null;
  }

  configMap(name: string): Promise<ConfigMap | null> {
    return this.#readOrNull<ConfigMap>(configMaps, name);
  }

  deployment(): Promise<Deployment | null> {
    return this.#readOrNull<Deployment>(deployments, this.name);
  }

  /** The hash on the pod template; null: none. */
  async annotation(): Promise<string | null> {
    return (await this.deployment())?.spec.template.metadata?.annotations?.[CONFIG_HASH_ANNOTATION] ?? null;
  }

  patch(kind: 'tuning' | 'deployment' | 'configmap', body: object): Promise<unknown> {
    return this.#transport.request({
      method: 'PATCH',
      path: this.#pathOf(kind),
      contentType: 'application/merge-patch+json',
      body,
      timeoutMs: 10_000,
    });
  }

  delete(kind: 'tuning' | 'deployment' | 'configmap' | 'namespace'): Promise<unknown> {
    const path = kind === 'namespace' ? pathOf(namespaces, { name: this.namespace }) : this.#pathOf(kind);
    return this.#transport.request({ method: 'DELETE', path, timeoutMs: 10_000 });
  }

  /** Waits until every replica of the newest template is Ready and no other is left. */
  async rolledOut(timeoutMs = 60_000): Promise<void> {
    await waitFor(
      `rollout in ${this.namespace}`,
      async () => {
        const deployment = await this.deployment();
        return deployment !== null && isRolledOut(deployment) ? true : null;
      },
      { timeoutMs, everyMs: 200 },
    );
  }

  /** Waits for a state of the tuning; null stands for a tuning that is gone. */
  async until(
    what: string,
    accept: (tuning: UwsgiTuning | null) => boolean,
    timeoutMs = 60_000,
  ): Promise<UwsgiTuning | null> {
    let last: UwsgiTuning | null = null;
    await waitFor(
      `${what} in ${this.namespace}`,
      async () => {
        last = await this.tuning();
        return accept(last) ? true : null;
      },
      {
        timeoutMs,
        everyMs: 200,
        describe: () => {
          const { sample: _sample, budget: _budget, ...rest } = last?.status ?? {};
          return Promise.resolve(JSON.stringify(rest));
        },
      },
    );
    return last;
  }

  #pathOf(kind: 'tuning' | 'deployment' | 'configmap'): string {
    const name = kind === 'configmap' ? `${this.name}-uwsgi` : this.name;
    const resource = { tuning: TUNINGS, deployment: deployments, configmap: configMaps }[kind];
    return pathOf(resource, { namespace: this.namespace, name });
  }

  async #readOrNull<T>(resource: Resource, name: string): Promise<T | null> {
    try {
      return await read<T>(this.#transport, resource, { namespace: this.namespace, name });
    } catch (error) {
      if (isClusterError(error, 'NotFound')) return null;
      throw error;
    }
  }

  #create(resource: Resource, object: { readonly metadata: object } & Record<string, unknown>): Promise<unknown> {
    const scoped = resource === namespaces ? {} : { namespace: this.namespace };
    const kinds: Readonly<Record<string, string>> = {
      namespaces: 'Namespace',
      configmaps: 'ConfigMap',
      deployments: 'Deployment',
      uwsgitunings: 'UwsgiTuning',
    };
    return this.#transport.request({
      method: 'POST',
      path: pathOf(resource, scoped),
      body: { apiVersion: resource.apiVersion, kind: kinds[resource.plural], ...object },
      timeoutMs: 10_000,
    });
  }
}

export function isRolledOut({ metadata, spec, status }: Deployment): boolean {
  const want = spec.replicas ?? 1;
  return (
    status?.observedGeneration === metadata.generation &&
    (status?.updatedReplicas ?? 0) === want &&
    (status?.replicas ?? 0) === want &&
    (status?.availableReplicas ?? 0) === want
  );
}

export function iniText(lines: readonly string[]): string {
  return ['[uwsgi]', 'http-socket = :8080', 'master = true', 'die-on-term = true', ...lines, ''].join('\n');
}
