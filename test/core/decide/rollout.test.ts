import { expect, test } from 'vitest';
import { livePods, rolloutVerdict } from '../../../src/core/decide/rollout.ts';
import type { WorkloadView } from '../../../src/core/decide/snapshot.ts';
import { pod, workload } from './builders.ts';

const cases: [string, Partial<WorkloadView>, string][] = [
  ['all pods are new and available', {}, 'Done'],
  ['there are no pods to be had', { replicas: 0, updated: 0, total: 0, available: 0 }, 'Done'],
  [
    'the controller has not seen it',
    { observed: false },
    'Progressing: the Deployment controller has not seen the change',
  ],
  ['new pods are missing', { updated: 1 }, 'Progressing: 1 of 2 pods are updated'],
  ['old pods are left', { total: 3 }, 'Progressing: 1 old pods still run'],
  ['new pods are not available', { available: 1 }, 'Progressing: 1 of 2 updated pods are available'],
  [
    'its own deadline passed',
    { progressDeadlineExceeded: true, available: 1 },
    "Failed: the Deployment's own progress deadline passed with 1 of 2 pods available",
  ],
  [
    'a deadline of before, not seen yet',
    { progressDeadlineExceeded: true, observed: false },
    'Progressing: the Deployment controller has not seen the change',
  ],
];

test.each(cases)('%s', (_name, overrides, expected) => {
  const verdict = rolloutVerdict(workload(overrides));
  expect(verdict.state === 'Done' ? 'Done' : `${verdict.state}: ${verdict.message}`).toBe(expected);
});

test('pods that are being deleted are no live pods', () => {
  expect(livePods([pod(), pod({ name: 'web-2', terminating: true })]).map(({ name }) => name)).toEqual(['web-1']);
});
