/** Raw Kubernetes objects to the views that decisions are made from. */
import type { ConfigMap, Container, ContainerStatus, Deployment, Pod, PodSpec } from '../../api/objects.ts';
import { CONFIG_HASH_ANNOTATION, IGNORE_ANNOTATION } from '../../api/uwsgi-tuning.ts';
import { parseQuantity } from '../quantity.ts';
import { configOwner } from './ownership.ts';
import type { ConfigMapView, ContainerView, PodView, Termination, WorkloadView } from './snapshot.ts';

export function viewDeployment(
  object: Deployment,
  want: { container: string | null; configMap: string },
): WorkloadView {
  const { metadata, spec, status = {} } = object;
  const progressing = status.conditions?.find((condition) => condition.type === 'Progressing');
  return {
    name: metadata.name,
    uid: metadata.uid ?? '',
    observed: (status.observedGeneration ?? 0) >= (metadata.generation ?? 0),
    replicas: spec.replicas ?? 1,
    updated: status.updatedReplicas ?? 0,
    total: status.replicas ?? 0,
    available: status.availableReplicas ?? 0,
    paused: spec.paused ?? false,
    progressDeadlineExceeded: progressing?.status === 'False' && progressing.reason === 'ProgressDeadlineExceeded',
    ignored: metadata.annotations?.[IGNORE_ANNOTATION] === 'true',
    configHash: spec.template.metadata?.annotations?.[CONFIG_HASH_ANNOTATION] ?? null,
    candidates: findContainers(spec.template.spec, want).map(viewContainer),
  };
}

function viewContainer(container: Container): ContainerView {
  const limit = container.resources?.limits?.['memory'];
  return {
    name: container.name,
    image: container.image ?? '',
    memoryLimit: limit === undefined ? null : parseQuantity(limit),
  };
}

/**
 * The containers that may run uWSGI: the named one; else the only one; else those that mount the ConfigMap; of several,
 * those whose command names uwsgi.
 */
function findContainers(spec: PodSpec, want: { container: string | null; configMap: string }): readonly Container[] {
  if (want.container !== null) return spec.containers.filter((container) => container.name === want.container);
  if (spec.containers.length === 1) return spec.containers;
  const mounting = spec.containers.filter((container) => usesConfigMap(spec, container, want.configMap));
  const among = mounting.length > 0 ? mounting : spec.containers;
  if (among.length === 1) return among;
  const named = among.filter((container) =>
    /uwsgi/.test([...(container.command ?? []), ...(container.args ?? [])].join(' ')),
  );
  return named.length > 0 ? named : among;
}

/** Whether a container mounts the ConfigMap or takes environment from it. With a key: only where that key is used. */
export function usesConfigMap(spec: PodSpec, container: Container, name: string, key?: string): boolean {
  if (container.envFrom?.some((source) => source.configMapRef?.name === name) === true) return true;
  const fromEnv = container.env?.some((variable) => {
    const reference = variable.valueFrom?.configMapKeyRef;
    return reference?.name === name && (key === undefined || reference.key === key);
  });
  if (fromEnv === true) return true;
  const carries = (source: { name?: string; items?: readonly { key: string }[] } | undefined): boolean =>
    source?.name === name &&
    (key === undefined || source.items === undefined || source.items.some((item) => item.key === key));
  const volumes = (spec.volumes ?? []).filter(
    (volume) =>
      carries(volume.configMap) || volume.projected?.sources?.some((source) => carries(source.configMap)) === true,
  );
  return volumes.some((volume) => container.volumeMounts?.some((mount) => mount.name === volume.name) === true);
}

export function viewPod(pod: Pod, containerName: string): PodView {
  const status = pod.status?.containerStatuses?.find((entry) => entry.name === containerName);
  const ready = pod.status?.conditions?.find((condition) => condition.type === 'Ready');
  return {
    name: pod.metadata.name,
    uid: pod.metadata.uid ?? '',
    node: pod.spec.nodeName ?? '',
    createdAt: Date.parse(pod.metadata.creationTimestamp ?? '') || 0,
    terminating: pod.metadata.deletionTimestamp !== undefined,
    ready: ready?.status === 'True',
    unreadySince: ready === undefined || ready.status === 'True' ? null : time(ready.lastTransitionTime),
    running: status?.state?.running !== undefined,
    configHash: pod.metadata.annotations?.[CONFIG_HASH_ANNOTATION] ?? null,
    image: pod.spec.containers.find((container) => container.name === containerName)?.image ?? '',
    imageId: status?.imageID ?? '',
    containerId: status?.containerID ?? '',
    startedAt: time(status?.state?.running?.startedAt),
    restarts: status?.restartCount ?? 0,
    waitingReason: status?.state?.waiting?.reason ?? null,
    lastTermination: viewTermination(status),
  };
}

function viewTermination(status: ContainerStatus | undefined): Termination | null {
  const ended = status?.state?.terminated ?? status?.lastState?.terminated;
  if (ended === undefined) return null;
  const { containerID: containerId = '', reason = '', exitCode = null } = ended;
  return { containerId, reason, exitCode, startedAt: time(ended.startedAt), finishedAt: time(ended.finishedAt) };
}

export function viewConfigMap(object: ConfigMap, key: string): ConfigMapView {
  return {
    name: object.metadata.name,
    uid: object.metadata.uid ?? '',
    resourceVersion: object.metadata.resourceVersion ?? '',
    immutable: object.immutable ?? false,
    text: object.data?.[key] ?? null,
    binary: object.binaryData?.[key] !== undefined,
    keys: Object.keys(object.data ?? {}),
    owner: configOwner(object.metadata, { kind: 'ConfigMap', namespace: object.metadata.namespace ?? '' }),
  };
}

function time(text: string | undefined): number | null {
  const value = Date.parse(text ?? '');
  return Number.isNaN(value) ? null : value;
}
