/** A tuning without a change in flight: measure, recommend, and plan a change where the policy wants one. */
import { condition, type WantedCondition } from '../../api/conditions.ts';
import type { Change, Condition } from '../../api/uwsgi-tuning.ts';
import { TROUBLE_POLL_MS, type Action } from './decision.ts';
import { measure, type Measurement } from './measure.ts';
import { planChange, type Plan } from './plan.ts';
import type { Policy } from './policy.ts';
import type { Measured, Findings } from './report.ts';
import { NEEDS_USER, type SampleFailureCode, type Snapshot } from './snapshot.ts';
import { sameValues, summarize } from './values.ts';

export interface IdleOutcome {
  readonly report: Measured | null;
  readonly conditions: readonly WantedCondition[];
  readonly change: Change | null;
  readonly action: Action | null;
  readonly requeueAfterMs: number;
}

export function assessIdle(snapshot: Snapshot, policy: Policy, now: number): IdleOutcome {
  const measured = measure(snapshot, policy, now);
  const { sample: action, nextSampleMs: requeueAfterMs, report, findings } = measured;
  const idle = { report, change: null, action, requeueAfterMs };
  if (findings === null) return { ...idle, ...withoutFindings(snapshot, measured) };
  const { result } = findings;
  const ready = condition('Ready', true, 'Measured', 'the pods are measured');
  if (result.kind === 'Refusal') {
    const isStalled = result.reason === 'BoundsImpossible' || result.reason === 'InvalidPolicy';
    return {
      ...idle,
      conditions: [
        ready,
        condition('RecommendationProvided', false, result.reason, result.message),
        condition('Applied', false, 'NoRecommendation', result.reason),
        ...settled(isStalled ? { reason: result.reason, message: result.message } : null),
      ],
    };
  }
  const unlimited = findings.limit === null ? 'only the stack is sized: no memory limit is known; ' : '';
  const where = `${unlimited}see status.recommendation and status.budget`;
  const provided = condition('RecommendationProvided', true, 'Recommended', where);
  const applied = assessApplied(snapshot, policy, findings, now);
  const conditions = [ready, provided, ...applied.conditions];
  if (applied.change !== null) return { ...idle, conditions, change: applied.change, action: null, requeueAfterMs: 0 };
  // A gate that should have opened by now opens with the next sample, or with somebody's help.
  const { opensAt } = applied;
  const opens = opensAt === null || opensAt <= now ? requeueAfterMs : Math.min(requeueAfterMs, opensAt - now);
  return {
    ...idle,
    conditions,
    action: action ?? applied.action,
    requeueAfterMs: Math.max(opens, action === null ? 500 : 0),
  };
}

interface AppliedOutcome {
  readonly conditions: readonly WantedCondition[];
  readonly change: Change | null;
  readonly action: Action | null;
  readonly opensAt: number | null;
}

function assessApplied(snapshot: Snapshot, policy: Policy, findings: Findings, now: number): AppliedOutcome {
  const { current, target, result, usage, overBudget } = findings;
  const { workload, configMap } = snapshot;
  const say = (
    isTrue: boolean,
    reason: string,
    message: string,
    more: Partial<AppliedOutcome> = {},
  ): AppliedOutcome => ({
    conditions: [condition('Applied', isTrue, reason, message), ...settled(null)],
    change: null,
    action: null,
    opensAt: null,
    ...more,
  });
  if (target === null || workload === null || configMap === null) return say(false, 'NoRecommendation', '');
  if (sameValues(current, target)) return say(true, 'UpToDate', `the recommended ${summarize(target)} is in force`);
  if (policy.mode === 'Recommend') {
    return say(false, 'RecommendMode', 'updatePolicy.mode is Recommend: nothing is written');
  }
  const proposal = {
    snapshot,
    policy,
    workload,
    from: current,
    to: target,
    overBudget,
    samples: usage.samples,
    observedSince: usage.ageMs === null ? null : now - usage.ageMs - usage.observedMs,
    now,
  };
  const expected = result.kind === 'Recommendation' ? result.expectedUsage : null;
  const plan: Plan = planChange(proposal, configMap, expected);
  switch (plan.kind) {
    case 'Refused':
      return say(false, plan.reason, plan.message);
    case 'Held':
      return say(false, plan.gate.reason, plan.gate.message, { opensAt: plan.gate.opensAt });
    case 'Preflight':
      // The Applied condition keeps what it said: a look-up is no news.
      return { conditions: settled(null), change: null, action: plan, opensAt: null };
    case 'Change':
      return {
        conditions: [
          condition('Applied', false, 'Changing', `${summarize(current)} to ${summarize(target)}`),
          condition('Reconciling', true, 'Applying', `changes ${summarize(current)} to ${summarize(target)}`),
          condition('Stalled', false, 'Progressing', ''),
        ],
        change: plan.change,
        action: null,
        opensAt: null,
      };
  }
}

/** Conditions while nothing is measured: a first sample is awaited, or every pod refused. */
function withoutFindings(
  snapshot: Snapshot,
  { sample }: Measurement,
): Pick<IdleOutcome, 'conditions'> & Partial<IdleOutcome> {
  const { round } = snapshot;
  const everMeasured = snapshot.tuning.status?.sample?.time !== undefined;
  const failure = round?.failures[0];
  if (failure !== undefined) {
    const message = sameFailure(snapshot, failure.code) ?? `pod ${failure.pod}: ${failure.message}`;
    const needsUser = NEEDS_USER.includes(failure.code);
    // Ready stays True after the first sample: one round that failed by chance is no news.
    if (everMeasured && !needsUser && readyCondition(snapshot)?.status === 'True') return { conditions: [] };
    return {
      conditions: [
        condition('Ready', false, failure.code, message),
        condition('Applied', false, failure.code, 'nothing is changed without a measurement'),
        condition('Reconciling', !needsUser, needsUser ? 'Settled' : failure.code, needsUser ? '' : message),
        condition('Stalled', needsUser, needsUser ? failure.code : 'Progressing', needsUser ? message : ''),
      ],
    };
  }
  if (everMeasured && (sample !== null || readyCondition(snapshot)?.status === 'True')) return { conditions: [] };
  const reason = sample === null ? 'NoReadyPod' : 'FirstSample';
  const message = sample === null ? 'waits for a ready pod to measure' : 'measures the pods for the first time';
  return {
    conditions: [
      { type: 'Ready', status: 'Unknown', reason, message },
      condition('Reconciling', true, reason, message),
      condition('Stalled', false, 'Progressing', ''),
    ],
    requeueAfterMs: TROUBLE_POLL_MS,
  };
}

/** What is said already of such a failure, while the pod it names is there: each round asks other pods. */
function sameFailure(snapshot: Snapshot, code: SampleFailureCode): string | null {
  const said = readyCondition(snapshot);
  if (said?.reason !== code) return null;
  return snapshot.pods.some((pod) => said.message.startsWith(`pod ${pod.name}: `)) ? said.message : null;
}

function readyCondition({ tuning }: Snapshot): Condition | undefined {
  return tuning.status?.conditions?.find((entry) => entry.type === 'Ready');
}

/** Reconciling False, and Stalled with its reason or False. */
function settled(stalled: { reason: string; message: string } | null): WantedCondition[] {
  return [
    condition('Reconciling', false, 'Settled', ''),
    condition('Stalled', stalled !== null, stalled?.reason ?? 'Progressing', stalled?.message ?? ''),
  ];
}
