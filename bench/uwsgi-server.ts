/** Real uWSGI out of the images of the end-to-end tests, as the only program of a PID namespace, as in a pod. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ImageName } from '../test/images/index.ts';
import { unpackImage } from './model/root.ts';

const TRAFFIC = join(import.meta.dirname, '..', 'test', 'support', 'traffic.ts');
const NEEDED = ['setpriv', 'unshare', 'nsenter', 'chroot', 'taskset', 'tar', 'mount'];

export const WORKERS = 4;

/** A server that runs. */
export interface Server {
  readonly child: ChildProcess;
  readonly url: string;
  /** The processes as this machine sees them, the first process of the namespace first. */
  readonly pids: readonly number[];
}

/** Ends the bench with what it lacks. */
export function missing(what: string): never {
  process.stderr.write(`bench: ${what}\n`);
  process.exit(1);
}

/** Unpacks an image into a folder that goes when the bench ends; needs root. */
export async function unpackRoot(image: ImageName): Promise<string> {
  if (process.getuid?.() !== 0) missing('it must run as root: it unpacks an image and enters namespaces');
  for (const program of NEEDED) {
    if (spawnSync(program, ['--version']).status !== 0) missing(`${program} (util-linux, coreutils or tar) is missing`);
  }
  return unpackImage(image);
}

/** Starts a master and its workers, and serves requests until their maps are those of a server at work. */
export async function startServer(folder: string, threads: number): Promise<Server> {
  const mounts = `mount -t proc proc ${folder}/proc && mount --rbind /sys ${folder}/sys && mount --rbind /dev ${folder}/dev`;
  const options = '--master --die-on-term --disable-logging --http-socket 127.0.0.1:0 --plugin python3';
  const shape = `--processes ${String(WORKERS)} --threads ${String(threads)} --wsgi-file /app/app.py`;
  const own = ['--pid', '--mount', '--fork', '--kill-child', '--propagation', 'private'];
  const script = `${mounts} && exec chroot ${folder} /usr/bin/uwsgi-core ${options} ${shape}`;
  // Killed half-way, the bench leaves no server behind.
  const argv = ['--pdeathsig', 'KILL', '--', 'unshare', ...own, 'sh', '-c', script];
  const child = spawn('setpriv', argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const port = (): string | undefined => /bound to TCP address 127\.0\.0\.1:(\d+)/.exec(log)?.[1];
  for (let wait = 0; log.split('spawned uWSGI worker').length <= WORKERS || port() === undefined; wait += 1) {
    if (child.exitCode !== null || wait > 300) missing(`uWSGI does not start:\n${log}`);
    await sleep(100);
  }
  const url = `http://127.0.0.1:${port() ?? ''}`;
  await load(url, threads);
  const [init = 0] = childrenOf(child.pid ?? 0);
  return { child, url, pids: [init, ...childrenOf(init)] };
}

export async function stopServer({ child }: Server): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function load(url: string, threads: number): Promise<void> {
  const paths = '/work?ms=30,/json?depth=200';
  const amount = ['--connections', String(Math.min(60, threads * WORKERS)), '--requests', '600', '--paths', paths];
  await once(spawn(process.execPath, [TRAFFIC, '--url', url, ...amount], { stdio: 'ignore' }), 'exit');
}

function childrenOf(pid: number): readonly number[] {
  const tasks = readdirSync(`/proc/${String(pid)}/task`);
  return tasks.flatMap((task) => {
    const children = readFileSync(`/proc/${String(pid)}/task/${task}/children`, 'utf8');
    return children.split(' ').filter(Boolean).map(Number);
  });
}

/** The argv that runs a program inside, as an exec into the pod does. */
export function inside({ pids }: Server, argv: readonly string[]): readonly string[] {
  return ['nsenter', '--target', String(pids[0]), '--pid', '--mount', '--root', '--wd', '--', ...argv];
}
