/**
 * Conditions by the kstatus convention: Reconciling and Stalled are abnormal when True; a reader that waits takes
 * Stalled as failed and Reconciling as in progress.
 */
import { shortened } from './sentence.ts';
import type { Condition } from './uwsgi-tuning.ts';

export type ConditionType = 'Ready' | 'Reconciling' | 'Stalled' | 'RecommendationProvided' | 'Applied';

/** A condition as it should be; times and generation are filled in by `setConditions`. */
export interface WantedCondition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

const MAX_MESSAGE = 1024;

/**
 * The new list: the wanted conditions replace those of their type where they stand, others stay. The transition time
 * moves only when the status changes, so that an unchanged state gives an unchanged list, whichever of them were asked.
 */
export function setConditions(
  present: readonly Condition[],
  wanted: readonly WantedCondition[],
  generation: number,
  now: string,
): Condition[] {
  const known = present.map((before) => {
    const want = wanted.find(({ type }) => type === before.type);
    return want === undefined ? before : fill(want, before, generation, now);
  });
  const fresh = wanted.filter((want) => !present.some(({ type }) => type === want.type));
  return [...known, ...fresh.map((want) => fill(want, undefined, generation, now))];
}

function fill(want: WantedCondition, before: Condition | undefined, generation: number, now: string): Condition {
  return {
    type: want.type,
    status: want.status,
    observedGeneration: generation,
    lastTransitionTime: before?.status === want.status ? before.lastTransitionTime : now,
    // A status that somebody edited may hand an empty one on, which the API server refuses.
    reason: want.reason === '' ? 'Unknown' : want.reason,
    message: shortened(want.message, MAX_MESSAGE),
  };
}

/** A wanted condition that is True or False. */
export function condition(type: ConditionType, isTrue: boolean, reason: string, message: string): WantedCondition {
  return { type, status: isTrue ? 'True' : 'False', reason, message };
}
