/**
 * Whether the pods that carry a change got worse. Kubernetes sees none of it: uWSGI's master respawns a dead worker and
 * the container stays up, Ready and without a restart (uwsgi.md 5.4).
 */
import type { Change } from '../../api/uwsgi-tuning.ts';
import { formatQuantity, parseQuantity } from '../quantity.ts';
import { totalDeaths } from './log-patterns.ts';
import type { Evidence, PodView, Termination } from './snapshot.ts';

/** What a failure teaches: it bounds what may be recommended next on that image. */
export type LessonKind = 'StackTooSmall' | 'OutOfMemory' | 'Failed';

/** Harm that was seen. */
export interface Harm {
  readonly reason: string;
  readonly message: string;
  readonly lesson: LessonKind;
}

/** How long a changed pod that was ready may be unready after the rollout before that counts as harm. */
export const UNREADY_GRACE_MS = 30_000;

/** Signals that an overflown stack ends a worker with: 11 SIGSEGV, 6 SIGABRT (Python's fatal error), 7 SIGBUS. */
const STACK_SIGNALS = ['11', '6', '7'];

/** The pods that run, or may run, the changed text: they carry its hash, or their container is none of the plan's. */
export function changedPods(change: Change, pods: readonly PodView[]): readonly PodView[] {
  return pods.filter((pod) => !pod.terminating && carriesChange(change, pod));
}

/** Whether the template carries the change's annotation, with or without the suffix of a second roll. */
export function hasChangeHash(change: Change, configHash: string | null): boolean {
  return configHash === changeHash(change) || configHash === rerolledHash(change);
}

/**
 * The annotation that the change sets: the new text's hash. Where the template carries that hash already (somebody put
 * the old text back by hand since) the change's id tells the two apart, and the pods restart.
 */
export function changeHash(change: Change): string {
  const hash = change.newHash ?? '';
  const before = change.previousAnnotation;
  return before === hash || before === `${hash}${SECOND_ROLL}` ? `${hash}-${change.id ?? ''}` : hash;
}

const SECOND_ROLL = '-2';

/** The annotation's value for the one more roll that a stale mount is given. */
export function rerolledHash(change: Change): string {
  return `${changeHash(change)}${SECOND_ROLL}`;
}

function carriesChange(change: Change, pod: PodView): boolean {
  return hasChangeHash(change, pod.configHash) || (pod.running && startedSince(change, pod.containerId));
}

/**
 * Whether a container started after the plan: it is none of those that ran then. Not by its time of start, which the
 * node's clock tells and the plan's the controller's.
 */
function startedSince({ containers }: Change, containerId: string): boolean {
  return containers !== undefined && containerId !== '' && !containers.includes(containerMark(containerId));
}

/** A container in a plan: the end of its id, which is a hash. */
export function containerMark(containerId: string): string {
  return containerId.slice(-12);
}

/**
 * The first harm found on the changed pods, null when there is none. `recycles`: the config itself has workers replaced
 * by new ones (max-requests, cheaper, harakiri).
 */
export function findHarm(
  change: Change,
  pods: readonly PodView[],
  evidence: readonly Evidence[],
  recycles: boolean,
  now: number,
): Harm | null {
  const changed = changedPods(change, pods);
  const byContainer = new Map(evidence.map((entry) => [entry.containerId, entry]));
  const seen = changed.flatMap((pod) => byContainer.get(pod.containerId) ?? []);
  return (
    oomKilled(change, changed, seen) ??
    workerDied(change, changed, seen, recycles, now) ??
    requestsFailed(change, changed, seen, now) ??
    stackRefused(change, seen) ??
    containerFailed(change, changed) ??
    podUnready(change, changed, now)
  );
}

