import { expect, test } from 'vitest';
import type { TuningStatus } from '../../../src/api/uwsgi-tuning.ts';
import { boundStatus, MAX_STATUS_BYTES } from '../../../src/core/decide/bound-status.ts';
import { addSample, emptyDigest, encodeDigest } from '../../../src/core/recommend/digest.ts';
import { kib, mib } from '../../../src/core/quantity.ts';
import { sample } from '../../support/builders.ts';

const size = (status: TuningStatus): number => new TextEncoder().encode(JSON.stringify(status)).length;
const long = (length: number): string => 'ü'.repeat(length);

/** The largest status that the schema lets pass: every text as long as it may be, every list full. */
function largest(): TuningStatus {
  let digest = emptyDigest();
  for (let index = 0; index < 60; index++) {
    const threads = 10 + (index % 4);
    const taken = sample({ processes: 4, threads, stack: kib(512), privateEach: mib(20 + Math.sqrt(index)) });
    digest = addSample(digest, taken, { image: `registry/${'x'.repeat(200)}:${index % 3}`, nowMs: index * 3_600_000 });
  }
  const entry = {
    message: long(512),
    reason: 'R'.repeat(128),
    time: '2026-01-01T00:00:00.000Z',
    image: 'i'.repeat(512),
  };
  const finished = {
    id: '12345678-abcdef',
    from: '10000x10000 1024Mi',
    to: '10000x10000 1024Mi',
    verdict: 'Superseded',
  };
  return {
    observedGeneration: 1,
    conditions: ['Ready', 'Reconciling', 'Stalled', 'RecommendationProvided', 'Applied'].map((type) => ({
      type,
      status: 'True' as const,
      reason: 'R'.repeat(128),
      message: long(1024),
      lastTransitionTime: '2026-01-01T00:00:00Z',
      observedGeneration: 1,
    })),
    recommendation: { processes: 4, reasons: Array.from({ length: 16 }, () => long(512)) },
    budget: Array.from({ length: 10 }, (_, index) => ({
      name: `line ${index} ${'n'.repeat(20)}`,
      bytes: 1e12,
      expectedBytes: 1e12,
      provenance: 'calculated',
    })),
    sample: { tier: 'status', tierReason: long(512), platform: long(256), digest: encodeDigest(digest) },
    rejected: Array.from({ length: 10 }, () => ({ ...entry, lesson: 'StackTooSmall' })),
    history: Array.from({ length: 10 }, () => ({ ...finished, message: long(512), reason: 'R'.repeat(128) })),
    change: { id: 'x', putBack: { reason: 'R'.repeat(128), message: long(1024) } },
  };
}

test('a status stays within 16 KiB however much failed and however long the sentences are', () => {
  const status = largest();
  expect(size(status)).toBeGreaterThan(2 * MAX_STATUS_BYTES);
  const bounded = boundStatus(status);
  expect(size(bounded)).toBeLessThanOrEqual(MAX_STATUS_BYTES);
  expect(bounded.sample?.digest).toEqual(status.sample?.digest);
  expect(bounded.rejected?.[0]).toMatchObject({ lesson: 'StackTooSmall', reason: 'R'.repeat(128) });
  expect(bounded.change?.id).toBe('x');
});

test('a small status is left as it is', () => {
  const status: TuningStatus = { conditions: [], history: [] };
  expect(boundStatus(status)).toBe(status);
});

test('bounding twice is bounding once', () => {
  const once = boundStatus(largest());
  expect(boundStatus(once)).toEqual(once);
});
