/** Reads everything that one reconcile may look at, live. Nothing is decided here. */
import type { ConfigMap, Deployment, LabelSelector, Namespace, Pod } from '../api/objects.ts';
import { FREEZE_ANNOTATION, type UwsgiTuning } from '../api/uwsgi-tuning.ts';
import { isClusterError } from '../cluster/errors.ts';
import { list, read } from '../cluster/listing.ts';
import { configMaps, deployments, namespaces, pods as podResource, type Resource } from '../cluster/paths.ts';
import type { Transport } from '../cluster/transport.ts';
import { readPolicy } from '../core/decide/policy.ts';
import type { Snapshot, WorkloadView } from '../core/decide/snapshot.ts';
import { viewConfigMap, viewDeployment, viewPod } from '../core/decide/views.ts';
import type { TuningMemory } from './memory.ts';
import { readSavedConfig, savedConfigName } from './saved-config.ts';

export interface ObserveOptions {
  readonly transport: Transport;
  readonly readOnly: boolean;
  readonly signal: AbortSignal;
}

/** The tuning as validated, its problems, and what the controller knows beside the cluster. */
export interface Subject {
  readonly tuning: UwsgiTuning;
  readonly problems: readonly string[];
  readonly duplicateOf: string | null;
  readonly otherChange: Snapshot['otherChange'];
  readonly memory: TuningMemory;
}

type ObjectPlace = Parameters<typeof read>[2];

export async function observe(subject: Subject, options: ObserveOptions): Promise<Snapshot> {
  const { tuning } = subject;
  const namespace = tuning.metadata.namespace ?? '';
  const { policy } = readPolicy(tuning.spec);
  const change = tuning.status?.change;
  if (subject.problems.length > 0 && change === undefined) return unseen(subject, options.readOnly);
  // A change in flight finishes against its own target, whatever the spec says now.
  const want = {
    workload: change?.workload?.name ?? policy.targetName,
    container: change?.workload?.container ?? policy.containerName,
    configMap: change?.configMap?.name ?? policy.configMapName,
    key: change?.configMap?.key ?? policy.configKey,
  };
  const writes = policy.mode === 'Patch' || change !== undefined;
  const get = <T>(resource: Resource, place: ObjectPlace): Promise<T | null> => readOrNull<T>(resource, place, options);
  const [deployment, configMap, savedObject, namespaceObject] = await Promise.all([
    get<Deployment>(deployments, { namespace, name: want.workload }),
    get<ConfigMap>(configMaps, { namespace, name: want.configMap }),
    change === undefined
      ? null
      : get<ConfigMap>(configMaps, { namespace, name: savedConfigName(tuning.metadata.name) }),
    writes ? get<Namespace>(namespaces, { name: namespace }) : null,
  ]);
  const workload = deployment === null ? null : viewDeployment(deployment, want);
  return {
    ...unseen(subject, options.readOnly),
    frozen: namespaceObject?.metadata.annotations?.[FREEZE_ANNOTATION] === 'true',
    terminating: namespaceObject?.metadata.deletionTimestamp !== undefined,
    workload,
    configMap: configMap === null ? null : viewConfigMap(configMap, want.key),
    saved: savedObject === null ? null : readSavedConfig(savedObject),
    pods: deployment === null ? [] : await readPods(deployment, workload, namespace, options),
  };
}

/** What is known without a look at the cluster: all that there is to say of a spec that names nothing usable. */
function unseen({ tuning, problems, duplicateOf, otherChange, memory }: Subject, readOnly: boolean): Snapshot {
  return {
    tuning,
    problems,
    readOnly,
    frozen: false,
    terminating: false,
    duplicateOf,
    otherChange,
    workload: null,
    configMap: null,
    saved: null,
    pods: [],
    digest: memory.digest,
    round: memory.round,
    verifySamples: [...memory.verifySamples.values()],
    preflight: memory.preflight,
    evidence: memory.guard?.evidence() ?? [],
  };
}

async function readPods(
  deployment: Deployment,
  workload: WorkloadView | null,
  namespace: string,
  { transport, signal }: ObserveOptions,
): Promise<Snapshot['pods']> {
  const container = workload?.candidates[0];
  if (container === undefined) return [];
  const labelSelector = formatSelector(deployment.spec.selector);
  const found = await list<Pod>(transport, podResource, { namespace, labelSelector, signal });
  // Finished pods (evicted, for example) linger under the selector and run nothing.
  const alive = found.filter((pod) => pod.status?.phase !== 'Failed' && pod.status?.phase !== 'Succeeded');
  return alive.map((pod) => viewPod(pod, container.name));
}

async function readOrNull<T>(
  resource: Resource,
  place: ObjectPlace,
  { transport, signal }: ObserveOptions,
): Promise<T | null> {
  // What cannot be a name names nothing: it would be another path.
  if (!/^[a-z0-9]/.test(place.name)) return null;
  try {
    return await read<T>(transport, resource, place, { signal });
  } catch (error) {
    if (isClusterError(error, 'NotFound')) return null;
    throw error;
  }
}

/** A label selector as the API's query text. */
export function formatSelector(selector: LabelSelector): string {
  const parts = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    if (operator === 'Exists') parts.push(key);
    else if (operator === 'DoesNotExist') parts.push(`!${key}`);
    else parts.push(`${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`);
  }
  return parts.join(',');
}
