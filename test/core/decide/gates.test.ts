import { describe, expect, test } from 'vitest';
import type { TuningStatus } from '../../../src/api/uwsgi-tuning.ts';
import { changePercent, closedGate, type Proposal } from '../../../src/core/decide/gates.ts';
import { readPolicy } from '../../../src/core/decide/policy.ts';
import type { Snapshot } from '../../../src/core/decide/snapshot.ts';
import { kib, mib } from '../../../src/core/quantity.ts';
import { emptyDigest } from '../../../src/core/recommend/digest.ts';
import { sample, tuning } from '../../support/builders.ts';
import { configMap, MINUTE, pod, START, workload } from './builders.ts';

const NOW = START + 60 * MINUTE;
const FROM = { processes: 4, threads: 20, threadStackSize: mib(8) };
const TO = { processes: 4, threads: 20, threadStackSize: kib(512) };

interface Given {
  readonly spec?: object;
  readonly status?: TuningStatus;
  readonly snapshot?: Partial<Snapshot>;
  readonly proposal?: Partial<Proposal>;
}

/** A proposal that every gate lets pass. */
function proposal({ spec = {}, status, snapshot = {}, proposal: more = {} }: Given): Proposal {
  const object = {
    ...tuning({ updatePolicy: { mode: 'Patch' }, ...spec }),
    ...(status === undefined ? {} : { status }),
  };
  const round = { at: NOW, samples: [sample({ processes: 4, threads: 20, stack: mib(8) })], failures: [] };
  return {
    snapshot: {
      tuning: object,
      problems: [],
      readOnly: false,
      frozen: false,
      terminating: false,
      duplicateOf: null,
      otherChange: null,
      workload: more.workload ?? workload(),
      configMap: configMap(),
      saved: null,
      pods: [pod()],
      digest: emptyDigest(),
      round,
      verifySamples: [],
      preflight: null,
      evidence: [],
      ...snapshot,
    },
    policy: readPolicy(object.spec).policy,
    workload: workload(),
    from: FROM,
    to: TO,
    overBudget: false,
    samples: 12,
    observedSince: NOW - 24 * 60 * MINUTE,
    now: NOW,
    ...more,
  };
}

function gate(given: Given): string | null {
  const closed = closedGate(proposal(given));
  return closed === null ? null : `${closed.reason}: ${closed.message}`;
}

const failed = (overrides: object): TuningStatus => ({
  rejected: [
    {
      time: '2026-01-01T00:00:00Z',
      image: 'shop/web:1',
      generation: 1,
      lesson: 'Failed',
      reason: 'WorkerDied',
      processes: 4,
      threads: 20,
      threadStackSize: '512Ki',
      ...overrides,
    },
  ],
});
const last = (verdict: 'Verified' | 'PutBack' | 'Dropped', reason: string): TuningStatus => ({
  history: [{ id: 'x', verdict, reason, finishedAt: new Date(NOW - 30 * MINUTE).toISOString() }],
});
const REJECTED = 'Rejected: these values failed on this image at 2026-01-01T00:00:00Z: WorkerDied';

test('every gate may be open', () => {
  expect(gate({})).toBeNull();
});

