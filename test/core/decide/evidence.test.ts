import { describe, expect, test } from 'vitest';
import type { Change } from '../../../src/api/uwsgi-tuning.ts';
import {
  allowance,
  changedPods,
  describeStack,
  findHarm,
  hasChangeHash,
  missingEvidence,
} from '../../../src/core/decide/evidence.ts';
import { NO_SIGNS, type LogCounts } from '../../../src/core/decide/log-patterns.ts';
import type { Evidence, PodView } from '../../../src/core/decide/snapshot.ts';
import { change, MINUTE, pod, START } from './builders.ts';

const NOW = START + 5 * MINUTE;

function evidence(
  log: Partial<LogCounts> | null,
  probe: Partial<NonNullable<Evidence['probe']>> | null = {},
): Evidence {
  return {
    podUid: 'pod-1',
    containerId: 'container-1',
    log: log === null ? null : { ...NO_SIGNS, started: true, ...log },
    probe: probe === null ? null : { at: NOW, oomKills: 0, respawns: 0, ...probe },
  };
}

function harm(overrides: {
  change?: Partial<Change>;
  pod?: Partial<PodView>;
  evidence?: Evidence[];
  recycles?: boolean;
}): unknown {
  const pods = [pod({ configHash: 'new', ...overrides.pod })];
  const found = findHarm(
    change(overrides.change),
    pods,
    overrides.evidence ?? [evidence({})],
    overrides.recycles ?? false,
    NOW,
  );
  return found === null ? null : `${found.reason}/${found.lesson}`;
}

describe('changedPods', () => {
  const cases: [string, Partial<PodView>, boolean][] = [
    ['carries the hash', { configHash: 'new', startedAt: null }, true],
    ['carries the hash of the second roll', { configHash: 'new-2', startedAt: null }, true],
    ['carries another hash and runs a container of the plan', { configHash: 'old', containerId: 'container-0' }, false],
    ['does so by a node whose clock is ahead', { containerId: 'container-0', startedAt: START + 10 * MINUTE }, false],
    ['runs a container that is none of the plan', { configHash: null }, true],
    ['does so by a node whose clock is behind', { configHash: null, startedAt: START - 10 * MINUTE }, true],
    ['has no running container and no hash', { configHash: null, running: false }, false],
    ['has no container yet', { configHash: null, containerId: '' }, false],
    ['is being deleted', { configHash: 'new', terminating: true }, false],
  ];

  test.each(cases)('a pod that %s', (_name, overrides, isChanged) => {
    expect(changedPods(change(), [pod(overrides)])).toHaveLength(isChanged ? 1 : 0);
  });

  test('a pod that carried the very hash before the change is not changed', () => {
    const again = change({ previousAnnotation: 'new' });
    expect(hasChangeHash(again, 'new')).toBe(false);
    expect(hasChangeHash(again, 'new-change-1')).toBe(true);
    expect(hasChangeHash(change({ previousAnnotation: 'new-2' }), 'new-2')).toBe(false);
  });
});

