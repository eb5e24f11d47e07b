/**
 * A change on its way forward: save > write > annotate > roll out > verify > settle. Where it stands is read from the
 * cluster each time (docs/change-protocol.md), so that a crash at any point changes nothing.
 */
import type { Change } from '../../api/uwsgi-tuning.ts';
import { timeOf } from './duration.ts';
import { changedPods, changeHash, findHarm, hasChangeHash, missingEvidence, rerolledHash } from './evidence.ts';
import { changedByOther, switchedOff, targetStopped } from './gates.ts';
import { isOldText, renderChange, textState } from './render.ts';
import { rolloutVerdict } from './rollout.ts';
import { judgePod, measureAgain } from './pod-check.ts';
import type { Snapshot, WorkloadView } from './snapshot.ts';
import { finish, goOn, turnBack, type Step } from './step.ts';
import { meanMemoryUsed } from './usage-report.ts';

/** How old a look-up before a write may be. */
const PREFLIGHT_MAX_AGE_MS = 15_000;

export interface ChangeContext {
  readonly snapshot: Snapshot;
  readonly hasCheaper: boolean;
  /** The config itself has workers replaced by new ones. */
  readonly recycles: boolean;
  readonly hasFinalizer: boolean;
  readonly now: number;
}

export function stepForward(change: Change, context: ChangeContext): Step {
  const { snapshot, now } = context;
  const { workload } = snapshot;
  const state = textState(snapshot.configMap, change);
  const annotated = hasChangeHash(change, workload?.configHash ?? null);
  if (snapshot.tuning.metadata.deletionTimestamp !== undefined) {
    if (state === 'Old' && !annotated) {
      return finish(change, 'Dropped', 'TuningDeleted', 'the tuning was deleted before anything was written', now);
    }
    return turnBack(
      change,
      { reason: 'TuningDeleted', message: 'the tuning is being deleted', lesson: 'Failed' },
      now,
      false,
    );
  }
  if (workload?.uid !== change.workload?.uid || workload === null) {
    return turnBack(
      change,
      { reason: 'TargetGone', message: 'the workload was deleted or replaced', lesson: 'Failed' },
      now,
      false,
    );
  }
  switch (state) {
    case 'Missing':
      return finish(change, 'Superseded', 'ConfigMapGone', 'the ConfigMap or its key was deleted or replaced', now);
    case 'Foreign':
      return finish(change, 'Superseded', 'TextEdited', 'somebody else set other values in the config', now);
    case 'Old':
      if (!annotated) return beforeWrite(change, context);
      return turnBack(
        change,
        { reason: 'TextReverted', message: 'somebody else restored the old config', lesson: 'Failed' },
        now,
      );
    case 'New':
    case 'EditedNew':
      return annotated ? rollOutAndVerify(change, workload, context) : annotate(change, workload, context);
  }
}

/** Nothing is written yet: every switch still drops the plan. */
function beforeWrite(change: Change, { snapshot, hasFinalizer, now }: ChangeContext): Step {
  const off = switchedOff(snapshot) ?? (snapshot.workload && targetStopped(snapshot.workload));
  if (off !== null) return finish(change, 'Dropped', off.reason, off.message, now);
  const other = changedByOther(snapshot);
  if (other !== null && yields(change, snapshot)) return finish(change, 'Dropped', other.reason, other.message, now);
  const { configMap, preflight } = snapshot;
  if (now >= timeOf(change.rolloutDeadline)) {
    return finish(change, 'Dropped', 'TimedOut', 'the new config could not be written in time', now);
  }
  if (configMap?.text == null) return finish(change, 'Dropped', 'ConfigMapGone', 'the ConfigMap is gone', now);
  if (configMap.owner !== null || configMap.immutable) {
    return finish(change, 'Dropped', 'ConfigOwned', 'the ConfigMap became immutable or owned by somebody else', now);
  }
  const rendered = renderChange(configMap.text, change);
  if (!rendered.ok) return finish(change, 'Dropped', 'EditRefused', rendered.message, now);
  if (!hasFinalizer)
    return goOn(change, progress('Applying', 'guards the change', { action: { kind: 'AddFinalizer' } }));
  const { uid, resourceVersion, name, text } = configMap;
  const key = change.configMap?.key ?? '';
  const { saved } = snapshot;
  if (!isOldText(saved, change) || saved?.configMapUid !== uid || saved.key !== key) {
    const action = { kind: 'SaveConfig', text, hash: change.oldHash ?? '', configMapUid: uid, key } as const;
    return goOn(change, progress('Applying', 'saves the old config', { action }));
  }
  if (preflight?.configMapUid !== uid || preflight.key !== key || now - preflight.at > PREFLIGHT_MAX_AGE_MS) {
    const action = { kind: 'Preflight', baseline: false } as const;
    return goOn(change, progress('Applying', 'looks for other users of the config', { action }));
  }
  const blocked = preflight.failure ?? preflight.otherUsers[0];
  if (blocked !== undefined)
    return finish(change, 'Dropped', 'ConfigShared', `the config is also used: ${blocked}`, now);
  const action = { kind: 'WriteText', configMap: name, key, text: rendered.text, uid, resourceVersion } as const;
  return goOn(change, progress('Applying', 'writes the new config', { action }));
}

