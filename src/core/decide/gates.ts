/**
 * What holds a change back. The list's order is the order in which gates speak: the first closed one is named in the
 * Applied condition. To add a gate: one function that returns what it found wrong, and one line in GATES.
 */
import type { FinishedChange } from '../../api/uwsgi-tuning.ts';
import { formatDuration, timeOf } from './duration.ts';
import type { Policy } from './policy.ts';
import { livePods, rolloutVerdict } from './rollout.ts';
import type { Snapshot, WorkloadView } from './snapshot.ts';
import { parseQuantity } from '../quantity.ts';
import { concurrencyOf, type Values } from './values.ts';

/** Most pods that are guarded at once while a change is in flight (design.md 5). */
export const GUARD_CAPACITY = 50;

/** A closed gate. */
export interface ClosedGate {
  readonly reason: string;
  readonly message: string;
  /** When it may open, milliseconds since the epoch; null when that depends on somebody. */
  readonly opensAt: number | null;
}

/** What the gates look at. */
export interface Proposal {
  readonly snapshot: Snapshot;
  readonly policy: Policy;
  readonly workload: WorkloadView;
  readonly from: Values;
  readonly to: Values;
  /** What runs now does not fit the budget. */
  readonly overBudget: boolean;
  readonly samples: number;
  readonly observedSince: number | null;
  readonly now: number;
}

type Gate = (proposal: Proposal) => ClosedGate | null;

/** The first closed gate; null when the change may be made. */
export function closedGate(proposal: Proposal): ClosedGate | null {
  for (const gate of GATES) {
    const closed = gate(proposal);
    if (closed !== null) return closed;
  }
  return null;
}

const held = (reason: string, message: string, opensAt: number | null = null): ClosedGate => ({
  reason,
  message,
  opensAt,
});

/** The off switches, in the order of design.md 3.1; also read before each write of a change in flight. */
export function switchedOff(snapshot: Snapshot): ClosedGate | null {
  if (snapshot.tuning.spec.updatePolicy?.suspend === true) {
    return held('Suspended', 'spec.updatePolicy.suspend is true');
  }
  if (snapshot.workload?.ignored === true) {
    return held('Ignored', `the workload has the annotation uwsgi-tuner.dev/ignore: "true"`);
  }
  if (snapshot.frozen) return held('Frozen', `the namespace has the annotation uwsgi-tuner.dev/freeze: "true"`);
  if (snapshot.readOnly) return held('ReadOnly', 'the controller runs with --read-only');
  return null;
}

/** What stops a workload: also looked at right before the write, so that no change waits for its pods in vain. */
export function targetStopped(workload: WorkloadView): ClosedGate | null {
  return targetPaused({ workload }) ?? targetScaledToZero({ workload });
}

function namespaceTerminating({ snapshot }: Proposal): ClosedGate | null {
  return snapshot.terminating ? held('NamespaceTerminating', 'the namespace is being deleted') : null;
}

function targetPaused({ workload }: Pick<Proposal, 'workload'>): ClosedGate | null {
  return workload.paused ? held('TargetPaused', `Deployment ${workload.name} is paused`) : null;
}

function targetScaledToZero({ workload }: Pick<Proposal, 'workload'>): ClosedGate | null {
  return workload.replicas === 0 ? held('TargetScaledToZero', `Deployment ${workload.name} has 0 replicas`) : null;
}

function targetRolling({ snapshot, workload }: Proposal): ClosedGate | null {
  const other = changedByOther(snapshot);
  if (other !== null) return other;
  const verdict = rolloutVerdict(workload);
  if (verdict.state === 'Progressing') return held('TargetRolling', `Deployment ${workload.name} is rolling out`);
  return verdict.state === 'Failed' ? held('TargetUnhealthy', verdict.message) : null;
}

/** Two changes of one pod template would overwrite each other's annotation for ever. */
export function changedByOther({ otherChange }: Snapshot): ClosedGate | null {
  return otherChange === null
    ? null
    : held('TargetRolling', `UwsgiTuning ${otherChange.tuning} changes the same workload`);
}

function targetUnhealthy({ snapshot }: Proposal): ClosedGate | null {
  const unready = livePods(snapshot.pods).find((pod) => !pod.ready);
  return unready === undefined ? null : held('TargetUnhealthy', `pod ${unready.name} is not ready`);
}

function tooManyPods({ workload }: Proposal): ClosedGate | null {
  if (workload.replicas <= GUARD_CAPACITY) return null;
  return held('GuardCapacity', `${workload.replicas} pods; at most ${GUARD_CAPACITY} are guarded at once`);
}

function noFreshSample({ snapshot }: Proposal): ClosedGate | null {
  const round = snapshot.round;
  const live = new Set(livePods(snapshot.pods).map((pod) => pod.uid));
  if (round?.samples.some((sample) => live.has(sample.podUid)) === true) return null;
  return held('NoFreshSample', 'the newest round of measuring gave no sample of a pod that is there now');
}

