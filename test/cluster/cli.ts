/** The test cluster by hand: see HELP below. */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';

import { buildOperatorImage, ensureImages } from '../images/index.ts';
import type { ImageName } from '../images/index.ts';
import { binaryPath, ensureBinaries } from './binaries.ts';
import { openControlPlane, startControlPlane } from './control-plane.ts';
import { endCluster } from './lifecycle.ts';
import { attach, startNodeCluster } from './node-cluster.ts';
import { ensurePackages } from './packages.ts';
import { clusterFolder, clusterNames, isAlive, readRecord } from './record.ts';
import type { ClusterRecord } from './record.ts';

const HELP = `The test cluster by hand. It stays until "down".

  up [--control-plane]      start one: with a node (needs root), or etcd, API server and controller manager alone
  down [--all]              end it and remove all that it had
  status                    show which clusters run, and where
  env                       print the shell's settings: eval "$(npm run --silent cluster -- env)"
  kubectl ARGS…             run kubectl on it
  helm ARGS…                run helm on it
  inside PROGRAM ARGS…      run a program in its network, mount and pid namespaces
  import-operator           build the project's image and import it; prints the image's name
  build                     build all programs and images, without starting anything

  --name NAME               which cluster (before other arguments); otherwise "dev"
  --help                    this text

Programs and images are built once and kept in \${XDG_CACHE_HOME:-~/.cache}/uwsgi-tuner.
`;

/** Commands whose arguments belong to another program. */
const PASSING_ON: ReadonlySet<string> = new Set(['kubectl', 'helm', 'inside']);

/** Wrong use: exit status 2, with a hint. */
class UsageError extends Error {}

const ALL_IMAGES: readonly ImageName[] = ['pause', 'uwsgi-bookworm', 'uwsgi-forky', 'uwsgi-noshell', 'node-base'];

async function main(argv: readonly string[]): Promise<number> {
  const { name, args } = takeName(argv);
  const [command, ...rest] = args;
  if (command === undefined || command === 'help' || command === '--help' || command === '-h') {
    process.stdout.write(HELP);
    return command === undefined ? 2 : 0;
  }
  switch (command) {
    case 'up':
      return up(name, rest);
    case 'down':
      return down(name, rest);
    case 'status':
      return status();
    case 'env':
      return env(name);
    case 'kubectl':
    case 'helm':
      return tool(name, command, rest);
    case 'inside':
      return inside(name, rest);
    case 'import-operator':
      return importOperator(name);
    case 'build':
      return build();
    default:
      throw new UsageError(`unknown command ${JSON.stringify(command)}`);
  }
}

/** Takes `--name NAME` out; behind a command that passes its arguments on, a --name is that program's. */
function takeName(argv: readonly string[]): { readonly name: string; readonly args: readonly string[] } {
  const command = argv.findIndex((arg) => PASSING_ON.has(arg));
  const at = argv.findIndex((arg) => arg === '--name' || arg.startsWith('--name='));
  if (at === -1 || (command !== -1 && at > command)) return { name: 'dev', args: argv };
  const [, inline] = (argv[at] ?? '').split('=', 2);
  const name = inline ?? argv[at + 1];
  if (name === undefined) throw new UsageError('--name needs a name');
  return { name, args: argv.toSpliced(at, inline === undefined ? 2 : 1) };
}

async function up(name: string, args: readonly string[]): Promise<number> {
  const unknown = args.find((arg) => arg !== '--control-plane');
  if (unknown !== undefined) throw new UsageError(`up does not know ${JSON.stringify(unknown)}`);
  const running = await readRecord(name);
  if (running !== undefined && isAlive(running.root)) {
    process.stderr.write(`cluster ${name} is already up\n`);
    return 0;
  }
  const start = args.includes('--control-plane') ? startControlPlane : startNodeCluster;
  const begun = Date.now();
  const cluster = await start({ name, owner: 'none' });
  const seconds = ((Date.now() - begun) / 1000).toFixed(1);
  process.stderr.write(`cluster ${name} is up after ${seconds} s: ${cluster.dir}\n`);
  return 0;
}

async function down(name: string, args: readonly string[]): Promise<number> {
  if (args.length > 0 && args[0] !== '--all') throw new UsageError(`down does not know ${JSON.stringify(args[0])}`);
  const names = args.includes('--all') ? await clusterNames() : [name];
  for (const each of names) {
    const record = await readRecord(each);
    if (record === undefined) {
      process.stderr.write(`no cluster named ${each}\n`);
      continue;
    }
    await endCluster(record);
    process.stderr.write(`cluster ${each} is down\n`);
  }
  return 0;
}

async function status(): Promise<number> {
  for (const name of await clusterNames()) {
    const record = await readRecord(name);
    if (record === undefined) continue;
    const state = isAlive(record.root) ? `127.0.0.1:${record.port}` : 'ended, not cleaned up';
    const owner = record.owned ? 'ends with its owner' : 'stays until down';
    process.stdout.write(`${name}\t${record.tier}\t${state}\t${owner}\t${clusterFolder(name)}\n`);
  }
  return 0;
}

async function env(name: string): Promise<number> {
  await running(name);
  await ensureBinaries(['kubectl', 'helm']);
  process.stdout.write(`export KUBECONFIG='${join(clusterFolder(name), 'kubeconfig')}'\n`);
  process.stdout.write(`export KUBECACHEDIR='${join(clusterFolder(name), 'discovery-cache')}'\n`);
  process.stdout.write(`export PATH='${dirname(binaryPath('kubectl'))}:${dirname(binaryPath('helm'))}':"$PATH"\n`);
  return 0;
}

/** With this terminal as its own, so that `kubectl exec -it` and `logs -f` work. */
async function tool(name: string, program: 'kubectl' | 'helm', args: readonly string[]): Promise<number> {
  const cluster = openControlPlane(await running(name));
  await ensureBinaries([program]);
  const child = spawn(binaryPath(program), args, {
    stdio: 'inherit',
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig, KUBECACHEDIR: join(cluster.dir, 'discovery-cache') },
  });
  process.on('SIGINT', () => undefined); // the program decides what Ctrl-C means
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve(code ?? 1);
    });
  });
}

async function inside(name: string, args: readonly string[]): Promise<number> {
  if (args.length === 0) throw new UsageError('inside needs a program');
  await running(name);
  const child = (await attach(name)).spawnInside(args);
  child.stdout?.pipe(process.stdout);
  child.stderr?.pipe(process.stderr);
  if (child.stdin !== null) process.stdin.pipe(child.stdin);
  return new Promise((resolve) => {
    child.on('close', (code) => {
      process.stdin.unpipe();
      process.stdin.destroy();
      resolve(code ?? 1);
    });
  });
}

async function importOperator(name: string): Promise<number> {
  await running(name);
  const image = await buildOperatorImage();
  await (await attach(name)).importImage(image.archive);
  process.stdout.write(`${image.reference}\n`);
  return 0;
}

async function build(): Promise<number> {
  await ensurePackages(['control-plane', 'node', 'images']);
  await Promise.all([ensureBinaries(), ensureImages(ALL_IMAGES)]);
  return 0;
}

async function running(name: string): Promise<ClusterRecord> {
  const record = await readRecord(name);
  if (record !== undefined && isAlive(record.root)) return record;
  throw new Error(`no cluster named ${name} is running; "up" starts one`);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const usage = error instanceof UsageError;
  process.stderr.write(`cluster: ${error instanceof Error ? error.message : String(error)}\n`);
  if (usage) process.stderr.write('try --help\n');
  process.exitCode = usage ? 2 : 1;
}
