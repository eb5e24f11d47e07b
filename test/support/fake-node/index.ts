/**
 * A node that runs nothing, on a control plane alone. The pods that the real controllers make for it become Running and
 * Ready, exec and logs are answered as a uWSGI server with the config of that moment would; so the operator sees a whole
 * cluster, a thousand pods of it if need be, and a test decides what the servers do. What is shown here of pods is made
 * up: real pods are the e2e tests' subject.
 */
import { gzipSync } from 'node:zlib';
import type { ConfigMap, Pod } from '../../../src/api/objects.ts';
import { loadCredentials } from '../../../src/cluster/credentials.ts';
import { isClusterError } from '../../../src/cluster/errors.ts';
import { read } from '../../../src/cluster/listing.ts';
import { configMaps, pathOf, pods as podResource } from '../../../src/cluster/paths.ts';
import { Reflector } from '../../../src/cluster/reflector.ts';
import { createTransport, type Transport } from '../../../src/cluster/transport.ts';
import { mib, parseQuantity } from '../../../src/core/quantity.ts';
import type { ControlPlane } from '../../cluster/index.ts';
import { captureStream, guardText, usageOf, type ServerShape } from './capture-stream.ts';
import { FakeKubelet, type ContainerName } from './kubelet.ts';
import { runningPod, shapeOf } from './pod-state.ts';

/** One made-up server. */
export interface FakeServer {
  readonly namespace: string;
  readonly pod: string;
  /** The config text that it started with. */
  readonly text: string;
  shape: ServerShape;
  readonly startedAt: Date;
  readonly log: { readonly time: Date; readonly line: string }[];
  readonly listeners: Set<(time: Date, line: string) => void>;
  /** When it was last measured, milliseconds since the epoch; null: never. */
  askedAt: number | null;
}

/** What a test may decide about the servers. */
export interface FakeNodeOptions {
  /** Called when a server has started. To let it die, print a line: `node.print(server, 'DAMN ! …')`. */
  readonly onStart?: (server: FakeServer, node: FakeNode) => void;
  /** How long a pod takes to become Ready, milliseconds. */
  readonly startMs?: number;
  /** How many nodes it pretends to be, named by `nodeName`; 1 when left out. */
  readonly nodes?: number;
  /** True: the container prints its answer and never ends. */
  readonly hangs?: (server: FakeServer) => boolean;
}

/** `fake`, `fake-1`, `fake-2` and so on. */
export function nodeName(index: number): string {
  return index === 0 ? 'fake' : `fake-${index}`;
}

export class FakeNode {
  readonly servers = new Map<string, FakeServer>();
  readonly #transport: Transport;
  readonly #kubelet: FakeKubelet;
  readonly #options: FakeNodeOptions;
  readonly #reflector: Reflector<Pod>;
  readonly #seen = new Set<string>();
  readonly #streams = new Map<string, Uint8Array>();
  readonly #overrun: { readonly namespace: string; readonly line: string }[] = [];
  #serial = 0;

