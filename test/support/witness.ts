/**
 * Sees what Kubernetes and uWSGI say of some pods while a test harms them: their logs line by line, and how often their
 * containers restarted. The pods are replaced within seconds of the harm, so looking afterwards would see others.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '../../src/api/objects.ts';
import { binaryPath } from '../cluster/index.ts';
import type { App } from './app.ts';

/** One look at one pod. */
export interface Sighting {
  /** Milliseconds since the epoch, this machine's clock. */
  readonly at: number;
  readonly pod: string;
  readonly restarts: number;
  readonly ready: boolean;
}

/** A line of a pod's log with the time the container runtime gave it. */
export interface LogLine {
  readonly at: number;
  readonly text: string;
}

export interface Testimony {
  readonly sightings: readonly Sighting[];
  readonly lines: readonly LogLine[];
}

const POLL_MS = 150;

/** Watches the pods until `stop`, which tells all that was seen. */
export function watchPods(app: App, pods: readonly string[]): { readonly stop: () => Promise<Testimony> } {
  const lines: LogLine[] = [];
  const sightings: Sighting[] = [];
  const followers = pods.map((pod) => follow(app, pod, lines));
  const stopping = new AbortController();
  const polling = (async () => {
    while (!stopping.signal.aborted) {
      sightings.push(...(await look(app, pods)));
      await sleep(POLL_MS);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await polling;
      for (const follower of followers) follower.kill('SIGKILL');
      return { sightings, lines };
    },
  };
}

function follow(app: App, pod: string, lines: LogLine[]): ChildProcess {
  const argv = ['--namespace', app.namespace, 'logs', pod, '--follow', '--timestamps', '--since=1s'];
  const environment = { ...process.env, KUBECONFIG: app.cluster.kubeconfig };
  const child = spawn(binaryPath('kubectl'), argv, { env: environment, stdio: ['ignore', 'pipe', 'ignore'] });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const space = line.indexOf(' ');
    lines.push({ at: Date.parse(line.slice(0, space)), text: line.slice(space + 1) });
  });
  return child;
}

async function look(app: App, pods: readonly string[]): Promise<Sighting[]> {
  const list = JSON.parse(await app.kubectl('get', 'pods', '-o', 'json')) as { items: Pod[] };
  const at = Date.now();
  return list.items
    .filter(({ metadata }) => pods.includes(metadata.name) && metadata.deletionTimestamp === undefined)
    .map(({ metadata, status }) => ({
      at,
      pod: metadata.name,
      restarts: status?.containerStatuses?.[0]?.restartCount ?? NaN,
      ready: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true,
    }));
}
