/**
 * Putting the old config back: the text, then the annotation, then the rollout of the old values, then a measurement of
 * its pods. Never `rollout undo`: that would also undo what somebody else changed meanwhile.
 */
import type { Change } from '../../api/uwsgi-tuning.ts';
import { timeOf } from './duration.ts';
import { changedPods, hasChangeHash } from './evidence.ts';
import type { ChangeContext } from './forward.ts';
import { isOldText, renderPutBack, textState } from './render.ts';
import { livePods, rolloutVerdict } from './rollout.ts';
import { judgePod, measureAgain } from './pod-check.ts';
import { NEEDS_USER, type Snapshot, type WorkloadView } from './snapshot.ts';
import { finish, goOn, type Step } from './step.ts';

export function stepPutBack(change: Change, context: ChangeContext): Step {
  const { snapshot, now } = context;
  const deleted = snapshot.tuning.metadata.deletionTimestamp !== undefined;
  const overdue = now >= timeOf(change.putBack?.deadline);
  if (change.putBack?.failed === true && factsChanged(change, snapshot)) {
    return finish(change, 'Failed', 'PutBackFailed', 'the old config could not be put back', now);
  }
  if (deleted && overdue) return finish(change, 'Failed', 'PutBackFailed', 'the tuning was deleted; gave up', now);
  if (snapshot.configMap?.text == null) {
    // A roll would start pods that cannot mount it.
    return finish(change, 'Superseded', 'ConfigMapGone', 'the ConfigMap or its key was deleted', now);
  }
  const step =
    restoreText(change, context) ??
    restoreAnnotation(change, context) ??
    awaitRollout(change, context, deleted, overdue);
  if (step.action === null || step.action.kind === 'Sample') return step;
  if (snapshot.readOnly) {
    return stuck(change, 'PutBackHeld', 'the controller runs with --read-only; the old config waits to be put back');
  }
  if (!overdue) return step;
  const message = `the old config could not be written back by ${change.putBack?.deadline ?? ''}; it is tried on`;
  return { ...failed(change, message, snapshot), action: step.action };
}

/** A step while the text is not yet the old one; null once it is, or when there is nothing left to restore it in. */
function restoreText(change: Change, { snapshot }: ChangeContext): Step | null {
  const { configMap, saved } = snapshot;
  const state = textState(configMap, change);
  if (state === 'Missing' || state === 'Old' || state === 'Foreign' || configMap?.text == null) return null;
  if (saved === null || !isOldText(saved, change)) {
    return failed(change, 'the saved copy of the old config is gone or is another one', snapshot);
  }
  const rendered = renderPutBack(configMap.text, saved, change);
  if (!rendered.ok)
    return failed(change, `the old values cannot be put into the edited text: ${rendered.message}`, snapshot);
  if (rendered.text === configMap.text) return null;
  const { name, uid, resourceVersion } = configMap;
  const key = change.configMap?.key ?? '';
  const action = { kind: 'WriteText', configMap: name, key, text: rendered.text, uid, resourceVersion } as const;
  return goOn(change, { ...puttingBack(change), action });
}

/** A step while the annotation is not what it shall be; null once it is. */
function restoreAnnotation(change: Change, { snapshot }: ChangeContext): Step | null {
  const { workload } = snapshot;
  const putBack = change.putBack ?? {};
  const isSame = workload?.uid === change.workload?.uid;
  // A Deployment that replaced ours is restarted only when its pods are found to run our text.
  if (workload === null || (!isSame && putBack.rerolled !== true)) return null;
  if (isSame && putBack.freshAnnotation === undefined) {
    const fresh = startedWithNewText(change, snapshot);
    return goOn({ ...change, putBack: { ...putBack, freshAnnotation: fresh } }, puttingBack(change));
  }
  const wanted = restoredAnnotation(change);
  const mayWrite = putBack.rerolled === true || isOurs(change, workload.configHash);
  if (workload.configHash === wanted || !mayWrite) return null;
  const action = { kind: 'Annotate', workload: workload.name, uid: workload.uid, value: wanted } as const;
  return goOn(change, { ...puttingBack(change), action });
}

