/** The look-up before a plan and before a write: who else uses the config, and how the pods behaved until now. */
import type { ObjectMeta } from '../api/object-meta.ts';
import type { CronJob, Pod, PodSpec, WorkloadObject } from '../api/objects.ts';
import { isClusterError } from '../cluster/errors.ts';
import { list } from '../cluster/listing.ts';
import { readLog } from '../cluster/logs.ts';
import { cronJobs, daemonSets, deployments, jobs, pods as podResource, statefulSets } from '../cluster/paths.ts';
import type { Transport } from '../cluster/transport.ts';
import { countSign, NO_SIGNS, readLogLine, totalDeaths } from '../core/decide/log-patterns.ts';
import type { Baseline, PodView, Preflight } from '../core/decide/snapshot.ts';
import { usesConfigMap } from '../core/decide/views.ts';

export interface PreflightRequest {
  readonly namespace: string;
  readonly workload: string;
  readonly workloadUid: string;
  readonly container: string;
  readonly configMap: string;
  readonly configMapUid: string;
  readonly key: string;
  readonly pods: readonly PodView[];
  /** Whether the pods' logs are read for the baseline. */
  readonly baseline: boolean;
  readonly now: () => number;
}

/** Minutes of log that the baseline is read from, and the most pods, lines and bytes of it. */
const BASELINE_MINUTES = 10;
const BASELINE_PODS = 10;
const BASELINE_LINES = 2000;
const BASELINE_BYTES = 2 * 2 ** 20;

export async function takePreflight(
  transport: Transport,
  request: PreflightRequest,
  signal: AbortSignal,
): Promise<Preflight> {
  const baseline = request.baseline ? await readBaseline(transport, request, signal) : null;
  const about = { configMapUid: request.configMapUid, key: request.key, baseline };
  try {
    const users = await otherUsers(transport, request, signal);
    return { ...about, at: request.now(), otherUsers: users, failure: null };
  } catch (error) {
    if (!isClusterError(error)) throw error;
    const failure = `cannot look for other users of the config: ${error.message}`;
    return { ...about, at: request.now(), otherUsers: [], failure };
  }
}

const TEMPLATES = [
  { kind: 'Deployment', resource: deployments },
  { kind: 'StatefulSet', resource: statefulSets },
  { kind: 'DaemonSet', resource: daemonSets },
  { kind: 'Job', resource: jobs },
] as const;

/** Workloads and pods, and other containers of the workload itself, that use the key. */
async function otherUsers(transport: Transport, request: PreflightRequest, signal: AbortSignal): Promise<string[]> {
  const users: string[] = [];
  const add = (name: string, spec: PodSpec | undefined, own: boolean): void => {
    for (const container of [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]) {
      const isTarget = own && container.name === request.container;
      if (!isTarget && spec !== undefined && usesConfigMap(spec, container, request.configMap, request.key)) {
        users.push(`${name} (container ${container.name})`);
      }
    }
  };
  const options = { namespace: request.namespace, signal };
  const spokenFor: string[] = [];
  for (const { kind, resource } of TEMPLATES) {
    for (const object of await list<WorkloadObject>(transport, resource, options)) {
      spokenFor.push(`${kind} ${object.metadata.name}`);
      if (controllerOf(object)?.kind === 'CronJob') continue;
      add(`${kind} ${object.metadata.name}`, object.spec.template.spec, object.metadata.uid === request.workloadUid);
    }
  }
  for (const object of await list<CronJob>(transport, cronJobs, options)) {
    add(`CronJob ${object.metadata.name}`, object.spec.jobTemplate.spec.template.spec, false);
  }
  for (const pod of await list<Pod>(transport, podResource, options)) {
    if (!isSpokenFor(pod, spokenFor)) add(`Pod ${pod.metadata.name}`, pod.spec, false);
  }
  return users;
}

type Controlled = { readonly metadata: ObjectMeta };

function controllerOf(object: Controlled): { readonly kind: string; readonly name: string } | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** Whether a pod was made by a workload that was looked at; a Deployment's ReplicaSet carries its name and a hash. */
function isSpokenFor(pod: Controlled, workloads: readonly string[]): boolean {
  const controller = controllerOf(pod);
  if (controller === undefined) return false;
  if (controller.kind !== 'ReplicaSet') return workloads.includes(`${controller.kind} ${controller.name}`);
  return workloads.includes(`Deployment ${controller.name.replace(/-[^-]+$/, '')}`);
}

async function readBaseline(transport: Transport, request: PreflightRequest, signal: AbortSignal): Promise<Baseline> {
  const pods = request.pods.filter((pod) => pod.running && !pod.terminating).slice(0, BASELINE_PODS);
  const each = await Promise.all(pods.map((pod) => readPodBaseline(transport, request, pod, signal)));
  return {
    podMinutes: each.reduce((sum, { podMinutes }) => sum + podMinutes, 0),
    workerDeaths: each.reduce((sum, { workerDeaths }) => sum + workerDeaths, 0),
    failedRequests: each.reduce((sum, { failedRequests }) => sum + failedRequests, 0),
  };
}

async function readPodBaseline(
  transport: Transport,
  { namespace, container, now }: PreflightRequest,
  pod: PodView,
  signal: AbortSignal,
): Promise<Baseline> {
  try {
    const options = {
      maxBytes: BASELINE_BYTES,
      tailLines: BASELINE_LINES,
      sinceSeconds: BASELINE_MINUTES * 60,
      timestamps: true,
      signal,
    };
    const text = await readLog(transport, { namespace, pod: pod.name, container }, options);
    return countBaseline(text, { startedAt: pod.startedAt ?? now(), now: now() });
  } catch (error) {
    // Without logs the baseline is empty and any sign of harm counts: the strict side.
    if (!isClusterError(error)) throw error;
    return { podMinutes: 0, workerDeaths: 0, failedRequests: 0 };
  }
}

/** Signs in a log with timestamps, and the minutes that it covers: of a chatty log only the newest lines are read. */
export function countBaseline(text: string, { startedAt, now }: { startedAt: number; now: number }): Baseline {
  const lines = text.split('\n').filter((line) => line !== '');
  let signs = NO_SIGNS;
  for (const line of lines) {
    const sign = readLogLine(line.slice(line.indexOf(' ') + 1));
    if (sign !== null) signs = countSign(signs, sign);
  }
  const first = Date.parse(lines[0]?.split(' ', 1)[0] ?? '');
  const whole = lines.length < BASELINE_LINES || Number.isNaN(first);
  const since = Math.max(whole ? startedAt : first, now - BASELINE_MINUTES * 60_000);
  return {
    podMinutes: Math.max(1, Math.round((now - since) / 60_000)),
    workerDeaths: totalDeaths(signs),
    failedRequests: signs.failedRequests,
  };
}
