import { expect, test } from 'vitest';
import { pauseBefore, type Action } from '../../../src/core/decide/decision.ts';

const annotate: Action = { kind: 'Annotate', workload: 'web', uid: 'workload-1', value: 'new' };
const sampling: Action = { kind: 'Sample', pods: ['web-1'], purpose: 'Observe' };

test.each<[string, Action, Parameters<typeof pauseBefore>[1], number]>([
  ['the first action', annotate, null, 0],
  ['another action', annotate, { action: { ...annotate, value: 'other' }, at: 1000 }, 0],
  ['the same one at once', annotate, { action: { ...annotate }, at: 1000 }, 2000],
  ['the same one later', annotate, { action: annotate, at: -500 }, 500],
  ['the same one after 2 s', annotate, { action: annotate, at: -1000 }, 0],
  ['a measurement', sampling, { action: sampling, at: 1000 }, 0],
])('the pause before %s', (_name, action, last, expected) => {
  expect(pauseBefore(action, last, 1000)).toBe(expected);
});