/** What was there before; a value of its own where pods must restart that the old value would not restart. */
function restoredAnnotation(change: Change): string | null {
  const { freshAnnotation, rerolled } = change.putBack ?? {};
  const fresh = `${change.oldHash ?? ''}-${change.id ?? ''}`;
  if (rerolled === true) return `${fresh}-2`;
  return freshAnnotation === true ? fresh : (change.previousAnnotation ?? null);
}

function isOurs(change: Change, annotation: string | null): boolean {
  return hasChangeHash(change, annotation) || annotation === (change.previousAnnotation ?? null);
}

/** Whether a pod of the old template started after the plan: it may run the new text and only a restart cures it. */
function startedWithNewText(change: Change, snapshot: Snapshot): boolean {
  return changedPods(change, snapshot.pods).some((pod) => !hasChangeHash(change, pod.configHash));
}

function awaitRollout(change: Change, context: ChangeContext, deleted: boolean, overdue: boolean): Step {
  const { snapshot, now } = context;
  const why = `${change.putBack?.reason ?? ''}: ${change.putBack?.message ?? ''}`;
  const { workload } = snapshot;
  const done = finish(change, 'PutBack', change.putBack?.reason ?? 'PutBack', why, now);
  if (deleted || workload === null) return done;
  const rollout = rolloutVerdict(workload);
  if (rollout.state === 'Done') return checkPods(change, context, overdue) ?? done;
  if (overdue && workload.uid !== change.workload?.uid) return done;
  if (overdue)
    return failed(change, `the old config is back but its rollout is not complete: ${rollout.message}`, snapshot);
  return goOn(change, {
    reason: 'PuttingBack',
    message: `${why}; the old config rolls out until ${change.putBack?.deadline ?? ''}`,
  });
}

/** A step while a pod still runs what was taken back, or may: its mount was stale when it started. Null when none does. */
function checkPods(change: Change, context: ChangeContext, overdue: boolean): Step | null {
  const { snapshot } = context;
  const restored = { from: change.to ?? {}, to: change.from ?? {} };
  const judged = livePods(snapshot.pods)
    .filter((pod) => pod.ready && pod.running)
    .map((pod) => judgePod(restored, pod, context, overdue))
    .filter(({ failureCode }) => failureCode === null || !(overdue || NEEDS_USER.includes(failureCode)));
  if (judged.some(({ isFinal }) => !isFinal)) {
    return goOn(change, { ...puttingBack(change), action: measureAgain(judged) });
  }
  const stale = judged.find(({ applied }) => applied?.state === 'Stale')?.applied;
  if (stale?.state !== 'Stale' || snapshot.workload === null) return null;
  return rollOnceMore(change, snapshot.workload, stale.message, snapshot);
}

/** Status says so first, then the annotation follows; the second time somebody is needed. */
function rollOnceMore(change: Change, workload: WorkloadView, message: string, snapshot: Snapshot): Step {
  if (change.putBack?.rerolled !== true) {
    const next = { ...change, putBack: { ...change.putBack, rerolled: true } };
    return goOn(next, { reason: 'PuttingBack', message: `rolls once more: ${message}` });
  }
  return failed(change, `the old config is back but not in force in Deployment ${workload.name}: ${message}`, snapshot);
}

function puttingBack(change: Change): Pick<Step, 'reason' | 'message'> {
  return { reason: 'PuttingBack', message: `${change.putBack?.reason ?? ''}: ${change.putBack?.message ?? ''}` };
}

function failed(change: Change, message: string, snapshot: Snapshot): Step {
  const image = snapshot.workload?.candidates[0]?.image ?? '';
  const generation = snapshot.tuning.metadata.generation ?? 0;
  const already = change.putBack?.failed === true;
  const next = already ? change : { ...change, generation, putBack: { ...change.putBack, failed: true, image } };
  return stuck(next, 'PutBackFailed', message);
}

function stuck(change: Change, reason: string, message: string): Step {
  return goOn(change, { reason, message, stalled: true });
}

/** A failed put-back stays until the spec or the image changes. */
function factsChanged(change: Change, snapshot: Snapshot): boolean {
  const generation = snapshot.tuning.metadata.generation ?? 0;
  const image = snapshot.workload?.candidates[0]?.image ?? '';
  return generation > (change.generation ?? 0) || image !== (change.putBack?.image ?? image);
}
