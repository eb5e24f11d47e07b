/**
 * Where the API server is and how to be let in. In a pod this is a few files, read here without any library: importing
 * client-node costs 75 MB of memory in a checkout and 15 MB in the bundle, and its token reader never reads early after
 * a 401. Every other kubeconfig (tokens, client certificates, exec plugins, auth providers) is client-node's work,
 * loaded only when it is needed.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Agent as HttpAgent } from 'node:http';
import type { RequestOptions as HttpsOptions } from 'node:https';
import { isIPv6 } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { systemClock, type Clock } from './clock.ts';

/** What TLS needs to know. Absent values are Node's defaults. */
export interface TlsOptions {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly rejectUnauthorized?: boolean;
  readonly servername?: string;
}

/** Everything one connection needs, as of now. */
export interface Access {
  /** For example https://10.96.0.1:443, with a path when the cluster lives below one. */
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsOptions;
  /** Changes when `tls` does: connections made before belong to the old identity. */
  readonly fingerprint: string;
  /** HTTP(S) proxy of the kubeconfig. */
  readonly proxyUrl: string | null;
  /** Agent for WebSockets where a proxy is set. */
  readonly proxyAgent: HttpAgent | null;
}

/** A source of access that keeps up with rotated tokens, certificates and CAs. */
export interface Credentials {
  /** The namespace of the context or of the pod. */
  readonly namespace: string | null;
  /** Current access; files and plugins are asked again at most once a minute. Throws what reading them threw. */
  access(): Promise<Access>;
  /** Forgets what is cached: the server said 401, or its certificate did not verify. */
  refresh(): void;
}

/** The kubelet replaces tokens well before they expire; client-go too reads them once a minute. */
const FRESH_MS = 60_000;

/** Keeps what `load` gives for a minute; calls at the same time share one load. */
function cached(namespace: string | null, load: () => Promise<Access>, clock: Clock): Credentials {
  let current: { readonly access: Promise<Access>; readonly since: number } | null = null;
  return {
    namespace,
    access: () => {
      if (current !== null && clock.monotonic() - current.since < FRESH_MS) return current.access;
      const entry = { access: load(), since: clock.monotonic() };
      current = entry;
      entry.access.catch(() => {
        if (current === entry) current = null;
      });
      return entry.access;
    },
    refresh: () => {
      current = null;
    },
  };
}

function fingerprint(tls: TlsOptions): string {
  const hash = createHash('sha256');
  for (const part of [tls.ca, tls.cert, tls.key, String(tls.rejectUnauthorized), tls.servername]) {
    hash.update(part ?? '').update('\0');
  }
  return hash.digest('base64');
}

/** Where the kubelet mounts the service account. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The pod's own service account. */
export interface InClusterOptions {
  readonly host: string;
  readonly port: string;
  /** Folder with token, ca.crt and namespace. */
  readonly folder?: string;
  readonly clock?: Clock;
}

/** Access as the pod's service account. Throws when the mounted files cannot be read. */
export async function inClusterCredentials(options: InClusterOptions): Promise<Credentials> {
  const { host, port, folder = SERVICE_ACCOUNT, clock = systemClock } = options;
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const namespace = await readFile(join(folder, 'namespace'), 'utf8').then(
    (text) => text.trim(),
    () => null,
  );
  const load = async (): Promise<Access> => {
    const [token, ca] = await Promise.all([
      readFile(join(folder, 'token'), 'utf8'),
      readFile(join(folder, 'ca.crt'), 'utf8'),
    ]);
    const tls = { ca };
    const headers = { authorization: `Bearer ${token.trim()}` };
    return { server, headers, tls, fingerprint: fingerprint(tls), proxyUrl: null, proxyAgent: null };
  };
  return cached(namespace, load, clock);
}

/**
 * Access as a kubeconfig says. `load` reads the kubeconfig anew, so that an edited file and a forgotten exec credential
 * count after `refresh`.
 */
export function kubeConfigCredentials(load: () => KubeConfig, clock: Clock = systemClock): Credentials {
  let kubeConfig: KubeConfig | null = load();
  const context = kubeConfig.getContextObject(kubeConfig.getCurrentContext());
  const credentials = cached(context?.namespace ?? null, () => accessOf((kubeConfig ??= load())), clock);
  return {
    ...credentials,
    refresh: () => {
      kubeConfig = null;
      credentials.refresh();
    },
  };
}

async function accessOf(kubeConfig: KubeConfig): Promise<Access> {
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null) throw new Error(`kubeconfig: no cluster for context "${kubeConfig.getCurrentContext()}"`);
  const proxyUrl = cluster.proxyUrl ?? null;
  if (proxyUrl?.startsWith('socks')) throw new Error('kubeconfig: proxy-url: want http or https, found a SOCKS proxy');
  const found: HttpsOptions & { auth?: string | null } = {};
  await kubeConfig.applyToHTTPSOptions(found);
  const tls = {
    ...pick('ca', found.ca as string | Buffer | undefined),
    ...pick('cert', found.cert as string | Buffer | undefined),
    ...pick('key', found.key as string | Buffer | undefined),
    ...pick('rejectUnauthorized', found.rejectUnauthorized),
    ...pick('servername', found.servername),
  } satisfies TlsOptions;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(found.headers ?? {})) headers[name.toLowerCase()] = String(value);
  if (typeof found.auth === 'string') headers['authorization'] = `Basic ${Buffer.from(found.auth).toString('base64')}`;
  return {
    server: cluster.server.replace(/\/+$/, ''),
    headers,
    tls,
    fingerprint: fingerprint(tls),
    proxyUrl,
    proxyAgent: proxyUrl === null ? null : (found.agent as HttpAgent),
  };
}

function pick<K extends string, V>(name: K, value: V | null | undefined): { readonly [P in K]?: V } {
  return value === null || value === undefined ? {} : ({ [name]: value } as { [P in K]: V });
}

/** Which credentials to use. */
export interface LoadCredentialsOptions {
  /** Path of a kubeconfig; otherwise KUBECONFIG, then the pod's service account, then ~/.kube/config. */
  readonly kubeconfig?: string | undefined;
  /** Context of the kubeconfig; otherwise its current one. */
  readonly context?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Finds the credentials the way controllers and kubectl do. Throws a plain Error that says what was looked for. */
export async function loadCredentials(options: LoadCredentialsOptions = {}): Promise<Credentials> {
  const { kubeconfig, context, environment = process.env } = options;
  const { KUBECONFIG: listed, KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  const explicit = kubeconfig !== undefined || (listed !== undefined && listed !== '');
  if (!explicit && host !== undefined && port !== undefined && existsSync(join(SERVICE_ACCOUNT, 'token'))) {
    return inClusterCredentials({ host, port });
  }
  const home = join(environment['HOME'] ?? homedir(), '.kube', 'config');
  if (!explicit && !existsSync(home)) {
    throw new Error(`no cluster: looked for --kubeconfig, KUBECONFIG, a service account and ${home}`);
  }
  const { KubeConfig: Loaded } = await import('./kube-config.ts');
  return kubeConfigCredentials(() => {
    const loaded = new Loaded();
    if (kubeconfig !== undefined) loaded.loadFromFile(kubeconfig);
    else if (explicit) loaded.loadFromDefault();
    else loaded.loadFromFile(home);
    if (context !== undefined) {
      if (loaded.getContextObject(context) === null) throw new Error(`kubeconfig: no context "${context}"`);
      loaded.setCurrentContext(context);
    }
    return loaded;
  });
}
