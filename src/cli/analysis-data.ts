/** The analysis as data for `-o json` and `-o yaml`: a contract. Sizes are KiB where the name says so, else bytes. */
import type { ProcessFootprint } from '../core/memory/sample.ts';
import { toKib, type Bytes } from '../core/quantity.ts';
import type { Recommendation, Values } from '../core/recommend/types.ts';
import type { Analysis } from './analysis.ts';

export function analysisData(analysis: Analysis): Record<string, unknown> {
  const { totals, result, current, limit } = analysis;
  return {
    processes: analysis.pods.flatMap((pod) => pod.processes.map(processData)),
    totals: {
      mappedKiB: inKib(totals.mapped),
      rssKiB: inKib(totals.rss),
      pssKiB: inKib(totals.pss),
      threadStackMappedKiB: inKib(totals.stackMapped),
      threadStackResidentKiB: inKib(totals.stackResident),
    },
    current: valuesData(current),
    limit: limit === null ? null : { bytes: limit.bytes, source: limit.source },
    recommendation: result.kind === 'Recommendation' ? recommendationData(result) : null,
    reasons: analysis.reasons,
    budget: result.budget.map(({ name, bytes, expectedBytes, provenance, detail }) => ({
      name,
      bytes,
      expectedBytes,
      provenance,
      detail,
    })),
    budgetLimitBytes: result.budgetLimit,
    threadStackTable: analysis.stackTable.map(({ size, mapped, provenance, blog, risk }) => ({
      sizeKiB: toKib(size),
      mappedKiB: toKib(mapped),
      provenance,
      blog,
      risk: risk === null ? null : { kind: risk.kind, text: risk.text },
    })),
    samples: analysis.pods.map(({ pod, quality, takenAt }) => ({ pod, quality: { ...quality }, takenAt })),
    platform: { ...analysis.platform },
  };
}

function processData({ pid, role, threadStacks, rss, pss, arenas }: ProcessFootprint): Record<string, unknown> {
  return {
    pid,
    role,
    threadStacks: {
      count: threadStacks.count,
      sizeKiB: inKib(threadStacks.size),
      mappedKiB: inKib(threadStacks.mapped),
      residentKiB: inKib(threadStacks.resident),
      highWaterKiB: inKib(threadStacks.highWater),
    },
    rssKiB: inKib(rss),
    pssKiB: inKib(pss),
    arenas: { count: arenas.count, residentKiB: inKib(arenas.resident) },
  };
}

function recommendationData(result: Recommendation): Record<string, unknown> {
  return {
    ...valuesData(result),
    uncapped: result.uncapped === null ? null : valuesData(result.uncapped),
    confidence: result.confidence,
    chargedBytes: result.charged,
    expectedBytes: result.expectedUsage,
    worstCaseBytes: result.worstCase,
    savings: { mappedBytes: result.savings.mapped, residentBytes: result.savings.resident },
    stack: { decidedBy: result.stack.decidedBy, explanation: result.stack.explanation },
  };
}

function valuesData({ processes, threads, threadStackSize }: Values): Record<string, unknown> {
  return { processes, threads, threadStackSizeKiB: inKib(threadStackSize) };
}

function inKib(size: Bytes | null): number | null {
  return size === null ? null : toKib(size);
}
