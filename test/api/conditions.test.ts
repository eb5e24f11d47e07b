import { describe, expect, test } from 'vitest';
import { condition, setConditions } from '../../src/api/conditions.ts';
import type { Condition } from '../../src/api/uwsgi-tuning.ts';

const BEFORE = '2026-01-01T00:00:00Z';
const NOW = '2026-01-01T01:00:00Z';
const ready: Condition = {
  type: 'Ready',
  status: 'True',
  observedGeneration: 1,
  lastTransitionTime: BEFORE,
  reason: 'Measured',
  message: 'the pods are measured',
};

describe('the transition time', () => {
  test('stays while the status does, whatever reason and message say', () => {
    const [after] = setConditions([ready], [condition('Ready', true, 'Other', 'else')], 2, NOW);
    expect(after).toEqual({ ...ready, observedGeneration: 2, reason: 'Other', message: 'else' });
  });

  test('moves with the status', () => {
    const [after] = setConditions([ready], [condition('Ready', false, 'Timeout', '')], 1, NOW);
    expect(after).toMatchObject({ status: 'False', lastTransitionTime: NOW });
  });

  test('of a new condition is now', () => {
    const [after] = setConditions([], [condition('Stalled', false, 'Progressing', '')], 1, NOW);
    expect(after).toEqual({
      type: 'Stalled',
      status: 'False',
      observedGeneration: 1,
      lastTransitionTime: NOW,
      reason: 'Progressing',
      message: '',
    });
  });
});

test('the same state gives the same list', () => {
  const wanted = [condition('Ready', true, 'Measured', 'the pods are measured'), condition('Applied', false, 'X', 'y')];
  const once = setConditions([], wanted, 1, BEFORE);
  expect(setConditions(once, wanted, 1, NOW)).toEqual(once);
});

test('the order does not depend on which are asked', () => {
  const [first, second] = [condition('Ready', true, 'X', ''), condition('Applied', false, 'Y', '')];
  const both = setConditions([], [first, second], 1, BEFORE);
  expect(setConditions(both, [first], 1, NOW)).toEqual(both);
  expect(setConditions(both, [second, first], 1, NOW)).toEqual(both);
});

test('conditions that nobody asks for stay as they are', () => {
  const after = setConditions([ready], [condition('Applied', true, 'UpToDate', '')], 2, NOW);
  expect(after.map(({ type }) => type)).toEqual(['Ready', 'Applied']);
  expect(after[0]).toBe(ready);
});

test('a message is at most 1024 characters', () => {
  const long = (length: number): string | undefined =>
    setConditions([], [condition('Ready', false, 'X', 'x'.repeat(length))], 1, NOW)[0]?.message;
  expect(long(1024)).toBe('x'.repeat(1024));
  expect(long(1025)).toBe(`${'x'.repeat(1021)}...`);
});

test('a reason is never empty, as the API server asks', () => {
  const [set] = setConditions(
    [],
    [{ type: 'Ready', status: 'True', reason: '', message: '' }],
    1,
    '2026-01-01T00:00:00Z',
  );
  expect(set?.reason).toBe('Unknown');
});
