/**
 * A change on its way forward: save > write > annotate > roll out > verify > settle. Where it stands is read from the
 * cluster each time (docs/change-protocol.md), so that a crash at any point changes nothing.
 */
import type { Change } from '../../api/uwsgi-tuning.ts';
import { changedPods, findHarm, hasChangeHash, missingEvidence, rerolledHash } from './evidence.ts';
import { switchedOff } from './gates.ts';
import { renderChange, textState } from './render.ts';
import { rolloutVerdict } from './rollout.ts';
import type { Snapshot, WorkloadView } from './snapshot.ts';
import { finish, goOn, turnBack, type Step } from './step.ts';
import { meanMemoryUsed } from './usage-report.ts';
import { checkApplied, type Applied } from './verify.ts';

/** How old a look-up before a write may be. */
const PREFLIGHT_MAX_AGE_MS = 15_000;

export interface ChangeContext {
  readonly snapshot: Snapshot;
  readonly hasCheaper: boolean;
  readonly hasFinalizer: boolean;
  readonly now: number;
}

export function stepForward(change: Change, context: ChangeContext): Step {
  const { snapshot, now } = context;
  if (snapshot.tuning.metadata.deletionTimestamp !== undefined) {
    return turnBack(
      change,
      { reason: 'TuningDeleted', message: 'the tuning is being deleted', lesson: 'Failed' },
      now,
      false,
    );
  }
  const { workload } = snapshot;
  if (workload?.uid !== change.workload?.uid || workload === null) {
    return turnBack(
      change,
      { reason: 'TargetGone', message: 'the workload was deleted or replaced', lesson: 'Failed' },
      now,
      false,
    );
  }
  const annotated = hasChangeHash(change, workload.configHash);
  switch (textState(snapshot.configMap, change)) {
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
  const off = switchedOff(snapshot);
  if (off !== null) return finish(change, 'Dropped', off.reason, off.message, now);
  const { configMap, preflight } = snapshot;
  if (now >= Date.parse(change.rolloutDeadline ?? '')) {
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
  if (snapshot.saved?.hash !== change.oldHash || snapshot.saved?.configMapUid !== uid || snapshot.saved.key !== key) {
    const action = { kind: 'SaveConfig', text, hash: change.oldHash ?? '', configMapUid: uid, key } as const;
    return goOn(change, progress('Applying', 'saves the old config', { action }));
  }
  if (preflight === null || now - preflight.at > PREFLIGHT_MAX_AGE_MS) {
    return goOn(change, progress('Applying', 'looks for other users of the config', { action: { kind: 'Preflight' } }));
  }
  const blocked = preflight.failure ?? preflight.otherUsers[0];
  if (blocked !== undefined)
    return finish(change, 'Dropped', 'ConfigShared', `the config is also used: ${blocked}`, now);
  const action = { kind: 'WriteText', configMap: name, key, text: rendered.text, uid, resourceVersion } as const;
  return goOn(change, progress('Applying', 'writes the new config', { action }));
}

/** The text is written, the pods are not yet told. */
function annotate(change: Change, workload: WorkloadView, { snapshot, now }: ChangeContext): Step {
  const off = switchedOff(snapshot);
  if (off !== null) return turnBack(change, { ...off, lesson: 'Failed' }, now, false);
  const action = { kind: 'Annotate', workload: workload.name, uid: workload.uid, value: change.newHash ?? '' } as const;
  return goOn(change, progress('RollingOut', 'rolls the new config out', { action }));
}

function rollOutAndVerify(change: Change, workload: WorkloadView, context: ChangeContext): Step {
  const { snapshot, now } = context;
  const harm = findHarm(change, snapshot.pods, snapshot.evidence, now);
  if (harm !== null) return turnBack(change, harm, now);
  if (change.rolledOutAt !== undefined) return verify(change, context);
  const rollout = rolloutVerdict(workload);
  if (rollout.state === 'Failed') {
    return turnBack(change, { reason: 'RolloutFailed', message: rollout.message, lesson: 'Failed' }, now);
  }
  if (rollout.state === 'Done') return checkPods(change, workload, context);
  if (now >= Date.parse(change.rolloutDeadline ?? '')) {
    const message = `the rollout was not complete by ${change.rolloutDeadline ?? ''}: ${rollout.message}`;
    return turnBack(change, { reason: 'RolloutTimedOut', message, lesson: 'Failed' }, now);
  }
  return goOn(change, progress('RollingOut', `until ${change.rolloutDeadline ?? ''}`));
}

/** Every changed pod is measured once the rollout is complete: uWSGI ignores bad values in silence. */
function checkPods(change: Change, workload: WorkloadView, context: ChangeContext): Step {
  const { snapshot, now } = context;
  const pods = changedPods(change, snapshot.pods).filter((pod) => pod.ready && pod.running);
  const measured = new Map(snapshot.verifySamples.map((entry) => [entry.containerId, entry]));
  const missing = pods.filter((pod) => measured.get(pod.containerId)?.sample == null);
  const overdue = now >= Date.parse(change.rolloutDeadline ?? '');
  if (missing.length > 0) {
    const failure = measured.get(missing[0]?.containerId ?? '')?.failure?.message ?? 'not measured yet';
    if (overdue) {
      return turnBack(
        change,
        { reason: 'NoEvidence', message: `pod ${missing[0]?.name ?? ''}: ${failure}`, lesson: 'Failed' },
        now,
      );
    }
    const action = { kind: 'Sample', pods: missing.map((pod) => pod.name), purpose: 'Verify' } as const;
    return goOn(change, progress('Verifying', 'measures the new pods', { action }));
  }
  const results: Applied[] = [];
  for (const pod of pods) {
    const sample = measured.get(pod.containerId)?.sample;
    const log = snapshot.evidence.find((entry) => entry.containerId === pod.containerId)?.log ?? null;
    if (sample != null) results.push(checkApplied(change, sample, log, context.hasCheaper));
  }
  const wrong = results.find((result) => result.state === 'Wrong');
  const stale = results.find((result) => result.state === 'Stale');
  if (stale?.state === 'Stale' && wrong === undefined && change.rerolled !== true) {
    return goOn({ ...change, rerolled: true }, progress('RollingOut', `once more: ${stale.message}`));
  }
  if (
    stale !== undefined &&
    change.rerolled === true &&
    !snapshot.readOnly &&
    workload.configHash !== rerolledHash(change.newHash ?? '')
  ) {
    const value = rerolledHash(change.newHash ?? '');
    const action = { kind: 'Annotate', workload: workload.name, uid: workload.uid, value } as const;
    return goOn(change, progress('RollingOut', 'once more, because a pod had started with the old config', { action }));
  }
  const failed = wrong ?? stale;
  if (failed?.state === 'Wrong' || failed?.state === 'Stale') {
    return turnBack(change, { reason: 'ValuesNotApplied', message: failed.message, lesson: 'Failed' }, now);
  }
  if (pods.length === 0) {
    if (overdue)
      return turnBack(change, { reason: 'NoEvidence', message: 'no pod runs the change', lesson: 'Failed' }, now);
    return goOn(change, progress('RollingOut', `until ${change.rolloutDeadline ?? ''}`));
  }
  return goOn(
    { ...change, rolledOutAt: new Date(now).toISOString() },
    progress('Verifying', 'the rollout is complete'),
  );
}

function verify(change: Change, { snapshot, now }: ChangeContext): Step {
  const end = Date.parse(change.rolledOutAt ?? '') + (change.verifySeconds ?? 0) * 1000;
  if (now < end) return goOn(change, progress('Verifying', `watches the pods until ${new Date(end).toISOString()}`));
  const missing = missingEvidence(change, snapshot.pods, snapshot.evidence);
  if (missing !== null) {
    if (now < end + EVIDENCE_GRACE_MS) return goOn(change, progress('Verifying', `waits for evidence: ${missing}`));
    return turnBack(change, { reason: 'NoEvidence', message: missing, lesson: 'Failed' }, now);
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

/** A pod that was replaced at the very end gets this long to show its log and processes. */
const EVIDENCE_GRACE_MS = 60_000;

function progress(
  reason: string,
  message: string,
  more: Partial<Step> = {},
): Pick<Step, 'reason' | 'message'> & Partial<Step> {
  return { reason, message, ...more };
}