describe('a gate is closed', () => {
  const cases: [string, Given, string | null][] = [
    ['by suspend', { spec: { updatePolicy: { suspend: true } } }, 'Suspended: spec.updatePolicy.suspend is true'],
    [
      'by the workload',
      { proposal: { workload: workload({ ignored: true }) } },
      'Ignored: the workload has the annotation uwsgi-tuner.dev/ignore: "true"',
    ],
    [
      'by the namespace',
      { snapshot: { frozen: true } },
      'Frozen: the namespace has the annotation uwsgi-tuner.dev/freeze: "true"',
    ],
    [
      'by the end of the namespace',
      { snapshot: { terminating: true, frozen: true } },
      'NamespaceTerminating: the namespace is being deleted',
    ],
    ['by --read-only', { snapshot: { readOnly: true } }, 'ReadOnly: the controller runs with --read-only'],
    [
      'while the target is paused',
      { proposal: { workload: workload({ paused: true }) } },
      'TargetPaused: Deployment web is paused',
    ],
    [
      'at 0 replicas',
      { proposal: { workload: workload({ replicas: 0, updated: 0, total: 0, available: 0 }) } },
      'TargetScaledToZero: Deployment web has 0 replicas',
    ],
    [
      'while it rolls',
      { proposal: { workload: workload({ updated: 1 }) } },
      'TargetRolling: Deployment web is rolling out',
    ],
    [
      'while another tuning changes it',
      { snapshot: { otherChange: { tuning: 'api', startedAt: '2026-01-01T00:00:00Z' } } },
      'TargetRolling: UwsgiTuning api changes the same workload',
    ],
    [
      'when its rollout failed',
      { proposal: { workload: workload({ progressDeadlineExceeded: true, available: 1 }) } },
      "TargetUnhealthy: the Deployment's own progress deadline passed with 1 of 2 pods available",
    ],
    [
      'while a pod is not ready',
      { snapshot: { pods: [pod(), pod({ name: 'web-2', ready: false })] } },
      'TargetUnhealthy: pod web-2 is not ready',
    ],
    [
      'by 51 pods',
      { proposal: { workload: workload({ replicas: 51, updated: 51, total: 51, available: 51 }) } },
      'GuardCapacity: 51 pods; at most 50 are guarded at once',
    ],
    [
      'without a sample',
      { snapshot: { round: { at: NOW, samples: [], failures: [] } } },
      'NoFreshSample: the newest round of measuring gave no sample of a pod that is there now',
    ],
    [
      'with samples of pods that are gone',
      { snapshot: { pods: [pod({ uid: 'pod-2' })] } },
      'NoFreshSample: the newest round of measuring gave no sample of a pod that is there now',
    ],
    [
      'by too few samples, counted with the pods there are',
      { proposal: { samples: 11, observedSince: START } },
      'TooFewSamples: fewer than sampling.minSamples = 12; may open at 2026-01-01T00:30:00.000Z',
    ],
    [
      'by a short observation',
      { proposal: { observedSince: START } },
      'TooYoung: observed for less than sampling.minObservation = 24h; may open at 2026-01-02T00:00:00.000Z',
    ],
    ['by the same values that failed on this image', { status: failed({}) }, REJECTED],
    ['not by ones that failed on another image', { status: failed({ image: 'shop/web:0' }) }, null],
    ['not by other ones', { status: failed({ processes: 3 }) }, null],
    ['not by ones that failed before the spec was edited', { status: failed({ generation: 0 }) }, null],
    ['by a lesson, whatever the spec', { status: failed({ generation: 0, lesson: 'OutOfMemory' }) }, REJECTED],
    [
      'by noise',
      { spec: { updatePolicy: { minChangePercent: 95 } } },
      'WithinNoise: a change of 94 % is below updatePolicy.minChangePercent = 95',
    ],
    [
      'not by noise where what runs is over budget',
      { spec: { updatePolicy: { minChangePercent: 95 } }, proposal: { overBudget: true } },
      null,
    ],
    [
      'by a change 30 minutes ago',
      { status: last('Verified', 'Verified') },
      'TooSoon: updatePolicy.minInterval = 1h; may open at 2026-01-01T01:30:00.000Z',
    ],
    [
      'by a put-back 30 minutes ago, which it names',
      { status: last('PutBack', 'OOMKilled') },
      'TooSoon: updatePolicy.minInterval = 1h; may open at 2026-01-01T01:30:00.000Z; the last change ended as PutBack: OOMKilled',
    ],
    ['not by a plan that a switch dropped', { status: last('Dropped', 'Suspended') }, null],
    [
      'by a plan that could not be written',
      { status: last('Dropped', 'TimedOut') },
      'TooSoon: updatePolicy.minInterval = 1h; may open at 2026-01-01T01:30:00.000Z; the last change ended as Dropped: TimedOut',
    ],
    [
      'not by a change of long ago',
      { status: last('Verified', 'x'), spec: { updatePolicy: { minInterval: '30m' } } },
      null,
    ],
  ];

  test.each(cases)('%s', (_name, given, expected) => {
    expect(gate(given)).toBe(expected);
  });
});