/** Of two plans made at the same moment the earlier goes on, of equally old ones that of the first name. */
function yields(change: Change, { otherChange, tuning }: Snapshot): boolean {
  if (otherChange === null) return false;
  const startedAt = change.startedAt ?? '';
  if (otherChange.startedAt !== startedAt) return otherChange.startedAt < startedAt;
  return otherChange.tuning < tuning.metadata.name;
}

/** The text is written, the pods are not yet told. */
function annotate(change: Change, workload: WorkloadView, { snapshot, now }: ChangeContext): Step {
  const off = switchedOff(snapshot);
  if (off !== null) return turnBack(change, { ...off, lesson: 'Failed' }, now, false);
  // Also the end of a fight with somebody who removes the annotation again and again.
  const end = change.rolledOutAt === undefined ? timeOf(change.rolloutDeadline) : verifyEnd(change) + EVIDENCE_GRACE_MS;
  if (now >= end) {
    const message = 'the annotation uwsgi-tuner.dev/config-hash is not on the pod template';
    return turnBack(change, { reason: 'RolloutTimedOut', message, lesson: 'Failed' }, now, false);
  }
  const action = { kind: 'Annotate', workload: workload.name, uid: workload.uid, value: changeHash(change) } as const;
  return goOn(change, progress('RollingOut', 'rolls the new config out', { action }));
}

function rollOutAndVerify(change: Change, workload: WorkloadView, context: ChangeContext): Step {
  const { snapshot, now } = context;
  const harm = findHarm(change, snapshot.pods, snapshot.evidence, context.recycles, now);
  if (harm !== null) return turnBack(change, harm, now);
  if (change.rolledOutAt !== undefined) return verify(change, workload, context);
  const rollout = rolloutVerdict(workload);
  if (rollout.state === 'Failed') {
    return turnBack(change, { reason: 'RolloutFailed', message: rollout.message, lesson: 'Failed' }, now);
  }
  if (rollout.state === 'Done') return checkPods(change, workload, context);
  if (now >= timeOf(change.rolloutDeadline)) {
    const message = `the rollout was not complete by ${change.rolloutDeadline ?? ''}: ${rollout.message}`;
    return turnBack(
      change,
      { reason: 'RolloutTimedOut', message, lesson: 'Failed' },
      now,
      targetStopped(workload) === null,
    );
  }
  return goOn(change, progress('RollingOut', `until ${change.rolloutDeadline ?? ''}`));
}