describe('harm', () => {
  test('is none on a pod that shows nothing', () => {
    expect(harm({})).toBeNull();
  });

  const cases: [string, string | null, Parameters<typeof harm>[0]][] = [
    [
      'a kill by the kernel in the cgroup',
      'WorkerOOMKilled/OutOfMemory',
      { evidence: [evidence({}, { oomKills: 1 })] },
    ],
    ['a worker killed by signal 9', 'WorkerKilled/OutOfMemory', { evidence: [evidence({ deaths: { '9': 1 } })] }],
    [
      'a worker killed by harakiri, which says nothing of memory',
      'WorkerHarakiri/Failed',
      { evidence: [evidence({ deaths: { '9': 2 }, harakiris: 2 })] },
    ],
    [
      'one more killed by signal 9 than by harakiri',
      'WorkerKilled/OutOfMemory',
      { evidence: [evidence({ deaths: { '9': 2 }, harakiris: 1 })] },
    ],
    ['SIGSEGV', 'WorkerKilledBySignal/StackTooSmall', { evidence: [evidence({ deaths: { '11': 1 } })] }],
    ['SIGBUS', 'WorkerKilledBySignal/StackTooSmall', { evidence: [evidence({ deaths: { '7': 1 } })] }],
    ['a death of core 0', 'WorkerDied/StackTooSmall', { evidence: [evidence({ deaths: { '0': 1 } })] }],
    [
      'a death where the stack was not made smaller',
      'WorkerKilledBySignal/Failed',
      {
        evidence: [evidence({ deaths: { '11': 1 } })],
        change: { to: { processes: 8, threads: 20, threadStackSize: '8Mi' } },
      },
    ],
    ['a new worker where no log is readable', 'WorkerDied/Failed', { evidence: [evidence(null, { respawns: 1 })] }],
    [
      'a new process for each worker of a config that has them replaced',
      null,
      { evidence: [evidence(null, { respawns: 4 })], recycles: true },
    ],
    ['one more than that', 'WorkerDied/Failed', { evidence: [evidence(null, { respawns: 5 })], recycles: true }],
    [
      'a death in the log of such a config',
      'WorkerKilledBySignal/StackTooSmall',
      { evidence: [evidence({ deaths: { '11': 1 } }, { respawns: 1 })], recycles: true },
    ],
    ['a new worker where the log shows no death', null, { evidence: [evidence({}, { respawns: 3 })] }],
    ['a failed request', 'RequestsFailed/StackTooSmall', { evidence: [evidence({ failedRequests: 1 })] }],
    ['a stack that uWSGI could not set', 'StackRefused/Failed', { evidence: [evidence({ stackRefused: true })] }],
    ['a restart of a new pod', 'ContainerRestarted/Failed', { pod: { restarts: 1 } }],
    [
      'an OOM kill of a new pod',
      'OOMKilled/OutOfMemory',
      {
        pod: {
          restarts: 1,
          lastTermination: {
            reason: 'OOMKilled',
            exitCode: 137,
            containerId: 'container-9',
            startedAt: START + 1,
            finishedAt: NOW,
          },
        },
      },
    ],
    [
      'an OOM kill of a container of the plan, whatever the clock of its node',
      null,
      {
        pod: {
          configHash: null,
          restarts: 1,
          lastTermination: {
            reason: 'OOMKilled',
            exitCode: 137,
            containerId: 'container-0',
            startedAt: START + 1,
            finishedAt: START + 1,
          },
        },
      },
    ],
    [
      'a crash of a container of the plan',
      null,
      {
        pod: {
          configHash: null,
          restarts: 1,
          lastTermination: {
            reason: 'Error',
            exitCode: 1,
            containerId: 'container-0',
            startedAt: START + 1,
            finishedAt: START + 1,
          },
        },
      },
    ],
    [
      'an OOM kill of an old pod whose container had read the new text',
      'OOMKilled/OutOfMemory',
      {
        pod: {
          configHash: null,
          restarts: 2,
          lastTermination: {
            reason: 'OOMKilled',
            exitCode: 137,
            containerId: 'container-9',
            startedAt: START + 1,
            finishedAt: NOW,
          },
        },
      },
    ],
    [
      'an old pod whose container had read the new text and ended well',
      null,
      {
        pod: {
          configHash: null,
          restarts: 2,
          lastTermination: {
            reason: 'Completed',
            exitCode: 0,
            containerId: 'container-9',
            startedAt: START + 1,
            finishedAt: NOW,
          },
        },
      },
    ],
  ];

  test.each(cases)('%s', (_name, expected, input) => {
    expect(harm(input)).toBe(expected);
  });

  const rolledOut = { rolledOutAt: new Date(START + MINUTE).toISOString() };
  const unready: [string, string | null, Partial<PodView>][] = [
    ['for 29 s', null, { unreadySince: NOW - 29_000 }],
    ['for 30 s', 'PodNotReady/Failed', { unreadySince: NOW - 30_000 }],
    [
      'for 9 minutes since it was made, never ready yet',
      null,
      { createdAt: NOW - 9 * MINUTE, startedAt: NOW - 9 * MINUTE, unreadySince: NOW - 9 * MINUTE },
    ],
    [
      'for the whole rollout timeout since it was made',
      'PodNotReady/Failed',
      { createdAt: NOW - 10 * MINUTE, startedAt: null, unreadySince: NOW - 10 * MINUTE },
    ],
  ];

  test.each(unready)('a pod that is unready %s', (_name, expected, overrides) => {
    expect(harm({ change: rolledOut, pod: { ready: false, ...overrides } })).toBe(expected);
  });

  test("an unready pod during the rollout is the rollout's matter", () => {
    expect(harm({ pod: { ready: false, unreadySince: NOW - 60_000 } })).toBeNull();
  });
});

