/**
 * When a status is worth a write. An idle tuning writes nothing: figures that drift with every sample are written with
 * the next write that has another reason, and at most hourly on their own (design.md 5, "Persist").
 */
import type { TuningStatus } from '../../api/uwsgi-tuning.ts';
import { timeOf } from './duration.ts';
import type { RefusalReason } from '../recommend/types.ts';

export const ORDINARY_WRITE_INTERVAL_MS = 3_600_000;

/** What the digest says of itself, against the one in status. */
export interface DigestNews {
  /** A new maximum or another fact that must survive at once. */
  readonly material: boolean;
  /** More history, worth an hourly write. */
  readonly worthKeeping: boolean;
}

/** Whether to write `wanted` over `stored`. */
export function worthWriting(stored: TuningStatus, wanted: TuningStatus, news: DigestNews): boolean {
  if (stableText(stored) !== stableText(wanted)) return true;
  if (wanted.sample === undefined || wanted.sample.time === stored.sample?.time) return false;
  const since = timeOf(wanted.sample.time) - timeOf(stored.sample?.time);
  return news.material || (news.worthKeeping && since >= ORDINARY_WRITE_INTERVAL_MS);
}

/** Their messages carry figures that drift with every sample. */
const REFUSALS: ReadonlySet<string> = new Set<RefusalReason>([
  'NoSample',
  'NoResidentMemory',
  'BoundsImpossible',
  'HighWaterUnknown',
  'InvalidPolicy',
  'DoesNotFit',
]);

/** The part of a status that changes only when something happened, as text with sorted keys. */
function stableText(status: TuningStatus): string {
  const { current, recommendation, sample, conditions, change, rejected, history, observedGeneration, limit } = status;
  return canonical({
    observedGeneration,
    conditions: conditions?.map((entry) => (REFUSALS.has(entry.reason) ? { ...entry, message: '' } : entry)),
    change,
    rejected: rejected ?? [],
    history: history ?? [],
    limit: limit === undefined ? undefined : { limit: limit.limit, source: limit.source },
    current: current?.summary,
    recommendation: recommendation?.summary,
    tier: sample?.tier,
    tierReason: sample?.tierReason,
    platform: sample?.platform,
  });
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)));
  });
}
