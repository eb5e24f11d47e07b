/** The measured and computed part of status. */
import type { TuningStatus } from '../../api/uwsgi-tuning.ts';
import { encodeDigest, type Digest, type Usage } from '../recommend/digest.ts';
import type { MemoryLimit, Recommendation, Refusal } from '../recommend/types.ts';
import { bytes, computedBytes, formatQuantity, type Bytes } from '../quantity.ts';
import type { SampleRound } from './snapshot.ts';
import { describePlatform, memoryUsed, roundToKib, threadStacksStatus } from './usage-report.ts';
import { statusValues, type Values } from './values.ts';

export type Measured = Pick<
  TuningStatus,
  'current' | 'limit' | 'recommendation' | 'budget' | 'savings' | 'worstCase' | 'sample'
>;

/** Everything that the report shows. */
export interface Findings {
  readonly round: SampleRound;
  readonly digest: Digest;
  readonly current: Values;
  readonly usage: Usage;
  /** What runs now does not fit the budget. */
  readonly overBudget: boolean;
  readonly limit: MemoryLimit | null;
  readonly result: Recommendation | Refusal;
  /** The values that would be written: the recommendation with "unset" filled by what runs. */
  readonly target: Values | null;
}

export function reportFindings(findings: Findings): Measured {
  const { round, digest, current, usage, limit, result, target } = findings;
  const newest = [...round.samples].sort((left, right) => right.takenAt - left.takenAt)[0];
  const used = round.samples.map(memoryUsed).filter((value) => value !== null);
  const statusOnly = round.samples.find((sample) => sample.quality.tier === 'status');
  return {
    current: {
      ...statusValues(current),
      ...(newest === undefined ? {} : { threadStacks: threadStacksStatus(newest, usage.stack.highWater) ?? {} }),
    },
    ...(limit === null
      ? {}
      : {
          limit: {
            limit: formatQuantity(limit.bytes),
            source: limit.source,
            ...(result.budgetLimit === null ? {} : { budget: size(result.budgetLimit) }),
          },
        }),
    budget: result.budget.map((line) => ({
      name: line.name,
      bytes: line.bytes,
      expectedBytes: line.expectedBytes,
      provenance: line.provenance,
    })),
    ...(result.kind === 'Refusal' || target === null ? {} : reportRecommendation(result, target)),
    sample: {
      tier: statusOnly === undefined ? 'smaps' : 'status',
      ...(statusOnly?.quality.reason == null ? {} : { tierReason: statusOnly.quality.reason.slice(0, 512) }),
      time: new Date(round.at).toISOString(),
      pods: round.samples.length,
      ...(newest === undefined ? {} : { platform: describePlatform(newest).slice(0, 256) }),
      ...(used.length === 0 ? {} : { memoryUsed: size(bytes(Math.max(...used))) }),
      digest: encodeDigest(digest),
    },
  };
}

function reportRecommendation(result: Recommendation, target: Values): Measured {
  return {
    recommendation: {
      ...statusValues(target),
      ...(result.uncapped === null ? {} : { uncapped: statusValues(result.uncapped) }),
      confidence: result.confidence.toFixed(2),
      expectedMemory: size(result.expectedUsage),
      stackDecidedBy: result.stack.decidedBy,
      reasons: result.reasons.slice(0, 16).map((reason) => reason.slice(0, 512)),
    },
    savings: { mapped: signed(result.savings.mapped), resident: signed(result.savings.resident) },
    worstCase: size(result.worstCase),
  };
}

function size(value: Bytes): string {
  return formatQuantity(roundToKib(value));
}

/** A saving as a quantity; negative where the recommendation needs more. */
function signed(value: number): string {
  const text = size(computedBytes(Math.abs(value)));
  return value < 0 ? `-${text}` : text;
}