describe('after processes x threads were lowered', () => {
  const LOWERED = {
    from: '8x20 512Ki',
    to: '4x20 512Ki',
    verdict: 'Verified',
    generation: 1,
    image: 'shop/web:1',
    finishedAt: '2026-01-01T00:00:00.000Z',
  };
  const DAY = 24 * 60 * MINUTE;
  const raise = (entry: object, more: Partial<Proposal>, spec: object = {}): string | null => {
    const status = { history: [{ ...LOWERED, ...entry }] };
    return gate({ spec, status, proposal: { to: { ...TO, processes: 5 }, now: START + DAY, ...more } });
  };
  const HELD = 'LoweredBefore: processes x threads were lowered to 4x20 512Ki at 2026-01-01T00:00:00.000Z; ';

  test.each<[string, object, Partial<Proposal>, string | null]>([
    ['a raise waits a week', {}, {}, `${HELD}may be raised at 2026-01-08T00:00:00.000Z`],
    ['and is made then', {}, { now: START + 7 * DAY }, null],
    ['a further lowering does not wait', {}, { to: { ...TO, processes: 3 } }, null],
    ['nor does another stack', {}, { to: TO }, null],
    ['nor a raise that an edited spec asks for', { generation: 0 }, {}, null],
    ['nor one on another image', { image: 'shop/web:0' }, {}, null],
    ['nor one after a lowering that was put back', { verdict: 'PutBack' }, {}, null],
    ['nor one after a raise', { from: '2x20 512Ki' }, {}, null],
  ])('%s', (_name, entry, more, expected) => {
    expect(raise(entry, more)).toBe(expected);
  });

  test('where minInterval is short, so is the wait: 168 times', () => {
    const spec = { updatePolicy: { mode: 'Patch', minInterval: '1m' } };
    const at = (minutes: number): string | null => raise({}, { now: START + minutes * MINUTE }, spec);
    expect(at(167)).toBe(`${HELD}may be raised at 2026-01-01T02:48:00.000Z`);
    expect(at(168)).toBeNull();
  });
});

test('the first closed gate speaks, switches before everything', () => {
  const busy = { workload: workload({ paused: true, updated: 1 }), samples: 0 };
  expect(gate({ proposal: busy })).toBe('TargetPaused: Deployment web is paused');
  expect(gate({ proposal: busy, snapshot: { frozen: true, readOnly: true } })).toMatch(/^Frozen/);
});

test('what a closed gate says is the same a minute later', () => {
  for (const given of [{ samples: 1, observedSince: START }, { observedSince: START }]) {
    const later = { ...given, now: NOW + MINUTE };
    expect(gate({ proposal: later })).toBe(gate({ proposal: given }));
  }
});

describe('a change in percent is the largest of the three', () => {
  test.each([
    ['nothing', {}, 0],
    ['fewer processes', { processes: 3 }, 25],
    ['more threads', { threads: 30 }, 50],
    ['a smaller stack', { threadStackSize: mib(4) }, 50],
    ['processes and stack', { processes: 3, threadStackSize: mib(4) }, 50],
    ['a stack that stays unset', { threadStackSize: null }, 0],
  ])('%s', (_name, overrides, expected) => {
    expect(changePercent(FROM, { ...FROM, ...overrides })).toBe(expected);
  });

  test('a stack where none was set', () => {
    expect(changePercent({ ...FROM, threadStackSize: null }, TO)).toBe(100);
  });
});
