import { describe, expect, test } from 'vitest';
import { reportFindings, type Findings } from '../../../src/core/decide/report.ts';
import { bytes, kib, mib, type Bytes } from '../../../src/core/quantity.ts';
import { addSample, emptyDigest, usageOf } from '../../../src/core/recommend/digest.ts';
import type { Recommendation, Refusal } from '../../../src/core/recommend/types.ts';
import { sample } from '../../support/builders.ts';
import { START } from './builders.ts';

const VALUES = { processes: 4, threads: 20, threadStackSize: mib(8) };
const TARGET = { processes: 4, threads: 20, threadStackSize: kib(512) };
const LINE = { name: 'master', bytes: mib(9), expectedBytes: mib(8), provenance: 'measured', detail: '9Mi' } as const;
const RECOMMENDATION: Recommendation = {
  kind: 'Recommendation',
  ...TARGET,
  uncapped: { processes: 6, threads: 20, threadStackSize: kib(512) },
  confidence: 0.8333,
  budget: [LINE],
  charged: mib(9),
  budgetLimit: bytes(912_680_550),
  expectedUsage: bytes(300_000_001),
  worstCase: mib(812),
  savings: { mapped: mib(2970), resident: -12 * 1024 },
  stack: { size: kib(512), decidedBy: 'RuntimeFloor', explanation: 'because' },
  reasons: Array.from({ length: 20 }, (_, index) => `${index} ${'x'.repeat(600)}`),
};
const REFUSAL: Refusal = {
  kind: 'Refusal',
  reason: 'DoesNotFit',
  message: 'too much',
  budget: [LINE],
  budgetLimit: null,
  confidence: 0,
};

function findings(overrides: Partial<Findings> = {}): Findings {
  const first = sample({ ...VALUES, stack: mib(8), takenAt: START });
  const second = sample({ ...VALUES, stack: mib(8), takenAt: START + 1000, podUid: 'pod-2', privateEach: mib(30) });
  const digest = addSample(emptyDigest(), first, { image: 'shop/web:1', nowMs: START });
  return {
    round: { at: START + 2000, samples: [first, second], failures: [] },
    digest,
    current: VALUES,
    usage: usageOf(digest, START),
    overBudget: false,
    limit: { bytes: mib(1024), source: 'template' },
    result: RECOMMENDATION,
    target: TARGET,
    ...overrides,
  };
}

test('the report shows what runs, what should, and the lines of the sum', () => {
  const report = reportFindings(findings());
  expect(report.current).toEqual({
    processes: 4,
    threads: 20,
    threadStackSize: '8Mi',
    summary: '4x20 8Mi',
    threadStacks: { perWorker: 19, mapped: '608Mi', resident: '1216Ki', hugePages: '0', highWater: '20Ki' },
  });
  expect(report.limit).toEqual({ limit: '1Gi', source: 'template', budget: '891290Ki' });
  expect(report.budget).toEqual([{ name: 'master', bytes: mib(9), expectedBytes: mib(8), provenance: 'measured' }]);
  expect(report.recommendation).toMatchObject({
    processes: 4,
    threads: 20,
    threadStackSize: '512Ki',
    summary: '4x20 512Ki',
    uncapped: { processes: 6, threads: 20, threadStackSize: '512Ki', summary: '6x20 512Ki' },
    confidence: '0.83',
    expectedMemory: '292969Ki',
    stackDecidedBy: 'RuntimeFloor',
  });
  expect(report.savings).toEqual({ mapped: '2970Mi', resident: '-12Ki' });
  expect(report.worstCase).toBe('812Mi');
});

test('sentences are bounded in number and length', () => {
  const reasons = reportFindings(findings()).recommendation?.reasons ?? [];
  expect(reasons.length).toBeLessThanOrEqual(16);
  expect(reasons.length).toBeGreaterThan(0);
  expect(Math.max(...reasons.map((reason) => reason.length))).toBeLessThanOrEqual(512);
});

test('of a refusal the sum is shown that was tried, and nothing is recommended', () => {
  const report = reportFindings(findings({ result: REFUSAL, target: null }));
  expect(report.budget).toHaveLength(1);
  expect(report.recommendation).toBeUndefined();
  expect(report.savings).toBeUndefined();
  expect(report.worstCase).toBeUndefined();
  expect(report.limit).toEqual({ limit: '1Gi', source: 'template' });
});

describe('the sample', () => {
  test('is of the round, with the most memory of any pod', () => {
    const { sample: shown } = reportFindings(findings());
    expect(shown).toMatchObject({
      tier: 'smaps',
      time: '2026-01-01T00:00:02.000Z',
      pods: 2,
      platform: 'Linux 6.18.0 x86_64, glibc 2.36, Python 3.11, huge pages madvise',
    });
    // Four workers of 30 MiB + 19 stacks of 16 KiB + 1 MiB shared, 8 MiB of the rest, and 20 - 10 MiB of the cgroup.
    const used: Bytes = bytes(4 * (mib(31) + 19 * kib(16)) + mib(8) + mib(10));
    expect(shown?.memoryUsed).toBe(`${used / kib(1)}Ki`);
    expect(shown).not.toHaveProperty('tierReason');
  });

  test('is of tier status when one pod is, and says why', () => {
    const round = { at: START, samples: [sample({ ...VALUES, stack: mib(8), tier: 'status' })], failures: [] };
    const shown = reportFindings(findings({ round })).sample;
    expect([shown?.tier, shown?.tierReason]).toEqual(['status', 'smaps cannot be read']);
  });
});

test('without a limit none is shown', () => {
  expect(reportFindings(findings({ limit: null }))).not.toHaveProperty('limit');
});
