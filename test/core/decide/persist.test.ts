import { describe, expect, test } from 'vitest';
import type { TuningStatus } from '../../../src/api/uwsgi-tuning.ts';
import { worthWriting } from '../../../src/core/decide/persist.ts';
import { change, START } from './builders.ts';

const HOUR = 3_600_000;
const stored: TuningStatus = {
  observedGeneration: 1,
  conditions: [
    { type: 'Ready', status: 'True', reason: 'Measured', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
  ],
  current: { processes: 4, threads: 20, threadStackSize: '8Mi', summary: '4x20 8Mi' },
  recommendation: { processes: 4, threads: 20, threadStackSize: '512Ki', summary: '4x20 512Ki' },
  limit: { limit: '1Gi', source: 'template', budget: '870Mi' },
  sample: { tier: 'smaps', time: new Date(START).toISOString(), pods: 3, memoryUsed: '300Mi' },
  worstCase: '812Mi',
};
const sampled: TuningStatus = {
  ...stored,
  sample: { ...stored.sample, time: new Date(START + 300_000).toISOString(), memoryUsed: '310Mi' },
  worstCase: '813Mi',
};
const NOTHING = { material: false, worthKeeping: false };

describe('a refusal', () => {
  const refused = (reason: string, message: string, time = sampled.sample?.time): TuningStatus => ({
    ...sampled,
    conditions: [{ type: 'RecommendationProvided', status: 'False', reason, message, lastTransitionTime: 'T' }],
    sample: { ...sampled.sample, ...(time === undefined ? {} : { time }) },
  });
  const before = refused('DoesNotFit', '1 x 8 needs 130Mi of 120Mi, short by 10Mi', stored.sample?.time);

  test('whose numbers drift with every sample is not written for that', () => {
    const drifted = refused('DoesNotFit', '1 x 8 needs 131Mi of 120Mi, short by 11Mi');
    expect(worthWriting(before, drifted, NOTHING)).toBe(false);
    expect(worthWriting(before, drifted, { ...NOTHING, material: true })).toBe(true);
  });

  test('for another reason is written', () => {
    expect(worthWriting(before, refused('BoundsImpossible', 'short by 10Mi'), NOTHING)).toBe(true);
  });

  test('is told from what others say in a message', () => {
    const said = (message: string): TuningStatus => refused('TargetRolling', message, stored.sample?.time);
    expect(worthWriting(said('web rolls'), said('api changes it'), NOTHING)).toBe(true);
  });
});

describe('a status is written', () => {
  const cases: [string, TuningStatus][] = [
    ['when a condition changes', { ...stored, conditions: [] }],
    ['when its generation is seen', { ...stored, observedGeneration: 2 }],
    ['when a change begins', { ...stored, change: change() }],
    ['when a change ends', { ...stored, history: [{ id: 'x', verdict: 'Verified' }] }],
    ['when something is rejected', { ...stored, rejected: [{ image: 'x', lesson: 'Failed' }] }],
    ['when other values run', { ...stored, current: { ...stored.current, summary: '4x20 512Ki' } }],
    ['when others are recommended', { ...stored, recommendation: { summary: '4x20 1Mi' } }],
    ['when the limit changes', { ...stored, limit: { ...stored.limit, limit: '2Gi' } }],
    ['when less can be seen', { ...stored, sample: { ...stored.sample, tier: 'status' } }],
  ];

  test.each(cases)('%s', (_name, wanted) => {
    expect(worthWriting(stored, wanted, NOTHING)).toBe(true);
  });

  test('at once for a new maximum', () => {
    expect(worthWriting(stored, sampled, { material: true, worthKeeping: true })).toBe(true);
  });

  test('hourly for more history', () => {
    const news = { material: false, worthKeeping: true };
    // By the samples' own times: how long after a sample its status was written says nothing.
    const at = (ms: number): TuningStatus => ({ ...sampled, sample: { time: new Date(START + ms).toISOString() } });
    const before = { ...stored, sample: { time: new Date(START).toISOString() } };
    expect(worthWriting(before, at(HOUR - 1), news)).toBe(false);
    expect(worthWriting(before, at(HOUR), news)).toBe(true);
  });
});

describe('a status is not written', () => {
  test('for figures that drift', () => {
    expect(worthWriting(stored, sampled, NOTHING)).toBe(false);
  });

  test('for news that came without a sample', () => {
    expect(worthWriting(stored, { ...stored, worstCase: '1Gi' }, { material: true, worthKeeping: true })).toBe(false);
  });

  test('for another order of fields, or lists that are empty instead of absent', () => {
    const [ready] = stored.conditions ?? [];
    const turned = Object.fromEntries(Object.entries(ready ?? {}).reverse()) as unknown as NonNullable<typeof ready>;
    const wanted = { ...stored, conditions: [turned], history: [], rejected: [] };
    expect(worthWriting(stored, wanted, NOTHING)).toBe(false);
  });
});
