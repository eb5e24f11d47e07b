/** What the product predicts for a shape from samples of others: digest, usage and recommendation as the operator runs them. */
import type { Sample } from '../../src/core/memory/sample.ts';
import { addSample, addVerifiedPoint, emptyDigest, usageOf, type Digest } from '../../src/core/recommend/digest.ts';
import type { Shape } from '../../src/core/recommend/growth.ts';
import { recommend } from '../../src/core/recommend/recommend.ts';
import type { RecommendInput } from '../../src/core/recommend/types.ts';

/** One shape as it ran: its samples, oldest first, and the usage of its cgroup without file cache. */
export interface Observation extends Shape {
  readonly samples: readonly Sample[];
  /** Requests that each connection had answered: where it falls, the machine was short of CPU and the load another. */
  readonly served: number;
  /** Bytes of the average pod, each the median of several readings. */
  readonly measured: number;
}

/** Bytes. */
export interface Prediction {
  readonly charged: number;
  readonly expected: number;
  /** Private memory of one worker. */
  readonly privateExpected: number;
}

const IMAGE = 'bench';

/** Private memory of one worker in bytes, as the digest of this observation alone has it. */
export function privateOf(observation: Observation): number {
  return usageOf(digestOf([observation]), 0).private?.expected ?? NaN;
}

/** Predicts `to` from one observation, or from two of which the workload went to the second by a verified change. */
export function predict(from: readonly Observation[], to: Shape): Prediction {
  const result = recommend(inputFor(from, to));
  if (result.kind === 'Refusal') throw new Error(`${to.processes} x ${to.threads}: ${result.message}`);
  const workers = result.budget.find(({ name }) => name === 'workers');
  return {
    charged: result.charged,
    expected: result.expectedUsage,
    privateExpected: (workers?.expectedBytes ?? NaN) / to.processes,
  };
}

function inputFor(from: readonly Observation[], to: Shape): RecommendInput {
  const now = from.at(-1);
  const newest = now?.samples.at(-1);
  if (now === undefined || newest === undefined) throw new Error('nothing was observed');
  const limit = newest.cgroup.limit;
  if (limit === null) throw new Error('the samples show no memory limit');
  const exactly = (count: number): { min: number; max: number } => ({ min: count, max: count });
  return {
    usage: usageOf(digestOf(from), newest.takenAt),
    current: { processes: now.processes, threads: now.threads, threadStackSize: null },
    cheaper: null,
    limit: { bytes: limit, source: 'cgroup' },
    platform: newest.platform,
    policy: {
      objective: 'PreserveConcurrency',
      bounds: {
        processes: exactly(to.processes),
        threads: exactly(to.threads),
        threadStackSize: { min: null, max: null, allowBelowFloor: false },
      },
      controlled: ['Processes', 'Threads'],
      headroomPercent: 0,
      stackCharge: 'HighWater',
    },
    lessons: [],
    threadsTunable: true,
  };
}

function digestOf(observations: readonly Observation[]): Digest {
  let digest = emptyDigest();
  observations.forEach(({ samples, threads }, index) => {
    for (const sample of samples) digest = addSample(digest, sample, { image: IMAGE, nowMs: sample.takenAt, threads });
    if (index > 0) digest = addVerifiedPoint(digest, IMAGE, threads);
  });
  return digest;
}
