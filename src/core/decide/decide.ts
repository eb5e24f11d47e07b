/** Snapshot and time to Decision: the only place where the phases of a tuning meet. Reads nothing, writes nothing. */
import { condition, setConditions, type WantedCondition } from '../../api/conditions.ts';
import { CHANGE_FINALIZER, type Change, type TuningStatus } from '../../api/uwsgi-tuning.ts';
import { decodeDigest, isMaterial, isWorthKeeping } from '../recommend/digest.ts';
import { CHANGE_POLL_MS, TROUBLE_POLL_MS, type Action, type Decision } from './decision.ts';
import { stepForward, type ChangeContext } from './forward.ts';
import { boundStatus } from './bound-status.ts';
import { assessIdle, type IdleOutcome } from './idle.ts';
import { measure, readText, recyclesWorkers } from './measure.ts';
import { worthWriting } from './persist.ts';
import { policyInForce, readPolicy, type Policy } from './policy.ts';
import { stepPutBack } from './put-back.ts';
import type { Snapshot } from './snapshot.ts';
import { finish, HISTORY_LENGTH, withFinished, type Step } from './step.ts';
import { findTrouble } from './trouble.ts';

export function decide(snapshot: Snapshot, now: number): Decision {
  const { tuning } = snapshot;
  const change = tuning.status?.change;
  const hasFinalizer = tuning.metadata.finalizers?.includes(CHANGE_FINALIZER) === true;
  const { policy, problems } = readPolicy(tuning.spec);
  if (change !== undefined) {
    const reading = readText(snapshot, policyInForce(policy, change));
    const context: ChangeContext = {
      snapshot,
      now,
      hasFinalizer,
      hasCheaper: reading?.cheaper.value != null,
      recycles: reading !== null && recyclesWorkers(reading),
    };
    return decideChange(snapshot, policy, stepChange(change, context), now);
  }
  if (hasFinalizer) return { status: null, action: { kind: 'RemoveFinalizer' }, requeueAfterMs: CHANGE_POLL_MS };
  if (tuning.metadata.deletionTimestamp !== undefined) return { status: null, action: null, requeueAfterMs: 3_600_000 };
  const trouble = findTrouble(snapshot, policy, [...snapshot.problems, ...problems], now);
  if (trouble !== null) {
    const status = { ...tuning.status, ...conditionsOf(snapshot, trouble.conditions, now) };
    return conclude(snapshot, status, null, TROUBLE_POLL_MS);
  }
  return decideIdle(snapshot, assessIdle(snapshot, policy, now), now);
}

function stepChange(change: Change, context: ChangeContext): Step {
  if (context.snapshot.terminating) {
    // What it holds is deleted in any order: nothing can be put back, and nothing would last.
    return finish(change, 'Superseded', 'NamespaceTerminating', 'the namespace is being deleted', context.now);
  }
  return change.direction === 'PutBack' ? stepPutBack(change, context) : stepForward(change, context);
}

/** A change in flight: the step's result, with the figures of the newest samples. */
function decideChange(snapshot: Snapshot, policy: Policy, step: Step, now: number): Decision {
  const stored = snapshot.tuning.status ?? {};
  const verifying =
    step.change?.direction === 'Forward' && step.change.rolledOutAt !== undefined && step.action === null;
  const measured = verifying ? measure(snapshot, policy, now) : null;
  const { change: _ended, ...rest } = { ...stored, ...measured?.report };
  const status: TuningStatus = {
    ...rest,
    ...conditionsOf(snapshot, changeConditions(step), now),
    ...(step.change === null ? {} : { change: step.change }),
    ...(step.rejected === null
      ? {}
      : { rejected: [step.rejected, ...(stored.rejected ?? [])].slice(0, HISTORY_LENGTH) }),
    ...withFinished(stored, step.finished),
  };
  return conclude(
    snapshot,
    status,
    step.action ?? measured?.sample ?? null,
    step.stalled ? TROUBLE_POLL_MS : CHANGE_POLL_MS,
  );
}

function changeConditions(step: Step): WantedCondition[] {
  const { reason, message } = step;
  const inFlight = step.change !== null;
  const applied = step.finished?.verdict === 'Verified';
  return [
    condition('Reconciling', inFlight && !step.stalled, inFlight ? reason : 'Settled', inFlight ? message : ''),
    condition('Stalled', step.stalled, step.stalled ? reason : 'Progressing', step.stalled ? message : ''),
    condition('Applied', applied, reason, message),
  ];
}

function decideIdle(snapshot: Snapshot, outcome: IdleOutcome, now: number): Decision {
  const { change: _none, ...stored } = snapshot.tuning.status ?? {};
  const status: TuningStatus = {
    ...(outcome.report === null ? stored : withoutMeasured(stored)),
    ...outcome.report,
    ...conditionsOf(snapshot, outcome.conditions, now),
    ...(outcome.change === null ? {} : { change: outcome.change }),
  };
  return conclude(snapshot, status, outcome.action, outcome.requeueAfterMs);
}

/** What a report replaces whole: a value that is no longer known must not stay. */
function withoutMeasured(status: TuningStatus): TuningStatus {
  const {
    current: _c,
    limit: _l,
    recommendation: _r,
    budget: _b,
    savings: _s,
    worstCase: _w,
    sample: _m,
    ...rest
  } = status;
  return rest;
}

/** One effect per reconcile: a status that must be written goes first, and the action waits for the next look. */
function conclude(snapshot: Snapshot, wanted: TuningStatus, action: Action | null, requeueAfterMs: number): Decision {
  const stored = snapshot.tuning.status ?? {};
  const status = boundStatus(wanted);
  const persisted = decodeDigest(stored.sample?.digest);
  const news = {
    material: isMaterial(persisted, snapshot.digest),
    worthKeeping: isWorthKeeping(persisted, snapshot.digest),
  };
  const write = worthWriting(stored, status, news);
  return { status: write ? status : null, action, requeueAfterMs };
}

function conditionsOf(
  snapshot: Snapshot,
  wanted: readonly WantedCondition[],
  now: number,
): Pick<TuningStatus, 'conditions' | 'observedGeneration'> {
  const generation = snapshot.tuning.metadata.generation ?? 0;
  const present = snapshot.tuning.status?.conditions ?? [];
  const time = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
  return { observedGeneration: generation, conditions: setConditions(present, wanted, generation, time) };
}