function tooFewSamples({ policy, workload, samples, observedSince, now }: Proposal): ClosedGate | null {
  if (samples >= policy.minSamples) return null;
  const rounds = Math.ceil(policy.minSamples / Math.max(1, Math.min(policy.maxPods, workload.replicas)));
  const opensAt = (observedSince ?? now) + rounds * policy.intervalMs;
  return held(
    'TooFewSamples',
    `fewer than sampling.minSamples = ${policy.minSamples}; may open at ${iso(opensAt)}`,
    opensAt,
  );
}

function tooYoung({ policy, observedSince, now }: Proposal): ClosedGate | null {
  const opensAt = (observedSince ?? now) + policy.minObservationMs;
  if (now >= opensAt) return null;
  const length = formatDuration(policy.minObservationMs);
  return held(
    'TooYoung',
    `observed for less than sampling.minObservation = ${length}; may open at ${iso(opensAt)}`,
    opensAt,
  );
}

function rejectedBefore({ snapshot, workload, to }: Proposal): ClosedGate | null {
  const image = workload.candidates[0]?.image ?? '';
  const generation = snapshot.tuning.metadata.generation ?? 0;
  const failed = snapshot.tuning.status?.rejected?.find(
    (entry) =>
      entry.image === image &&
      (entry.lesson !== 'Failed' || entry.generation === generation) &&
      entry.processes === to.processes &&
      entry.threads === to.threads &&
      sameSize(entry.threadStackSize, to.threadStackSize),
  );
  if (failed === undefined) return null;
  return held(
    'Rejected',
    `these values failed on this image at ${failed.time ?? 'an earlier time'}: ${failed.reason ?? ''}`,
  );
}

function sameSize(quantity: string | number | undefined, size: number | null): boolean {
  return (quantity === undefined ? null : parseQuantity(quantity)) === size;
}

function withinNoise({ policy, from, to, overBudget }: Proposal): ClosedGate | null {
  if (overBudget) return null;
  const percent = changePercent(from, to);
  if (percent >= policy.minChangePercent) return null;
  return held(
    'WithinNoise',
    `a change of ${percent.toFixed(0)} % is below updatePolicy.minChangePercent = ${policy.minChangePercent}`,
  );
}

function tooSoon({ snapshot, policy, now }: Proposal): ClosedGate | null {
  const last = snapshot.tuning.status?.history?.find(isAttempt);
  if (last?.finishedAt === undefined) return null;
  const opensAt = timeOf(last.finishedAt) + policy.minIntervalMs;
  if (now >= opensAt) return null;
  const why =
    last.verdict === 'Verified' ? '' : `; the last change ended as ${last.verdict ?? ''}: ${last.reason ?? ''}`;
  return held(
    'TooSoon',
    `updatePolicy.minInterval = ${formatDuration(policy.minIntervalMs)}; may open at ${iso(opensAt)}${why}`,
    opensAt,
  );
}

/** How long a raise waits after a lowering: so many times minInterval, a week at its default; a week at most. */
const RAISE_AFTER_INTERVALS = 168;
const WEEK_MS = 604_800_000;

/**
 * Memory that swings would else be followed up and down for ever: each lowering makes room for the raise that makes the
 * next one due. Traffic repeats within a week.
 */
function loweredBefore({ snapshot, policy, workload, from, to, now }: Proposal): ClosedGate | null {
  if (to.processes * to.threads <= from.processes * from.threads) return null;
  const generation = snapshot.tuning.metadata.generation ?? 0;
  const image = workload.candidates[0]?.image ?? '';
  const last = snapshot.tuning.status?.history?.find(
    (entry) =>
      entry.generation === generation && entry.image === image && entry.verdict === 'Verified' && lowered(entry),
  );
  if (last?.finishedAt === undefined) return null;
  const opensAt = timeOf(last.finishedAt) + Math.min(WEEK_MS, RAISE_AFTER_INTERVALS * policy.minIntervalMs);
  if (now >= opensAt) return null;
  return held(
    'LoweredBefore',
    `processes x threads were lowered to ${last.to ?? ''} at ${last.finishedAt}; may be raised at ${iso(opensAt)}`,
    opensAt,
  );
}

function lowered({ from, to }: FinishedChange): boolean {
  return (concurrencyOf(to) ?? 0) < (concurrencyOf(from) ?? 0);
}

/** A dropped plan changed nothing and may be made again at once, unless the write itself did not succeed. */
function isAttempt({ verdict, reason }: FinishedChange): boolean {
  return verdict !== 'Dropped' || reason === 'TimedOut';
}

const GATES: readonly Gate[] = [
  namespaceTerminating,
  ({ snapshot }) => switchedOff(snapshot),
  targetPaused,
  targetScaledToZero,
  targetRolling,
  targetUnhealthy,
  tooManyPods,
  noFreshSample,
  tooFewSamples,
  tooYoung,
  rejectedBefore,
  withinNoise,
  loweredBefore,
  tooSoon,
];

/** The largest relative change of any of the three values, in percent of the old value (design.md 5). */
export function changePercent(from: Values, to: Values): number {
  const relative = (before: number | null, after: number | null): number => {
    if (before === after || after === null) return 0;
    return before === null || before === 0 ? 100 : (Math.abs(after - before) / before) * 100;
  };
  return Math.max(
    relative(from.processes, to.processes),
    relative(from.threads, to.threads),
    relative(from.threadStackSize, to.threadStackSize),
  );
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
