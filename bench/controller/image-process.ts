/** The operator as its image runs it: the bundle with the Dockerfile's flags and environment, and a pod's credentials. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ControlPlane } from '../../test/cluster/index.ts';
import { OPERATOR_NAMESPACE } from '../../test/support/operator.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** Mounts a folder where a kubelet mounts the service account, seen by this process alone, and becomes the operator. */
const AS_POD = [
  'mount -t tmpfs tmpfs /run',
  'mkdir -p /var/run/secrets/kubernetes.io/serviceaccount',
  'cp "$1"/* /var/run/secrets/kubernetes.io/serviceaccount/',
  'shift',
  'exec "$@"',
].join(' && ');

/** What the Dockerfile says, on the bundle of this checkout. */
function readImage(extra: readonly string[]): { readonly argv: string[]; readonly env: Record<string, string> } {
  const text = readFileSync(join(ROOT, 'Dockerfile'), 'utf8').replaceAll('\\\n', ' ');
  const [node, ...flags] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(text)?.[1] ?? '[]') as string[];
  const program = flags.pop();
  if (node !== 'node' || program === undefined) throw new Error('the Dockerfile has no ENTRYPOINT of node');
  const pairs = [...text.matchAll(/^ENV (.*)$/gm)].flatMap(([, line = '']) => line.trim().split(/\s+/));
  const env = Object.fromEntries(pairs.map((pair) => pair.split('=', 2) as [string, string]));
  return { argv: [process.execPath, ...flags, ...extra, program.replace('/app/', `${join(ROOT, 'dist')}/`)], env };
}

export class ImageProcess {
  readonly #child: ChildProcess;
  #log = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    const keep = (chunk: Buffer): void => {
      this.#log += chunk.toString();
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
  }

  /** Starts it against a cluster that has the chart's rights; `extra` are more flags of Node, for profiles. */
  static async start(cluster: ControlPlane, extra: readonly string[]): Promise<ImageProcess> {
    const folder = join(cluster.dir, 'service-account');
    const account = ['--namespace', OPERATOR_NAMESPACE, 'create', 'token', 'uwsgi-tuner', '--duration=2h'];
    const server = await cluster.kubectlOk(['config', 'view', '-o', 'jsonpath={.clusters[0].cluster.server}']);
    await mkdir(folder, { recursive: true });
    await copyFile(join(cluster.dir, 'pki', 'ca.crt'), join(folder, 'ca.crt'));
    await writeFile(join(folder, 'token'), (await cluster.kubectlOk(account)).trim());
    await writeFile(join(folder, 'namespace'), OPERATOR_NAMESPACE);
    const { argv, env } = readImage(extra);
    const user = process.getuid?.() === 0 ? [] : ['--map-root-user'];
    const command = [...argv, 'controller', '--listen', '127.0.0.1:0'];
    const child = spawn('unshare', ['--mount', ...user, 'sh', '-c', AS_POD, 'sh', folder, ...command], {
      env: {
        PATH: process.env['PATH'],
        ...env,
        KUBERNETES_SERVICE_HOST: '127.0.0.1',
        KUBERNETES_SERVICE_PORT: new URL(server.trim()).port,
        POD_NAME: 'bench',
        POD_UID: 'bench',
        POD_NAMESPACE: OPERATOR_NAMESPACE,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    process.once('exit', () => child.kill('SIGKILL'));
    return new ImageProcess(child);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** What it logged so far. */
  get log(): string {
    return this.#log;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
  }
}
