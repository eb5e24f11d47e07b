/**
 * Keeps a status within 16 KiB of JSON, whatever the workload and whatever failed how often. Sentences are shortened
 * first, then the oldest entries go; what decisions rest on (the change, the newest rejections, the digest) stays.
 */
import { shortened } from '../../api/sentence.ts';
import type { TuningStatus } from '../../api/uwsgi-tuning.ts';

export const MAX_STATUS_BYTES = 16 * 1024;

type Trim = (status: TuningStatus) => TuningStatus;

/** In the order in which they are tried; each works on what the one before left. */
const TRIMS: readonly Trim[] = [
  (status) => shortenSentences(status, 240),
  (status) => shortenSentences(status, 120),
  (status) => keepEntries(status, 5),
  (status) => shortenSentences(status, 60),
  (status) => keepEntries(status, 2),
];

export function boundStatus(status: TuningStatus): TuningStatus {
  let bounded = status;
  for (const trim of TRIMS) {
    if (jsonBytes(bounded) <= MAX_STATUS_BYTES) return bounded;
    bounded = trim(bounded);
  }
  return bounded;
}

function shortenSentences(status: TuningStatus, length: number): TuningStatus {
  const { conditions, history, rejected, recommendation, change } = status;
  const shortMessage = <T extends { message?: string }>(entry: T): T =>
    entry.message === undefined ? entry : { ...entry, message: shortened(entry.message, length) };
  return {
    ...status,
    ...(conditions === undefined ? {} : { conditions: conditions.map(shortMessage) }),
    ...(history === undefined ? {} : { history: history.map(shortMessage) }),
    ...(rejected === undefined ? {} : { rejected: rejected.map(shortMessage) }),
    ...(change?.putBack === undefined ? {} : { change: { ...change, putBack: shortMessage(change.putBack) } }),
    ...(recommendation?.reasons === undefined
      ? {}
      : {
          recommendation: { ...recommendation, reasons: recommendation.reasons.map((text) => shortened(text, length)) },
        }),
  };
}

function keepEntries(status: TuningStatus, count: number): TuningStatus {
  const { history, rejected } = status;
  return {
    ...status,
    ...(history === undefined ? {} : { history: history.slice(0, count) }),
    ...(rejected === undefined ? {} : { rejected: rejected.slice(0, count) }),
  };
}

function jsonBytes(status: TuningStatus): number {
  return new TextEncoder().encode(JSON.stringify(status)).length;
}
