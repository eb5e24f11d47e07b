/** The operator as a process on this machine, with the chart's rights, that a test can kill at a chosen moment. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import type { Transport } from '../../src/cluster/transport.ts';
import { REPOSITORY } from '../cluster/cache.ts';
import type { ControlPlane } from '../cluster/index.ts';
import { OPERATOR_NAMESPACE } from './operator.ts';

/** Creates the CRD, the service account and its rights as the chart would, and nothing that runs. */
export async function installRights(cluster: ControlPlane): Promise<void> {
  const rendered = await renderRights(cluster);
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: OPERATOR_NAMESPACE } });
  await cluster.kubectlOk(['apply', '--server-side', '-f', '-'], { input: rendered });
  await cluster.kubectlOk(['wait', '--for=condition=Established', 'crd/uwsgitunings.uwsgi-tuner.dev', '--timeout=30s']);
}

/** The chart's rights to the lease once more in another namespace, so that operators there elect among themselves. */
export async function installLeaseRights(
  cluster: ControlPlane,
  transport: Transport,
  namespace: string,
): Promise<void> {
  const rendered = loadAll(await renderRights(cluster)) as (RoleManifest | null)[];
  const roles = rendered.filter((one) => one?.metadata.namespace === OPERATOR_NAMESPACE && /^Role/.test(one.kind));
  for (const role of roles) {
    await transport.request({
      method: 'POST',
      path: `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/${role?.kind.toLowerCase()}s`,
      body: { ...role, metadata: { ...role?.metadata, namespace } },
      timeoutMs: 10_000,
    });
  }
}

interface RoleManifest {
  readonly kind: string;
  readonly metadata: { readonly namespace?: string };
}

const rights = new Map<string, Promise<string>>();

function renderRights(cluster: ControlPlane): Promise<string> {
  const known = rights.get(cluster.name) ?? helmTemplate(cluster);
  rights.set(cluster.name, known);
  return known;
}

async function helmTemplate(cluster: ControlPlane): Promise<string> {
  const chart = join(REPOSITORY, 'charts', 'uwsgi-tuner');
  const shown = ['crd', 'rbac', 'serviceaccount'].flatMap((name) => ['--show-only', `templates/${name}.yaml`]);
  const { stdout, stderr, code } = await cluster.helm([
    'template',
    'uwsgi-tuner',
    chart,
    '--namespace',
    OPERATOR_NAMESPACE,
    ...shown,
  ]);
  if (code !== 0) throw new Error(`helm template failed: ${stderr}`);
  return stdout;
}

/** Writes a kubeconfig of the operator's service account; `server` may be a proxy's address. */
export async function operatorKubeconfig(cluster: ControlPlane, server: string, name: string): Promise<string> {
  const ca = await readFile(join(cluster.dir, 'pki', 'ca.crt'), 'utf8');
  const account = ['--namespace', OPERATOR_NAMESPACE, 'create', 'token', 'uwsgi-tuner', '--duration=2h'];
  const token = (await cluster.kubectlOk(account)).trim();
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: 'operator', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'operator', namespace: OPERATOR_NAMESPACE } }],
    'current-context': 'test',
  };
  const file = join(cluster.dir, `operator-${name}.json`);
  await writeFile(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}

export interface OperatorOptions {
  readonly kubeconfig: string;
  readonly namespaces?: readonly string[];
  /** Two processes of one name and uid are the same pod: the second takes its lease over at once. */
  readonly pod?: string;
  /** The operator's own namespace when left out. */
  readonly leaseNamespace?: string;
  /** What its clock adds to the time of this machine, milliseconds. */
  readonly skewMs?: number;
}

/** One running process. */
export class OperatorProcess {
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

  static start(options: OperatorOptions): OperatorProcess {
    const {
      kubeconfig,
      namespaces = [],
      pod = `operator-${randomUUID()}`,
      leaseNamespace = OPERATOR_NAMESPACE,
    } = options;
    const skewed = options.skewMs === undefined ? [] : ['--import', join(import.meta.dirname, 'skewed-clock.ts')];
    const flags = ['--kubeconfig', kubeconfig, '--listen', 'none', '--lease-namespace', leaseNamespace];
    const watched = namespaces.length === 0 ? [] : ['--namespaces', namespaces.join(',')];
    const main = join(REPOSITORY, 'src', 'main.ts');
    // It ends with the test's process, however that ends.
    const program = ['--pdeathsig', 'KILL', '--', process.execPath];
    const child = spawn('setpriv', [...program, ...skewed, main, 'controller', ...flags, ...watched], {
      env: {
        ...process.env,
        POD_NAME: pod,
        POD_UID: pod,
        POD_NAMESPACE: OPERATOR_NAMESPACE,
        SKEW_MS: String(options.skewMs ?? 0),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new OperatorProcess(child);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it logged so far. */
  get log(): string {
    return this.#log;
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name);
  }

  /** As a crash: nothing is said or given back. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async ended(): Promise<void> {
    if (this.running) await once(this.#child, 'exit');
  }

  /** SIGTERM, and its end. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const impatience = setTimeout(() => {
      this.kill();
    }, 30_000);
    await this.ended();
    clearTimeout(impatience);
  }
}
