/** Requests to the pods of a workload: bounded, from a generator of the tests. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { LoadFact } from './facts.ts';
import { adopt } from './kubectl.ts';
import type { Route } from './stage.ts';
import type { Workload } from './workload.ts';

const GENERATOR = join(import.meta.dirname, '..', '..', 'test', 'support', 'traffic.ts');

export interface Load {
  /** Requests that are open at once, on each pod. */
  readonly connections: number;
  /** On each pod. */
  readonly requests: number;
  readonly paths: string;
}

/** As many requests at once as a pod of the blog's shape has threads. */
const ALL_THREADS: Load = { connections: 400, requests: 400, paths: '/hold?ms=700' };
/** Usual work: JSON of a few hundred KiB, some nesting, waiting for a database. */
const USUAL_WORK: Load = {
  connections: 200,
  requests: 800,
  paths: '/work?ms=30,/json?depth=200,/hold?ms=50,/sort?depth=20',
};
export const USUAL: readonly Load[] = [ALL_THREADS, USUAL_WORK];
/** Nothing that goes deep. */
export const SHALLOW: Load = { connections: 8, requests: 80, paths: '/' };
/** JSON nested deep: as much stack as Python's recursion limit lets a request body use. */
export const DEEP: Load = { connections: 2, requests: 4, paths: '/recurse?depth=950' };

/** Sends each load to all pods of the workload, one load after the other; the counts of all. */
export async function send(workload: Workload, loads: readonly Load[]): Promise<LoadFact> {
  const begun = Date.now();
  let [ok, failed] = [0, 0];
  const routes = await routesTo(workload);
  try {
    for (const load of loads) {
      for (const counts of await Promise.all(routes.map((route) => finished(begin(route, load))))) {
        ok += counts.ok;
        failed += counts.failed;
      }
    }
  } finally {
    for (const route of routes) route.close();
  }
  const atOnce = Math.max(...loads.map(({ connections }) => connections));
  return { ok, failed, atOnce, seconds: (Date.now() - begun) / 1000 };
}

/** Sends a load whose answers nobody waits for: its workers die. The answer stops it. */
export async function provoke(workload: Workload, load: Load): Promise<() => void> {
  const routes = await routesTo(workload);
  const children = routes.map((route) => begin(route, load));
  for (const child of children) child.stdout?.resume();
  for (const child of children) child.stderr?.resume();
  return () => {
    for (const child of children) child.kill('SIGKILL');
    for (const route of routes) route.close();
  };
}

async function routesTo(workload: Workload): Promise<readonly Route[]> {
  return Promise.all((await workload.pods()).map((pod) => workload.stage.routeTo(pod)));
}

function begin(route: Route, { connections, requests, paths }: Load): ChildProcess {
  const amount = ['--connections', String(connections), '--requests', String(requests)];
  return adopt(route.node([GENERATOR, '--url', route.url, ...amount, '--paths', paths]));
}

function finished(child: ChildProcess): Promise<{ readonly ok: number; readonly failed: number }> {
  return new Promise((resolve, reject) => {
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(Buffer.concat(stdout).toString()) as { ok: number; failed: number });
      else reject(new Error(`the load generator ended with ${String(code)}: ${Buffer.concat(stderr).toString()}`));
    });
  });
}
