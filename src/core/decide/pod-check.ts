/** Which pods run what a rollout should have brought, by a measurement of each: uWSGI ignores bad values in silence. */
import type { Action } from './decision.ts';
import type { PodView, SampleFailureCode, Snapshot, VerifySample } from './snapshot.ts';
import { checkApplied, type Applied, type Replacement } from './verify.ts';

/** A pod that runs other values this soon after it was first measured may still be starting its workers and threads. */
const SETTLE_MS = 30_000;
/** How long after a measurement that decided nothing the pod is measured again. */
const MEASURE_AGAIN_MS = 5000;

/** One pod against a change. */
export interface JudgedPod {
  readonly pod: PodView;
  /** Null: not measured yet. */
  readonly applied: Applied | null;
  /** Why it could not be measured, a sentence. */
  readonly failure: string;
  readonly failureCode: SampleFailureCode | null;
  /** The next measurement would say nothing else. */
  readonly isFinal: boolean;
  readonly isDue: boolean;
}

interface CheckContext {
  readonly snapshot: Snapshot;
  readonly hasCheaper: boolean;
  readonly now: number;
}

/** Judges one pod by its newest measurement. `overdue`: what was measured counts, however young the pod is. */
export function judgePod(
  change: Replacement,
  pod: PodView,
  { snapshot, hasCheaper, now }: CheckContext,
  overdue: boolean,
): JudgedPod {
  const entry = snapshot.verifySamples.find(({ containerId }) => containerId === pod.containerId);
  const isDue = entry === undefined || now - entry.at >= MEASURE_AGAIN_MS;
  const failure = entry?.failure?.message ?? 'not measured yet';
  const failureCode = entry?.failure?.code ?? null;
  if (entry?.sample == null) return { pod, applied: null, failure, failureCode, isFinal: false, isDue };
  const log = snapshot.evidence.find(({ containerId }) => containerId === pod.containerId)?.log ?? null;
  const applied = checkApplied(change, entry.sample, log, hasCheaper);
  const isFinal = applied.state === 'Applied' || overdue || hasSettled(entry);
  return { pod, applied, failure, failureCode, isFinal, isDue };
}

/** By the controller's clock alone: the node's may be another. */
function hasSettled({ since, at }: VerifySample): boolean {
  return at - since >= SETTLE_MS;
}

/** Measures the pods that are due; null when none is. */
export function measureAgain(judged: readonly JudgedPod[]): Action | null {
  const due = judged.filter(({ isFinal, isDue }) => !isFinal && isDue).map(({ pod }) => pod.name);
  return due.length === 0 ? null : { kind: 'Sample', pods: due, purpose: 'Verify' };
}
