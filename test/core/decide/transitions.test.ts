import { describe, expect, test } from 'vitest';
import type { TuningStatus } from '../../../src/api/uwsgi-tuning.ts';
import { eventsBetween } from '../../../src/core/decide/transitions.ts';
import { change } from './builders.ts';

const flying = change();
const rolledOut = { ...flying, rolledOutAt: '2026-01-01T00:02:00.000Z' };
const turned = { ...rolledOut, direction: 'PutBack' as const, putBack: { reason: 'OOMKilled', message: 'too much' } };
const verdict = (name: 'Verified' | 'PutBack') => ({
  id: 'change-1',
  startedAt: '2026-01-01T00:00:00Z',
  finishedAt: '2026-01-01T00:12:00Z',
  from: '4x20 8Mi',
  to: '4x20 512Ki',
  verdict: name,
  reason: name,
  message: 'why',
});
const stalled = (reason: string, status = 'True'): TuningStatus => ({
  conditions: [
    { type: 'Stalled', status: status as 'True', reason, message: 'why', lastTransitionTime: '2026-01-01T00:00:00Z' },
  ],
});

function shown(before: TuningStatus, after: TuningStatus): string[] {
  return eventsBetween(before, after).map(
    ({ type, reason, message, onWorkload }) => `${type} ${reason}${onWorkload ? '*' : ''}: ${message}`,
  );
}

describe('a transition gives one event', () => {
  const cases: [string, TuningStatus, TuningStatus, string[]][] = [
    ['a plan', {}, { change: flying }, ['Normal ChangeStarted*: changes 4x20 8Mi to 4x20 512Ki']],
    [
      'a rollout',
      { change: flying },
      { change: rolledOut },
      ['Normal RolledOut: the pods run 4x20 512Ki; watches them for 600 s'],
    ],
    [
      'a put-back',
      { change: rolledOut },
      { change: turned },
      ['Warning PuttingBack*: puts 4x20 8Mi back: OOMKilled: too much'],
    ],
    [
      'success',
      { change: rolledOut },
      { history: [verdict('Verified')] },
      ['Normal Verified*: 4x20 8Mi to 4x20 512Ki: why'],
    ],
    [
      'failure',
      { change: turned },
      { history: [verdict('PutBack')] },
      ['Warning PutBack*: 4x20 8Mi to 4x20 512Ki: why'],
    ],
    [
      'a recommendation',
      {},
      { recommendation: { summary: '4x20 512Ki' }, current: { summary: '4x20 8Mi' } },
      ['Normal Recommended: recommends 4x20 512Ki; 4x20 8Mi runs'],
    ],
    ['Stalled', {}, stalled('SpecInvalid'), ['Warning SpecInvalid: why']],
    ['Stalled for another reason', stalled('SpecInvalid'), stalled('TargetMissing'), ['Warning TargetMissing: why']],
    ['an end of Stalled', stalled('SpecInvalid'), stalled('Progressing', 'False'), []],
  ];

  test.each(cases)('%s', (_name, before, after, expected) => {
    expect(shown(before, after)).toEqual(expected);
  });
});

test.each<[string, TuningStatus]>([
  ['a change in flight', { change: rolledOut }],
  ['a put-back', { change: turned }],
  ['a verdict', { history: [verdict('Verified')] }],
  ['a recommendation', { recommendation: { summary: '4x20 512Ki' } }],
  ['Stalled', stalled('SpecInvalid')],
])('%s that stays as it is gives none', (_name, status) => {
  expect(shown(status, structuredClone(status))).toEqual([]);
});
