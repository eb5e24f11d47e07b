/**
 * Everything one reconcile may look at, as plain data. `observe` fills it, `decide` reads it. Times are milliseconds
 * since the epoch.
 */
import type { UwsgiTuning } from '../../api/uwsgi-tuning.ts';
import type { Sample } from '../memory/sample.ts';
import type { Bytes } from '../quantity.ts';
import type { Digest } from '../recommend/digest.ts';
import type { LogCounts } from './log-patterns.ts';

/** The workload's container that runs uWSGI, as its pod template declares it. */
export interface ContainerView {
  readonly name: string;
  readonly image: string;
  readonly memoryLimit: Bytes | null;
}

/** The target workload. Counts are pods. */
export interface WorkloadView {
  readonly name: string;
  readonly uid: string;
  /** The spec has been seen by the workload's own controller. */
  readonly observed: boolean;
  readonly replicas: number;
  readonly updated: number;
  readonly total: number;
  readonly available: number;
  readonly paused: boolean;
  readonly progressDeadlineExceeded: boolean;
  readonly ignored: boolean;
  /** The pod template's config-hash annotation. */
  readonly configHash: string | null;
  /** Containers of the template that could be the one: by name when the spec names it, else those that mount or run uWSGI. */
  readonly candidates: readonly ContainerView[];
}

/** One container that ended, as its pod's status last told. */
export interface Termination {
  /** Empty when that is not told. */
  readonly containerId: string;
  readonly reason: string;
  readonly exitCode: number | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

/** One pod of the workload, seen at its uWSGI container. */
export interface PodView {
  readonly name: string;
  readonly uid: string;
  readonly node: string;
  readonly createdAt: number;
  readonly terminating: boolean;
  readonly ready: boolean;
  /** Since when it is not ready; null when it is, or when that is not told. */
  readonly unreadySince: number | null;
  readonly running: boolean;
  readonly configHash: string | null;
  readonly image: string;
  readonly imageId: string;
  readonly containerId: string;
  readonly startedAt: number | null;
  readonly restarts: number;
  readonly waitingReason: string | null;
  readonly lastTermination: Termination | null;
}

/** The ConfigMap that carries the config. */
export interface ConfigMapView {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly immutable: boolean;
  /** The key's text; null when the key is absent; `binary` when it is in binaryData. */
  readonly text: string | null;
  readonly binary: boolean;
  readonly keys: readonly string[];
  /** Who else writes this object ("Helm", "Argo CD", "Flux", …), null when nobody was recognised. */
  readonly owner: string | null;
}

/** The saved copy of the config before the change in flight. */
export interface SavedConfig {
  readonly text: string;
  readonly hash: string;
  readonly key: string;
  readonly configMapUid: string;
}

/** Why a pod could not be measured. */
export type SampleFailureCode =
  'NoShell' | 'ExecForbidden' | 'NoUwsgi' | 'Timeout' | 'BadOutput' | 'TooLarge' | 'PodGone' | 'Failed';

/** Failures that only somebody can lift. */
export const NEEDS_USER: readonly SampleFailureCode[] = ['NoShell', 'ExecForbidden', 'NoUwsgi'];

export interface SampleFailure {
  readonly pod: string;
  readonly code: SampleFailureCode;
  readonly message: string;
}

/** The newest round of measuring: held in memory, measured anew after a restart. */
export interface SampleRound {
  readonly at: number;
  readonly samples: readonly Sample[];
  readonly failures: readonly SampleFailure[];
}

/** The measurement of one container that a change is judged by. */
export interface VerifySample {
  readonly containerId: string;
  /** When this container was first measured for the change. */
  readonly since: number;
  readonly at: number;
  readonly sample: Sample | null;
  readonly failure: SampleFailure | null;
}

/** What was looked up of the config and its pods. */
export interface Preflight {
  readonly at: number;
  /** The config that it is about. */
  readonly configMapUid: string;
  readonly key: string;
  /** Other users of the ConfigMap's key, such as "Deployment other (container web)". */
  readonly otherUsers: readonly string[];
  /** A sentence when the look-up itself failed; then nothing may be written. */
  readonly failure: string | null;
  /** Null: the logs were not read, because no plan was near. */
  readonly baseline: Baseline | null;
}

/** How the pods behaved before a change, by their logs. */
export interface Baseline {
  readonly podMinutes: number;
  readonly workerDeaths: number;
  readonly failedRequests: number;
}

/** Evidence of one container that carries the change: from its followed log and from the guard probe. */
export interface Evidence {
  readonly podUid: string;
  readonly containerId: string;
  /** Null: the log cannot be read. */
  readonly log: LogCounts | null;
  /** The log could not be opened when last tried, though nothing forbids it: it may be readable a moment later. */
  readonly logFails?: boolean;
  /** Newest guard probe; null before the first or when exec fails. */
  readonly probe: { readonly at: number; readonly oomKills: number | null; readonly respawns: number } | null;
}

export interface Snapshot {
  /** The tuning with its defaults filled in; its problems when it is not valid. */
  readonly tuning: UwsgiTuning;
  readonly problems: readonly string[];
  readonly readOnly: boolean;
  readonly frozen: boolean;
  /** The namespace is being deleted. */
  readonly terminating: boolean;
  /** Name of an older tuning of the same workload container. */
  readonly duplicateOf: string | null;
  /** Another tuning's change in flight on the same workload (its other container): one rollout at a time. */
  readonly otherChange: { readonly tuning: string; readonly startedAt: string } | null;
  readonly workload: WorkloadView | null;
  readonly configMap: ConfigMapView | null;
  readonly saved: SavedConfig | null;
  readonly pods: readonly PodView[];
  readonly digest: Digest;
  readonly round: SampleRound | null;
  readonly verifySamples: readonly VerifySample[];
  readonly preflight: Preflight | null;
  readonly evidence: readonly Evidence[];
}
