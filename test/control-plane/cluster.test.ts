import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { cachePath } from '../cluster/cache.ts';
import { ensureBinaries, startControlPlane } from '../cluster/index.ts';
import { withLock } from '../cluster/lock.ts';
import { startOwner } from '../cluster/owner.ts';

const CONTROL_PLANE = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'] as const;

test('a second start builds nothing', async () => {
  await ensureBinaries(CONTROL_PLANE);
  const start = Date.now();
  expect(await ensureBinaries(CONTROL_PLANE)).toBe(0);
  expect(Date.now() - start).toBeLessThan(1_000);
});

test('two processes never work under one lock at once, and a killed one frees it', async () => {
  const name = `test-${process.pid}`;
  const code = `const { withLock } = await import('./test/cluster/lock.ts');
    await withLock('${name}', async () => { console.log('held'); await new Promise((r) => setTimeout(r, 60_000)); });`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  let entered = false;
  const waiting = withLock(name, () => Promise.resolve((entered = true)));
  await sleep(300);
  expect(entered).toBe(false);
  holder.kill('SIGKILL');
  await waiting;
  expect(entered).toBe(true);
  rmSync(cachePath('locks', name));
});

test('two control planes run side by side, and nothing is left of them', async () => {
  const [first, second] = await Promise.all([startControlPlane(), startControlPlane()]);
  try {
    await first.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'only-first' } });
    expect(await first.kubectlOk(['get', 'namespaces', '-o', 'name'])).toContain('namespace/only-first');
    expect(await second.kubectlOk(['get', 'namespaces', '-o', 'name'])).not.toContain('only-first');
    const refused = await second.kubectl(['get', 'namespace', 'only-first']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('not found');
  } finally {
    await Promise.all([first.down(), second.down()]);
  }
  expect(existsSync(first.dir)).toBe(false);
  expect(existsSync(second.dir)).toBe(false);
});

test('the API server comes back on the same data and port, and each write is one line of the audit log', async () => {
  const cluster = await startControlPlane();
  try {
    const map = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kept', namespace: 'default' },
      data: { a: '1' },
    };
    await cluster.apply(map);
    await cluster.stopApiServer();
    const unreachable = await cluster.kubectl(['get', 'configmap', 'kept', '--request-timeout=2s']);
    expect(unreachable.code).not.toBe(0);
    await cluster.startApiServer();
    expect(await cluster.kubectlOk(['get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}'])).toBe('1');
    const lines = readFileSync(cluster.auditLog, 'utf8').trim().split('\n');
    const creates = lines.filter((line) => line.includes('"verb":"create"') && line.includes('"name":"kept"'));
    expect(creates).toHaveLength(1);
  } finally {
    await cluster.down();
  }
});

test('kill -9 of the owner ends every program within 5 seconds', async () => {
  const owner = await startOwner('startControlPlane');
  const before = owner.processes();
  owner.kill();
  expect(before.length).toBeGreaterThanOrEqual(4);
  const start = Date.now();
  while (owner.processes().length > 0 && Date.now() - start < 5_000) await sleep(50);
  expect(owner.processes()).toEqual([]);
  // The next start finds the folder without a process and removes it.
  const next = await startControlPlane();
  await next.down();
  expect(existsSync(owner.dir)).toBe(false);
});
