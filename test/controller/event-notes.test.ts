import { expect, test } from 'vitest';
import type { EventNote, EventRecorder } from '../../src/cluster/events.ts';
import { publishEvents } from '../../src/controller/event-notes.ts';
import type { EventIntent } from '../../src/core/decide/transitions.ts';
import { tuning } from '../support/builders.ts';

const ABOUT = {
  apiVersion: 'uwsgi-tuner.dev/v1alpha1',
  kind: 'UwsgiTuning',
  namespace: 'shop',
  name: 'web',
  uid: 'tuning-1',
};
const intent = (onWorkload: boolean): EventIntent => ({
  type: 'Warning',
  reason: 'PutBack',
  message: 'why',
  onWorkload,
});

function published(events: readonly EventIntent[], target: { name: string; uid: string } | null): EventNote[] {
  const notes: EventNote[] = [];
  const recorder = { record: (note: EventNote) => Promise.resolve(void notes.push(note)) };
  publishEvents(recorder as unknown as EventRecorder, events, tuning(), target);
  return notes;
}

test('an event is about the tuning', () => {
  expect(published([intent(false)], { name: 'web', uid: 'workload-1' })).toEqual([
    { type: 'Warning', reason: 'PutBack', action: 'Tune', note: 'why', regarding: ABOUT },
  ]);
});

test('what concerns its pods is told on the workload too: on the one that was looked at', () => {
  const [first, second] = published([intent(true)], { name: 'web-before-the-spec-edit', uid: 'workload-1' });
  expect(first?.regarding).toEqual(ABOUT);
  expect(second).toEqual({
    type: 'Warning',
    reason: 'PutBack',
    action: 'Tune',
    note: 'why',
    regarding: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      namespace: 'shop',
      name: 'web-before-the-spec-edit',
      uid: 'workload-1',
    },
    related: ABOUT,
  });
});

test('a workload that is gone is told nothing', () => {
  expect(published([intent(true)], null)).toHaveLength(1);
});
