/** The look-up right before a write: who else uses the config, and how the pods behaved until now. */
import type { ObjectMeta } from '../api/object-meta.ts';
import type { CronJob, Pod, PodSpec, WorkloadObject } from '../api/objects.ts';
import { isClusterError } from '../cluster/errors.ts';
import { list } from '../cluster/listing.ts';
import { readLog } from '../cluster/logs.ts';
import { cronJobs, daemonSets, deployments, jobs, pods as podResource, statefulSets } from '../cluster/paths.ts';
import type { Transport } from '../cluster/transport.ts';
import { countSign, NO_SIGNS, readLogLine, totalDeaths } from '../core/decide/log-patterns.ts';
import type { PodView, Preflight } from '../core/decide/snapshot.ts';
import { usesConfigMap } from '../core/decide/views.ts';

export interface PreflightRequest {
  readonly namespace: string;
  readonly workload: string;
  readonly workloadUid: string;
  readonly container: string;
  readonly configMap: string;
  readonly key: string;
  readonly pods: readonly PodView[];
  readonly now: number;
}

/** Minutes of log that the baseline is read from, and the most pods and bytes of it. */
const BASELINE_MINUTES = 10;
const BASELINE_PODS = 10;
const BASELINE_BYTES = 2 * 2 ** 20;

export async function takePreflight(
  transport: Transport,
  request: PreflightRequest,
  signal: AbortSignal,
): Promise<Preflight> {
  const baseline = await readBaseline(transport, request, signal);
  try {
    return { at: request.now, otherUsers: await otherUsers(transport, request, signal), failure: null, baseline };
  } catch (error) {
    if (!isClusterError(error)) throw error;
    return {
      at: request.now,
      otherUsers: [],
      failure: `cannot look for other users of the config: ${error.message}`,
      baseline,
    };
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
  for (const { kind, resource } of TEMPLATES) {
    for (const object of await list<WorkloadObject>(transport, resource, options)) {
      // What another controller made is spoken of by its owner.
      if (!isControlled(object))
        add(`${kind} ${object.metadata.name}`, object.spec.template.spec, object.metadata.uid === request.workloadUid);
    }
  }
  for (const object of await list<CronJob>(transport, cronJobs, options)) {
    add(`CronJob ${object.metadata.name}`, object.spec.jobTemplate.spec.template.spec, false);
  }
  for (const pod of await list<Pod>(transport, podResource, options)) {
    if (!isControlled(pod)) add(`Pod ${pod.metadata.name}`, pod.spec, false);
  }
  return users;
}

function isControlled(object: { readonly metadata: ObjectMeta }): boolean {
  return object.metadata.ownerReferences?.some((owner) => owner.controller === true) === true;
}

async function readBaseline(
  transport: Transport,
  request: PreflightRequest,
  signal: AbortSignal,
): Promise<Preflight['baseline']> {
  let counts = { podMinutes: 0, workerDeaths: 0, failedRequests: 0 };
  const pods = request.pods.filter((pod) => pod.running && !pod.terminating).slice(0, BASELINE_PODS);
  for (const pod of pods) {
    try {
      const place = { namespace: request.namespace, pod: pod.name, container: request.container };
      const text = await readLog(transport, place, {
        maxBytes: BASELINE_BYTES,
        sinceSeconds: BASELINE_MINUTES * 60,
        signal,
      });
      let signs = NO_SIGNS;
      for (const line of text.split('\n')) {
        const sign = readLogLine(line);
        if (sign !== null) signs = countSign(signs, sign);
      }
      const alive = Math.max(1, Math.round((request.now - (pod.startedAt ?? request.now)) / 60_000));
      counts = {
        podMinutes: counts.podMinutes + Math.min(BASELINE_MINUTES, alive),
        workerDeaths: counts.workerDeaths + totalDeaths(signs),
        failedRequests: counts.failedRequests + signs.failedRequests,
      };
    } catch (error) {
      // Without logs the baseline is empty and any sign of harm counts: the strict side.
      if (!isClusterError(error)) throw error;
    }
  }
  return counts;
}
