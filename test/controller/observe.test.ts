import { expect, test } from 'vitest';
import type { LabelSelector } from '../../src/api/objects.ts';
import { formatSelector } from '../../src/controller/observe.ts';

test.each<[string, LabelSelector, string]>([
  ['labels', { matchLabels: { app: 'web', tier: 'front' } }, 'app=web,tier=front'],
  ['a label without a value', { matchLabels: { app: '' } }, 'app='],
  ['one of some values', { matchExpressions: [{ key: 'app', operator: 'In', values: ['a', 'b'] }] }, 'app in (a,b)'],
  ['none of them', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['a', 'b'] }] }, 'app notin (a,b)'],
  ['a label that is there', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }, 'app'],
  ['a label that is not', { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, '!app'],
  [
    'all at once',
    { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'canary', operator: 'DoesNotExist' }] },
    'app=web,!canary',
  ],
  ['nothing', {}, ''],
])('a selector of %s', (_name, selector, expected) => {
  expect(formatSelector(selector)).toBe(expected);
});
