import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { runOk } from './run.ts';

/** A serving certificate for a server of a test, and the CA that signed it. All three are PEM text. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** The clients of the API server: file name to distinguished name. Their groups are what RBAC's built-in roles expect. */
export const CLIENTS = {
  admin: '/O=system:masters/CN=admin',
  'kubelet-client': '/O=system:masters/CN=apiserver-kubelet-client',
  'controller-manager': '/CN=system:kube-controller-manager',
  scheduler: '/CN=system:kube-scheduler',
  proxy: '/CN=system:kube-proxy',
  node: '/O=system:nodes/CN=system:node:node1',
} as const;

export type ClientName = keyof typeof CLIENTS;

/** Makes a CA, the API server's certificate, the clients' certificates and the service accounts' key in `folder`. */
export async function createPki(
  folder: string,
  clients: readonly ClientName[],
  addresses: readonly string[],
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await newKey(folder, 'ca');
  await newKey(folder, 'sa');
  await openssl(folder, ['ec', '-in', 'sa.key', '-pubout', '-out', 'sa.pub']);
  await openssl(folder, [
    'req',
    '-x509',
    '-new',
    '-key',
    'ca.key',
    '-out',
    'ca.crt',
    '-days',
    '3650',
    '-subj',
    '/CN=uwt-ca',
  ]);
  const names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost'].map(
    (name) => `DNS:${name}`,
  );
  const alternatives = [...names, ...addresses.map((address) => `IP:${address}`)].join(',');
  await Promise.all([
    sign(folder, 'apiserver', '/CN=kube-apiserver', `subjectAltName=${alternatives}\nextendedKeyUsage=serverAuth\n`),
    ...clients.map((name) => sign(folder, name, CLIENTS[name], 'extendedKeyUsage=clientAuth\n')),
  ]);
}

/** Issues a certificate for a server that a test runs on loopback, for example an admission webhook. */
export async function issueServerCertificate(folder: string, commonName: string): Promise<ServerCertificate> {
  const file = `server-${commonName.replaceAll(/[^a-zA-Z0-9.-]/g, '-')}`;
  const alternatives = `subjectAltName=DNS:${commonName},DNS:localhost,IP:127.0.0.1`;
  await sign(folder, file, `/CN=${commonName}`, `${alternatives}\nextendedKeyUsage=serverAuth\n`);
  const [cert, key, ca] = await Promise.all(
    [`${file}.crt`, `${file}.key`, 'ca.crt'].map((name) => readFile(join(folder, name), 'utf8')),
  );
  return { cert: cert ?? '', key: key ?? '', ca: ca ?? '' };
}

/** Writes a kubeconfig with everything inside, so that one file is enough wherever it is copied. */
export async function writeKubeconfig(path: string, pki: string, client: ClientName, server: string): Promise<void> {
  const encode = async (file: string): Promise<string> => (await readFile(join(pki, file))).toString('base64');
  const [ca, cert, key] = await Promise.all([encode('ca.crt'), encode(`${client}.crt`), encode(`${client}.key`)]);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: client, user: { 'client-certificate-data': cert, 'client-key-data': key } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: client } }],
    'current-context': 'test',
  };
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, JSON.stringify(config, null, 2));
  await chmod(path, 0o600);
}

/** Elliptic-curve keys: an RSA key takes half a second to find, and a cluster needs nine. */
async function newKey(folder: string, name: string): Promise<void> {
  await openssl(folder, ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`]);
}

async function sign(folder: string, name: string, subject: string, extensions: string): Promise<void> {
  await newKey(folder, name);
  await writeFile(join(folder, `${name}.ext`), extensions);
  await openssl(folder, ['req', '-new', '-key', `${name}.key`, '-out', `${name}.csr`, '-subj', subject]);
  // A random serial: the CA's serial file could not be shared by signatures made at once.
  const serial = `0x${crypto.randomUUID().replaceAll('-', '').slice(0, 16)}`;
  const ca = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-set_serial', serial];
  const files = ['-in', `${name}.csr`, '-out', `${name}.crt`, '-extfile', `${name}.ext`];
  await openssl(folder, ['x509', '-req', ...files, ...ca, '-days', '3650']);
}

async function openssl(folder: string, args: readonly string[]): Promise<void> {
  await runOk(['openssl', ...args], { cwd: folder, timeoutMs: 30_000 });
}