function oomKilled(change: Change, pods: readonly PodView[], evidence: readonly Evidence[]): Harm | null {
  const container = pods.find((pod) => changedTermination(change, pod)?.reason === 'OOMKilled');
  if (container !== undefined) {
    return {
      reason: 'OOMKilled',
      message: `the container of pod ${container.name} was OOM-killed`,
      lesson: 'OutOfMemory',
    };
  }
  const kills = evidence.reduce((sum, entry) => sum + (entry.probe?.oomKills ?? 0), 0);
  if (kills === 0) return null;
  return {
    reason: 'WorkerOOMKilled',
    message: `the kernel killed ${kills} processes for memory`,
    lesson: 'OutOfMemory',
  };
}

function workerDied(
  change: Change,
  pods: readonly PodView[],
  evidence: readonly Evidence[],
  recycles: boolean,
  now: number,
): Harm | null {
  const deaths: Record<string, number> = {};
  for (const entry of evidence) {
    for (const [signal, count] of Object.entries(entry.log?.deaths ?? {}))
      deaths[signal] = (deaths[signal] ?? 0) + count;
  }
  const logged = evidence.reduce((sum, entry) => sum + (entry.log === null ? 0 : totalDeaths(entry.log)), 0);
  const blind = evidence.filter((entry) => entry.log?.started !== true);
  // Where workers are replaced on purpose each may be so once; more than that is a loop of crashes.
  const onPurpose = recycles ? (change.to?.processes ?? 0) : 0;
  const respawned = blind.reduce((sum, entry) => sum + Math.max(0, (entry.probe?.respawns ?? 0) - onPurpose), 0);
  const total = logged + respawned;
  if (total <= allowance(change, change.baseline?.workerDeaths ?? 0, pods, now)) return null;
  const bySignal = Object.entries(deaths).map(([signal, count]) =>
    signal === '0' ? `${count} without a signal` : `${count} by signal ${signal}`,
  );
  if (respawned > 0) bySignal.push(`${respawned} seen as new worker processes`);
  const message = `${total} worker death${total === 1 ? '' : 's'} since the change: ${bySignal.join(', ')}`;
  const harakiris = evidence.reduce((sum, entry) => sum + (entry.log?.harakiris ?? 0), 0);
  if ((deaths['9'] ?? 0) > harakiris) return { reason: 'WorkerKilled', message, lesson: 'OutOfMemory' };
  const overflow = STACK_SIGNALS.some((signal) => (deaths[signal] ?? 0) > 0);
  if (!overflow && (deaths['9'] ?? 0) > 0) return { reason: 'WorkerHarakiri', message, lesson: 'Failed' };
  // A new process alone does not tell of what the old one died.
  const lesson = logged === 0 ? 'Failed' : stackLesson(change);
  return { reason: overflow ? 'WorkerKilledBySignal' : 'WorkerDied', message, lesson };
}

function requestsFailed(
  change: Change,
  pods: readonly PodView[],
  evidence: readonly Evidence[],
  now: number,
): Harm | null {
  const failed = evidence.reduce((sum, entry) => sum + (entry.log?.failedRequests ?? 0), 0);
  if (failed <= allowance(change, change.baseline?.failedRequests ?? 0, pods, now)) return null;
  const message = `${failed} requests failed with RecursionError or MemoryError since the change`;
  return { reason: 'RequestsFailed', message, lesson: stackLesson(change) };
}

function stackRefused(change: Change, evidence: readonly Evidence[]): Harm | null {
  if (!evidence.some((entry) => entry.log?.stackRefused === true)) return null;
  const size = change.to?.threadStackSize ?? 'default';
  return {
    reason: 'StackRefused',
    message: `uWSGI could not set stacks of ${size} and runs with the default`,
    lesson: 'Failed',
  };
}

function containerFailed(change: Change, pods: readonly PodView[]): Harm | null {
  for (const pod of pods) {
    const ended = changedTermination(change, pod);
    const restarted = hasChangeHash(change, pod.configHash) ? pod.restarts > 0 : (ended?.exitCode ?? 0) !== 0;
    if (!restarted) continue;
    const how = ended === null ? '' : ` (${ended.reason || 'ended'}, exit code ${ended.exitCode ?? 'unknown'})`;
    return {
      reason: 'ContainerRestarted',
      message: `the container of pod ${pod.name} restarted${how}`,
      lesson: 'Failed',
    };
  }
  return null;
}