  private constructor(transport: Transport, kubelet: FakeKubelet, options: FakeNodeOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#kubelet = kubelet;
    this.#reflector = new Reflector<Pod>(transport, {
      resource: podResource,
      onChange: (_key, _before, after) => {
        if (after?.spec.nodeName?.startsWith(nodeName(0)) === true) void this.#take(after).catch(ignoreGone);
      },
    });
  }

  /** Registers the nodes and begins to run their pods; the template must name one: `nodeName: fake`. */
  static async start(cluster: ControlPlane, options: FakeNodeOptions = {}): Promise<FakeNode> {
    const certificate = await cluster.issueServerCertificate('fake-node');
    let node: FakeNode | null = null;
    const kubelet = await FakeKubelet.start(certificate, {
      exec: (where, argv) => node?.exec(where, argv) ?? null,
      follow: (where, print) => node?.follow(where, print) ?? null,
    });
    const transport = createTransport(await loadCredentials({ kubeconfig: cluster.kubeconfig }), {
      connections: { requests: 32 },
    });
    node = new FakeNode(transport, kubelet, options);
    const names = Array.from({ length: options.nodes ?? 1 }, (_, index) => nodeName(index));
    await cluster.apply(names.map((name) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } })));
    for (const name of names) {
      await transport.request({
        method: 'PATCH',
        path: `/api/v1/nodes/${name}/status`,
        contentType: 'application/merge-patch+json',
        body: {
          status: {
            addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
            daemonEndpoints: { kubeletEndpoint: { Port: kubelet.port } },
            conditions: [{ type: 'Ready', status: 'True', reason: 'Fake', message: 'made up by a test' }],
          },
        },
        timeoutMs: 10_000,
      });
    }
    await node.#reflector.start();
    return node;
  }

  async stop(): Promise<void> {
    await this.#reflector.stop();
    await this.#kubelet.stop();
    await this.#transport.close();
  }

  /** The servers of one namespace, oldest first. */
  of(namespace: string): FakeServer[] {
    return [...this.servers.values()].filter((server) => server.namespace === namespace);
  }

  /** Servers that ever started in these namespaces with more than their limit holds, a line each. */
  overrun(namespaces: readonly string[]): string[] {
    return this.#overrun.filter(({ namespace }) => namespaces.includes(namespace)).map(({ line }) => line);
  }

  /** A line of the container's log. */
  print(server: FakeServer, line: string): void {
    const time = new Date();
    server.log.push({ time, line });
    for (const listener of server.listeners) listener(time, line);
  }

  exec(where: ContainerName, argv: readonly string[]): { stdout: Uint8Array; hangs: boolean } | null {
    const server = this.servers.get(`${where.namespace}/${where.pod}`);
    if (server === undefined) return null;
    const hangs = this.#options.hangs?.(server) === true;
    const script = argv[2] ?? '';
    if (script.includes('@uwsgi-tuner guard 1')) {
      const ticks = Math.round(server.startedAt.getTime() / 10) % 1_000_000_000;
      return { stdout: Buffer.from(guardText(server.shape, ticks)), hangs };
    }
    server.askedAt = Date.now();
    return { stdout: this.#stream(server.shape, argv.at(-1) === 'threads'), hangs };
  }

  follow(where: ContainerName, print: (time: Date, line: string) => void): (() => void) | null {
    const server = this.servers.get(`${where.namespace}/${where.pod}`);
    if (server === undefined) return null;
    for (const { time, line } of server.log) print(time, line);
    server.listeners.add(print);
    return () => server.listeners.delete(print);
  }

  /** Compressed once for each shape: a thousand pods ask for the same. */
  #stream(shape: ServerShape, everyThread: boolean): Uint8Array {
    const key = JSON.stringify([shape, everyThread]);
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    const bytes = gzipSync(Buffer.from(captureStream(shape, everyThread), 'latin1'), { level: 6 });
    if (this.#streams.size > 100) this.#streams.clear();
    this.#streams.set(key, bytes);
    return bytes;
  }

  async #take(pod: Pod): Promise<void> {
    const { namespace = '', name, uid = '' } = pod.metadata;
    const key = `${namespace}/${name}`;
    if (pod.metadata.deletionTimestamp !== undefined) {
      if (!this.#seen.delete(`${uid} lives`)) return;
      this.servers.delete(key);
      await this.#transport.request({
        method: 'DELETE',
        path: pathOf(podResource, { namespace, name }),
        body: { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0, preconditions: { uid } },
        timeoutMs: 10_000,
      });
      return;
    }
    if (this.#seen.has(uid)) return;
    this.#seen.add(uid).add(`${uid} lives`);
    await new Promise((resolve) => setTimeout(resolve, this.#options.startMs ?? 300));
    const text = await this.#mounted(pod);
    const startedAt = new Date();
    const server: FakeServer = {
      namespace,
      pod: name,
      text,
      shape: { ...shapeOf(text), limit: limitOf(pod), oomKills: 0, firstPid: 1, ballast: 0 },
      startedAt,
      log: [],
      listeners: new Set(),
      askedAt: null,
    };
    this.servers.set(key, server);
    const usage = usageOf(server.shape);
    if (usage > server.shape.limit)
      this.#overrun.push({ namespace, line: `${key}: ${usage} of ${server.shape.limit} bytes` });
    this.print(server, '*** Starting uWSGI 2.0.21 (64bit) on [Thu Jan  1 00:00:00 2026] ***');
    await this.#transport.request({
      method: 'PATCH',
      path: pathOf(podResource, { namespace, name, subresource: 'status' }),
      contentType: 'application/merge-patch+json',
      body: runningPod(pod, startedAt, ++this.#serial),
      timeoutMs: 10_000,
    });
    this.#options.onStart?.(server, this);
  }

  /** The text of the first ConfigMap volume, as a kubelet mounts it at the start. */
  async #mounted(pod: Pod): Promise<string> {
    const { namespace = '' } = pod.metadata;
    const name = pod.spec.volumes?.find((volume) => volume.configMap !== undefined)?.configMap?.name;
    if (name === undefined) return '';
    const map = await read<ConfigMap>(this.#transport, configMaps, { namespace, name });
    return map.data?.['uwsgi.ini'] ?? '';
  }
}

function limitOf(pod: Pod): number {
  return parseQuantity(pod.spec.containers[0]?.resources?.limits?.['memory'] ?? '') ?? mib(1024);
}

/** Pods go away at any time; that is no fault of the node. */
function ignoreGone(error: unknown): void {
  if (!isClusterError(error, 'NotFound', 'Conflict', 'Aborted')) process.stderr.write(`fake node: ${String(error)}\n`);
}
