import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

vi.setConfig({ testTimeout: 30_000 });

const ROOT = resolve(import.meta.dirname, '../..');
const LAUNCHER = join(ROOT, 'bin/uwsgi-tuner');

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function launch(file: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Ended> {
  return new Promise((done) => {
    execFile(file, [...args], { env }, (error, stdout, stderr) => {
      done({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'uwsgi-tuner-launcher-'));
  await writeFile(join(directory, 'a.ini'), '[uwsgi]\nprocesses = 4\n');
});

afterAll(() => rm(directory, { recursive: true }));

/** A checkout without node in its packages, and a PATH whose node says it has a version. */
async function checkoutWithout(version: string | null): Promise<{ launcher: string; env: NodeJS.ProcessEnv }> {
  const root = await mkdtemp(join(directory, 'checkout-'));
  await mkdir(join(root, 'bin'));
  await mkdir(join(root, 'node_modules/commander'), { recursive: true });
  await mkdir(join(root, 'path'));
  await cp(LAUNCHER, join(root, 'bin/uwsgi-tuner'));
  if (version !== null) {
    const node = join(root, 'path/node');
    await writeFile(node, `#!/bin/sh\n[ "$1" = --version ] && echo ${version} || echo "ran $*"\n`);
    await chmod(node, 0o755);
  }
  return { launcher: join(root, 'bin/uwsgi-tuner'), env: { PATH: join(root, 'path') } };
}

it('runs a command', async () => {
  const { status, stdout, stderr } = await launch(LAUNCHER, ['config', 'get', join(directory, 'a.ini'), '-o', 'json']);

  expect([status, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toMatchObject({ processes: 4 });
});

it('passes the exit status on', async () => {
  expect(await launch(LAUNCHER, ['config', 'set', join(directory, 'a.ini')])).toMatchObject({ status: 2, stdout: '' });
});

it('follows symlinks, relative ones too, so that it can be a kubectl plugin', async () => {
  await symlink(LAUNCHER, join(directory, 'uwsgi-tuner'));
  await symlink('uwsgi-tuner', join(directory, 'kubectl-uwsgi_tuner'));

  expect(await launch(join(directory, 'kubectl-uwsgi_tuner'), ['--help'])).toMatchObject({ status: 0, stderr: '' });
});

it('does not load the Kubernetes client for a command without a cluster', async () => {
  const hook = `import{registerHooks}from'node:module';registerHooks({resolve(s,c,n){const r=n(s,c);console.error(r.url);return r}})`;
  const env = { ...process.env, NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(hook)}"` };

  const { stderr } = await launch(LAUNCHER, ['config', 'get', join(directory, 'a.ini')], env);

  expect(stderr).toContain('commander');
  expect(stderr).not.toMatch(/@kubernetes|client-node|winston|src\/cluster|src\/controller/);
});

it.each(['v22.19.0', 'v24.1.0', 'v100.0.0'])('takes the node of the PATH when it is %s', async (version) => {
  const { launcher, env } = await checkoutWithout(version);

  const { status, stdout } = await launch(launcher, ['config'], env);

  expect(status).toBe(0);
  expect(stdout).toMatch(/ran .*src\/main\.ts config\n$/);
});

it.each(['v20.20.2', 'v22.18.9', 'v18.0.0'])('refuses the node of the PATH when it is %s', async (version) => {
  const { launcher, env } = await checkoutWithout(version);

  const { status, stderr } = await launch(launcher, ['config'], env);

  expect(status).toBe(1);
  expect(stderr).toMatch(/^uwsgi-tuner: found node [\d.]+ on the PATH, needs 22\.19 or newer: run npm ci in .*\n$/);
});

it('says so when there is no node at all', async () => {
  const { launcher, env } = await checkoutWithout(null);

  expect((await launch(launcher, ['config'], env)).stderr).toMatch(/^uwsgi-tuner: found no node: run npm ci in /);
});

it('says so when the packages are not installed', async () => {
  const { launcher, env } = await checkoutWithout('v24.0.0');
  await rm(join(launcher, '../../node_modules'), { recursive: true });

  expect((await launch(launcher, ['config'], env)).stderr).toMatch(
    /found no installed packages in .*: run npm ci there/,
  );
});

it.each([
  ['a directory', (): string => directory, 'found no readable file (EISDIR)'],
  ['a file that is not there', (): string => join(directory, 'none.ini'), 'found no readable file (ENOENT)'],
  ['a device that never ends', (): string => '/dev/zero', 'found more than 268435456 bytes'],
])('refuses %s with one line', async (_, path, message) => {
  for (const command of [['config', 'get'], ['config', 'set', '--processes', '2'], ['analyze']]) {
    const { status, stdout, stderr } = await launch(LAUNCHER, [...command, path()]);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toBe(`uwsgi-tuner: ${path()}: ${message}, allowed: ${stderr.split(', allowed: ')[1] ?? ''}`);
    expect(stderr.trimEnd()).not.toContain('\n');
  }
});