/** How the pod's last container ended, if that container ran the change: one of the plan's read the old text. */
function changedTermination(change: Change, pod: PodView): Termination | null {
  const ended = pod.lastTermination;
  if (ended === null || hasChangeHash(change, pod.configHash)) return ended;
  return startedSince(change, ended.containerId) ? ended : null;
}

function podUnready(change: Change, pods: readonly PodView[], now: number): Harm | null {
  const since = change.rolledOutAt === undefined ? null : Date.parse(change.rolledOutAt);
  if (since === null || now - since < UNREADY_GRACE_MS) return null;
  const unready = pods.find((pod) => !pod.ready && now - (pod.unreadySince ?? pod.createdAt) >= patience(change, pod));
  if (unready === undefined) return null;
  return { reason: 'PodNotReady', message: `pod ${unready.name} became unready after the rollout`, lesson: 'Failed' };
}

/** A pod that was never ready yet still starts (a scale-up, an eviction): it has as long as the rollout had. */
function patience(change: Change, pod: PodView): number {
  const starts = pod.unreadySince === null || pod.startedAt === null || pod.unreadySince <= pod.startedAt;
  const rollout = Date.parse(change.rolloutDeadline ?? '') - Date.parse(change.startedAt ?? '');
  return starts ? Math.max(UNREADY_GRACE_MS, rollout) : UNREADY_GRACE_MS;
}

/** A stack lesson only where the change made the stack smaller; else all that is known is that this set failed. */
function stackLesson(change: Change): LessonKind {
  const before = parseQuantity(change.from?.threadStackSize ?? '');
  const after = parseQuantity(change.to?.threadStackSize ?? '');
  if (after === null) return 'Failed';
  return before === null || after < before ? 'StackTooSmall' : 'Failed';
}

/**
 * How many events the changed pods may show before they are worse than the baseline: twice the baseline's rate over the
 * pod-minutes since the change, rounded up; none where the baseline had none.
 */
export function allowance(change: Change, baselineCount: number, pods: readonly PodView[], now: number): number {
  const minutes = change.baseline?.podMinutes ?? 0;
  if (baselineCount === 0 || minutes === 0) return 0;
  const watched = pods.reduce((sum, pod) => sum + Math.max(0, now - (pod.startedAt ?? now)) / 60_000, 0);
  return Math.ceil((2 * baselineCount * watched) / minutes);
}

/** A probe that is older is no evidence for now: exec may have become forbidden meanwhile. */
const PROBE_MAX_AGE_MS = 60_000;

/** Why the evidence is not enough for success; null when every changed pod can be judged. */
export function missingEvidence(
  change: Change,
  pods: readonly PodView[],
  evidence: readonly Evidence[],
  { now, overdue }: { readonly now: number; readonly overdue: boolean },
): string | null {
  const changed = changedPods(change, pods);
  if (changed.length === 0) return 'no pod carries the change';
  const byContainer = new Map(evidence.map((entry) => [entry.containerId, entry]));
  for (const pod of changed) {
    const entry = byContainer.get(pod.containerId);
    const probed = entry?.probe != null && now - entry.probe.at <= PROBE_MAX_AGE_MS;
    const readable = entry?.log?.started === true || probed;
    if (entry?.logFails === true && !overdue) return `the log of pod ${pod.name} cannot be opened`;
    if (!readable) return `neither the log nor the processes of pod ${pod.name} could be read`;
  }
  return null;
}

/** A stack size for messages: "512Ki", or "default" for the C library's own. */
export function describeStack(size: string | number | undefined): string {
  const value = size === undefined ? null : parseQuantity(size);
  return value === null ? 'default' : formatQuantity(value);
}
