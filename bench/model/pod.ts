/** A uWSGI as in a pod: in an image's file system, in namespaces and a memory cgroup of its own, as an ordinary user. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { samplerArgv, splitCapture } from '../../src/core/memory/capture.ts';
import { sampleFromCapture } from '../../src/core/memory/sample-from-capture.ts';
import type { Sample } from '../../src/core/memory/sample.ts';
import { bytes, mib, type Bytes } from '../../src/core/quantity.ts';
import type { Shape } from '../../src/core/recommend/growth.ts';
import { createCgroups, memoryFolder, removeCgroups } from '../../test/cluster/cgroups.ts';
import { iniText } from '../../test/support/app.ts';
import { waitFor } from '../../test/support/wait.ts';

/** The memory limit of the pods; nothing here comes near it. */
export const LIMIT = mib(2048);
export const STACK_KIB = 512;

const GROUP = `bench-${process.pid}`;
const START_TIMEOUT_MS = 30_000;
/** www-data, as the images say. */
const USER = '33:33';
const TRAFFIC = join(import.meta.dirname, '..', '..', 'test', 'support', 'traffic.ts');

/**
 * $1 the cgroup, $2 where the pod sees it, $3 the root, $4 the user. uWSGI joins the cgroup itself (0 means the writer);
 * the shell stays outside of it as the namespace's first process, whose end ends all others.
 */
const START = `set -e
mount -t proc proc "$3/proc"
mount --rbind /dev "$3/dev"
mkdir -p "$2"
mount --bind "$1" "$2"
ip link set lo up
(
  echo 0 >"$1/cgroup.procs"
  exec chroot --userspec="$4" "$3" uwsgi --ini /etc/uwsgi-config/uwsgi.ini
) &
wait`;

/** $1 the cgroup, then a program that is run in it. */
const JOIN = 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"';

/** Requests answered by 200, and others: counts. */
export interface Answers {
  readonly ok: number;
  readonly failed: number;
}

export class Pod {
  readonly root: string;
  readonly child: ChildProcess;
  /** What uWSGI has logged. */
  private log = '';

  constructor(root: string, child: ChildProcess) {
    this.root = root;
    this.child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.log += text));
  }

  /** Starts uWSGI from an unpacked image and waits until all workers are there. Needs root. */
  static async start(root: string, { processes, threads }: Shape): Promise<Pod> {
    await createCgroups(GROUP);
    const group = memoryFolder(GROUP);
    await writeFile(join(group, await limitFile(group)), String(LIMIT));
    const ini = [`processes = ${processes}`, `threads = ${threads}`, `threads-stacksize = ${STACK_KIB}`];
    await mkdir(join(root, 'etc', 'uwsgi-config'), { recursive: true });
    await writeFile(join(root, 'etc', 'uwsgi-config', 'uwsgi.ini'), iniText(ini));
    const seen = join(root, group.replace(/\/[^/]+$/, ''));
    const own = ['unshare', '--mount', '--pid', '--net', '--ipc', '--fork', '--kill-child'];
    const argv = ['--pdeathsig', 'KILL', '--', ...own, 'sh', '-c', START, 'sh', group, seen, root, USER];
    const child = spawn('setpriv', argv, {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const pod = new Pod(root, child);
    try {
      await pod.ready(processes);
      return pod;
    } catch (error) {
      await pod.end();
      throw error;
    }
  }

  /** Keeps `connections` requests open for `seconds`; resolves when the load is over, with how many were answered. */
  async load(connections: number, seconds: number, path: string): Promise<Answers> {
    const amount = ['--connections', String(connections), '--seconds', String(seconds), '--paths', path];
    const argv = [process.execPath, TRAFFIC, '--url', 'http://127.0.0.1:8080', ...amount];
    const line = await this.inside(['--net'], argv);
    return JSON.parse(line.toString()) as Answers;
  }

  /** One sample as the product takes it: its own program, run in the container and in its cgroup. */
  async sample(): Promise<Sample> {
    const argv = ['chroot', `--userspec=${USER}`, this.root, ...samplerArgv()];
    const joined = ['sh', '-c', JOIN, 'sh', memoryFolder(GROUP), ...argv];
    const stream = await this.inside(['--mount', '--pid'], joined);
    const capture = splitCapture(stream, gunzipSync);
    if (!capture.ok) throw new Error(capture.message);
    const identity = { pod: 'bench', podUid: `bench-${String(this.child.pid)}`, node: '', takenAt: Date.now() };
    return sampleFromCapture(capture.sections, identity);
  }

  /** Usage without file cache, from the cgroup's own files and without the product's parser. */
  async measured(): Promise<Bytes> {
    const group = memoryFolder(GROUP);
    const text = await readFile(join(group, 'memory.stat'), 'utf8');
    const stat = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? NaN);
    const unified = /^file \d/m.test(text);
    const usage = Number(await readFile(join(group, unified ? 'memory.current' : 'memory.usage_in_bytes'), 'utf8'));
    return bytes(usage - stat(unified ? 'file' : 'cache') + stat('shmem'));
  }

  async end(): Promise<void> {
    if (this.child.exitCode === null && this.child.kill('SIGKILL')) await once(this.child, 'exit');
    await removeCgroups(GROUP);
  }

  private async ready(workers: number): Promise<void> {
    await waitFor(
      `uWSGI with ${workers} workers`,
      () => {
        if (this.child.exitCode !== null) return Promise.reject(new Error(`uWSGI ended:\n${this.log}`));
        return Promise.resolve(this.log.split('spawned uWSGI worker').length > workers ? true : null);
      },
      { timeoutMs: START_TIMEOUT_MS, everyMs: 50, describe: () => Promise.resolve(this.log) },
    );
  }

  /** The first process of the pod's namespaces, as seen from outside. */
  private async init(): Promise<string> {
    const pid = String(this.child.pid);
    return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim();
  }

  private async inside(namespaces: readonly string[], argv: readonly string[]): Promise<Buffer> {
    const all = ['--target', await this.init(), ...namespaces, '--', ...argv];
    const child = spawn('nsenter', all, { stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    await once(child, 'close');
    if (child.exitCode !== 0) throw new Error(`${argv.join(' ').slice(0, 80)}: ${String(child.exitCode)}: ${errors}`);
    return Buffer.concat(out);
  }
}

/** The limit's file: v2 names it one way, v1 the other. */
async function limitFile(group: string): Promise<string> {
  const files = await readdir(group);
  return files.includes('memory.max') ? 'memory.max' : 'memory.limit_in_bytes';
}