/** Every changed pod is measured once the rollout is complete: uWSGI ignores bad values in silence. */
function checkPods(change: Change, workload: WorkloadView, context: ChangeContext): Step {
  const { snapshot, now } = context;
  const overdue = now >= timeOf(change.rolloutDeadline);
  const pods = changedPods(change, snapshot.pods).filter((pod) => pod.ready && pod.running);
  if (pods.length === 0) {
    if (!overdue) return goOn(change, progress('RollingOut', `until ${change.rolloutDeadline ?? ''}`));
    const harm = { reason: 'NoEvidence', message: 'no pod runs the change', lesson: 'Failed' } as const;
    return turnBack(change, harm, now, targetStopped(workload) === null);
  }
  const judged = pods.map((pod) => judgePod(change, pod, context, overdue));
  const wrong = judged.find(({ isFinal, applied }) => isFinal && applied?.state === 'Wrong')?.applied;
  if (wrong?.state === 'Wrong') {
    return turnBack(change, { reason: 'ValuesNotApplied', message: wrong.message, lesson: 'Failed' }, now);
  }
  const open = judged.filter(({ isFinal }) => !isFinal);
  const unmeasured = open.find(({ applied }) => applied === null);
  if (overdue && unmeasured !== undefined) {
    const message = `pod ${unmeasured.pod.name}: ${unmeasured.failure}`;
    return turnBack(change, { reason: 'NoEvidence', message, lesson: 'Failed' }, now);
  }
  if (open.length > 0) {
    return goOn(change, progress('Verifying', 'measures the new pods', { action: measureAgain(judged) }));
  }
  const stale = judged.find(({ applied }) => applied?.state === 'Stale')?.applied;
  if (stale?.state === 'Stale') return rollOnceMore(change, workload, snapshot, stale.message, now);
  return goOn(
    { ...change, rolledOutAt: new Date(now).toISOString() },
    progress('Verifying', 'the rollout is complete'),
  );
}

/** A pod had started with the old text: status says so first, then the workload rolls; the second time it failed. */
function rollOnceMore(change: Change, workload: WorkloadView, snapshot: Snapshot, message: string, now: number): Step {
  if (change.rerolled === true && workload.configHash === rerolledHash(change)) {
    return turnBack(change, { reason: 'ValuesNotApplied', message, lesson: 'Failed' }, now);
  }
  const off = switchedOff(snapshot);
  if (off !== null) return turnBack(change, { ...off, lesson: 'Failed' }, now, false);
  if (change.rerolled !== true) {
    return goOn({ ...change, rerolled: true }, progress('RollingOut', `once more: ${message}`));
  }
  const value = rerolledHash(change);
  const action = { kind: 'Annotate', workload: workload.name, uid: workload.uid, value } as const;
  return goOn(change, progress('RollingOut', 'once more, because a pod had started with the old config', { action }));
}

function verify(change: Change, workload: WorkloadView, { snapshot, now }: ChangeContext): Step {
  const end = verifyEnd(change);
  if (now < end) return goOn(change, progress('Verifying', `watches the pods until ${new Date(end).toISOString()}`));
  const overdue = now >= end + EVIDENCE_GRACE_MS;
  const missing = missingEvidence(change, snapshot.pods, snapshot.evidence, { now, overdue });
  if (missing !== null) {
    if (!overdue) return goOn(change, progress('Verifying', `waits for evidence: ${missing}`));
    const harm = { reason: 'NoEvidence', message: missing, lesson: 'Failed' } as const;
    return turnBack(change, harm, now, targetStopped(workload) === null);
  }
  const ids = new Set(changedPods(change, snapshot.pods).map((pod) => pod.uid));
  const samples = [
    ...(snapshot.round?.samples ?? []),
    ...snapshot.verifySamples.flatMap((entry) => entry.sample ?? []),
  ];
  const measured = meanMemoryUsed(samples.filter((sample) => ids.has(sample.podUid)));
  return finish(
    change,
    'Verified',
    'Verified',
    'the pods run the new values and showed no harm',
    now,
    measured ?? undefined,
  );
}

/** What the spec allows: a status that somebody edited does not watch for ever. */
const LONGEST_VERIFY_SECONDS = 7 * 24 * 3600;

function verifyEnd(change: Change): number {
  return timeOf(change.rolledOutAt) + Math.min(change.verifySeconds ?? 0, LONGEST_VERIFY_SECONDS) * 1000;
}

/** A pod that was replaced at the very end gets this long to show its log and processes. */
const EVIDENCE_GRACE_MS = 60_000;

function progress(
  reason: string,
  message: string,
  more: Partial<Step> = {},
): Pick<Step, 'reason' | 'message'> & Partial<Step> {
  return { reason, message, ...more };
}
