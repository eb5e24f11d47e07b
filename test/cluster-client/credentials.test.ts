import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inClusterCredentials, loadCredentials } from '../../src/cluster/credentials.ts';
import { FakeClock } from '../support/fake-clock.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'credentials-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function kubeconfig(user: object): Promise<string> {
  const path = join(folder, 'config');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'one',
    clusters: [
      { name: 'c', cluster: { server: 'https://127.0.0.1:1/base/', 'certificate-authority-data': btoa('CA') } },
    ],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'one', context: { cluster: 'c', user: 'u', namespace: 'shop' } },
      { name: 'two', context: { cluster: 'c', user: 'u' } },
    ],
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

describe('a kubeconfig', () => {
  it('gives server, namespace, token and CA', async () => {
    const credentials = await loadCredentials({ kubeconfig: await kubeconfig({ token: 't' }) });
    expect(credentials.namespace).toBe('shop');
    expect(await credentials.access()).toMatchObject({
      server: 'https://127.0.0.1:1/base',
      headers: { authorization: 'Bearer t' },
      tls: { ca: Buffer.from('CA') },
      proxyUrl: null,
    });
  });

  it('is taken in the context that was asked for, or refused by name', async () => {
    const path = await kubeconfig({ token: 't' });
    expect((await loadCredentials({ kubeconfig: path, context: 'two' })).namespace).toBeNull();
    await expect(loadCredentials({ kubeconfig: path, context: 'three' })).rejects.toThrow(
      'kubeconfig: no context "three"',
    );
  });

  it('counts anew after refresh', async () => {
    const credentials = await loadCredentials({ kubeconfig: await kubeconfig({ token: 'old' }) });
    const before = await credentials.access();
    await kubeconfig({ token: 'new' });
    expect(await credentials.access()).toBe(before);
    credentials.refresh();
    expect((await credentials.access()).headers['authorization']).toBe('Bearer new');
  });

  it('runs an exec plugin once, and again after refresh', async () => {
    const counter = join(folder, 'count');
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'PLACE' },
    };
    const script = `echo x >> "$0"; n=$(wc -l < "$0"); echo '${JSON.stringify(credential)}' | sed "s/PLACE/plugin-$n/"`;
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'sh', args: ['-c', script, counter] };
    const credentials = await loadCredentials({ kubeconfig: await kubeconfig({ exec }) });
    const token = async (): Promise<string | undefined> => (await credentials.access()).headers['authorization'];
    const first = await token();
    expect(await token()).toBe(first);
    credentials.refresh();
    expect([first, await token()]).toEqual(['Bearer plugin-1', 'Bearer plugin-2']);
  });

  it('is looked for by name where nothing is found', async () => {
    await expect(loadCredentials({ environment: { HOME: folder } })).rejects.toThrow(
      `no cluster: looked for --kubeconfig, KUBECONFIG, a service account and ${folder}/.kube/config`,
    );
  });
});

describe('a service account', () => {
  it('is read again after a minute; a new CA changes the fingerprint, a new token does not', async () => {
    const clock = new FakeClock();
    const write = async (token: string, ca: string): Promise<void> => {
      await writeFile(join(folder, 'token'), token);
      await writeFile(join(folder, 'ca.crt'), ca);
    };
    await write('one', 'A');
    const credentials = await inClusterCredentials({ host: 'fd00::1', port: '443', folder, clock });
    const first = await credentials.access();
    expect(first.server).toBe('https://[fd00::1]:443');
    await write('two', 'A');
    expect((await credentials.access()).headers['authorization']).toBe('Bearer one');
    await clock.advance(60_000);
    const second = await credentials.access();
    expect(second.headers['authorization']).toBe('Bearer two');
    expect(second.fingerprint).toBe(first.fingerprint);
    await write('two', 'B');
    await clock.advance(60_000);
    expect((await credentials.access()).fingerprint).not.toBe(first.fingerprint);
  });

  it('tries again at once after files could not be read', async () => {
    const credentials = await inClusterCredentials({ host: '127.0.0.1', port: '443', folder });
    await expect(credentials.access()).rejects.toThrow('ENOENT');
    await writeFile(join(folder, 'token'), 't');
    await writeFile(join(folder, 'ca.crt'), 'A');
    expect((await credentials.access()).headers['authorization']).toBe('Bearer t');
  });
});