describe('the allowance', () => {
  const cases: [string, number, NonNullable<Change['baseline']>, number][] = [
    ['nothing where the baseline had none', 0, { podMinutes: 100, workerDeaths: 0, failedRequests: 0 }, 0],
    ['nothing where no log was read', 3, { podMinutes: 0, workerDeaths: 3, failedRequests: 0 }, 0],
    [
      'twice the rate over the pod-minutes since the start',
      5,
      { podMinutes: 10, workerDeaths: 5, failedRequests: 0 },
      5,
    ],
    ['rounded up', 1, { podMinutes: 100, workerDeaths: 1, failedRequests: 0 }, 1],
  ];

  test.each(cases)('is %s', (_name, count, baseline, expected) => {
    expect(allowance(change({ baseline }), count, [pod({ startedAt: NOW - 5 * MINUTE })], NOW)).toBe(expected);
  });

  test('is exceeded by one death more', () => {
    const baseline = { podMinutes: 10, workerDeaths: 5, failedRequests: 0 };
    const at = (deaths: number): unknown =>
      harm({
        change: { baseline },
        pod: { startedAt: NOW - 5 * MINUTE },
        evidence: [evidence({ deaths: { '11': deaths } })],
      });
    expect(at(5)).toBeNull();
    expect(at(6)).toBe('WorkerKilledBySignal/StackTooSmall');
  });
});

describe('evidence is missing', () => {
  const cases: [string, string | null, Evidence[]][] = [
    ['without any', 'neither the log nor the processes of pod web-1 could be read', []],
    [
      'with neither log nor probe',
      'neither the log nor the processes of pod web-1 could be read',
      [evidence(null, null)],
    ],
    [
      'when the log does not show its start and no probe came',
      'neither the log nor the processes of pod web-1 could be read',
      [evidence({ started: false }, null)],
    ],
    [
      'when the newest probe is older than a minute and there is no log',
      'neither the log nor the processes of pod web-1 could be read',
      [evidence(null, { at: NOW - 60_001 })],
    ],
    ['not with a log from its start', null, [evidence({}, null)]],
    ['not with a probe of the last minute', null, [evidence(null, { at: NOW - 60_000 })]],
  ];

  test.each(cases)('%s', (_name, expected, seen) => {
    expect(missingEvidence(change(), [pod({ configHash: 'new' })], seen, { now: NOW, overdue: false })).toBe(expected);
  });

  test('while a log that may be read cannot be opened; in the end the processes must do', () => {
    const seen = [{ ...evidence(null, { at: NOW }), logFails: true }];
    const missing = (overdue: boolean): string | null =>
      missingEvidence(change(), [pod({ configHash: 'new' })], seen, { now: NOW, overdue });
    expect(missing(false)).toBe('the log of pod web-1 cannot be opened');
    expect(missing(true)).toBeNull();
  });

  test('when no pod carries the change', () => {
    expect(missingEvidence(change(), [], [], { now: NOW, overdue: false })).toBe('no pod carries the change');
  });
});

test.each([
  ['512Ki', '512Ki'],
  [524_288, '512Ki'],
  [undefined, 'default'],
  ['nonsense', 'default'],
])('a stack of %s is described as %s', (size, expected) => {
  expect(describeStack(size)).toBe(expected);
});
