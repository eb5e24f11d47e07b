import { describe, expect, test } from 'vitest';
import { planChange, type Plan } from '../../../src/core/decide/plan.ts';
import { hashText } from '../../../src/core/decide/hash.ts';
import { readPolicy } from '../../../src/core/decide/policy.ts';
import type { ConfigMapView, Preflight, Snapshot, WorkloadView } from '../../../src/core/decide/snapshot.ts';
import { kib, mib } from '../../../src/core/quantity.ts';
import { emptyDigest } from '../../../src/core/recommend/digest.ts';
import { sample, tuning } from '../../support/builders.ts';
import { configMap, MINUTE, pod, START, workload } from './builders.ts';

const NOW = START + 60 * MINUTE;
const OLD = '[uwsgi]\nprocesses = 4\nthreads = 20\n';
const NEW = `${OLD}threads-stacksize = 512\n`;
const BASELINE = { podMinutes: 10, workerDeaths: 1, failedRequests: 2 };
const LOOKED: Preflight = {
  at: NOW - 1000,
  configMapUid: 'configmap-1',
  key: 'uwsgi.ini',
  otherUsers: [],
  failure: null,
  baseline: BASELINE,
};

const FROZEN: Given = { snapshot: { frozen: true } };

interface Given {
  readonly configMap?: Partial<ConfigMapView>;
  readonly preflight?: Preflight | null;
  readonly snapshot?: Partial<Snapshot>;
  readonly workload?: Partial<WorkloadView>;
  readonly spec?: object;
}

function plan(given: Given = {}): Plan {
  const object = tuning({ updatePolicy: { mode: 'Patch', verifyWindow: '90s' }, ...given.spec });
  const map = configMap({ text: OLD, ...given.configMap });
  const target = workload(given.workload);
  const snapshot: Snapshot = {
    tuning: object,
    problems: [],
    readOnly: false,
    frozen: false,
    terminating: false,
    duplicateOf: null,
    otherChange: null,
    workload: target,
    configMap: map,
    saved: null,
    pods: [pod()],
    digest: emptyDigest(),
    round: { at: NOW, samples: [sample({ processes: 4, threads: 20, stack: mib(8) })], failures: [] },
    verifySamples: [],
    preflight: given.preflight === undefined ? LOOKED : given.preflight,
    evidence: [],
    ...given.snapshot,
  };
  const proposal = {
    snapshot,
    policy: readPolicy(object.spec).policy,
    workload: target,
    from: { processes: 4, threads: 20, threadStackSize: mib(8) },
    to: { processes: 4, threads: 20, threadStackSize: kib(512) },
    overBudget: false,
    samples: 12,
    observedSince: NOW - 24 * 60 * MINUTE,
    now: NOW,
  };
  return planChange(proposal, map, mib(300));
}

function shown(given: Given): string {
  const made = plan(given);
  if (made.kind === 'Refused') return `${made.reason}: ${made.message}`;
  if (made.kind === 'Preflight') return made.baseline ? 'Preflight with baseline' : 'Preflight';
  return made.kind === 'Held' ? `Held ${made.gate.reason}` : made.kind;
}

test('a change stands complete before anything is written', () => {
  const made = plan({ workload: { configHash: 'before' } });
  expect(made).toEqual({
    kind: 'Change',
    change: {
      id: `${hashText(NEW).slice(0, 8)}-${Math.floor(NOW / 1000).toString(36)}`,
      direction: 'Forward',
      generation: 1,
      startedAt: '2026-01-01T01:00:00.000Z',
      workload: { name: 'web', uid: 'workload-1', container: 'app', image: 'shop/web:1' },
      configMap: { name: 'web-uwsgi', uid: 'configmap-1', key: 'uwsgi.ini', section: 'uwsgi', format: 'Ini' },
      from: { processes: 4, threads: 20, threadStackSize: '8Mi', summary: '4x20 8Mi' },
      to: { processes: 4, threads: 20, threadStackSize: '512Ki', summary: '4x20 512Ki' },
      containers: ['container-1'],
      oldHash: hashText(OLD),
      newHash: hashText(NEW),
      previousAnnotation: 'before',
      expectedMemory: '300Mi',
      baseline: BASELINE,
      rolloutDeadline: '2026-01-01T01:10:00.000Z',
      verifySeconds: 90,
    },
  });
});

test('an annotation that was absent stays absent in the plan', () => {
  const made = plan();
  expect(made.kind === 'Change' && 'previousAnnotation' in made.change).toBe(false);
});

describe('no change is made', () => {
  const users = ['Deployment other (container web)', 'Pod x (container y)', 'CronJob z (container y)'];
  const cases: [string, Given, string][] = [
    [
      'to an immutable ConfigMap',
      { configMap: { immutable: true } },
      'ConfigImmutable: ConfigMap web-uwsgi is immutable',
    ],
    [
      'to one that Git owns',
      { configMap: { owner: 'Argo CD' } },
      'ConfigOwned: ConfigMap web-uwsgi is owned by Argo CD, which would undo the change: change the values at their source; they are in status.recommendation',
    ],
    [
      'to a text that carries the values already',
      { configMap: { text: NEW } },
      'ValuesNotInForce: the config already carries these values but the pods run others; restart the workload',
    ],
    [
      'to a text that starts other processes than run',
      { configMap: { text: OLD.replace('4', '16') } },
      'ValuesNotInForce: the config starts 16 processes but the pods run 4; restart the workload',
    ],
    [
      'to a config that others use',
      { preflight: { ...LOOKED, otherUsers: users } },
      'ConfigShared: ConfigMap web-uwsgi is also used by Deployment other (container web) and 2 more',
    ],
    [
      'without knowing who uses it',
      { preflight: { ...LOOKED, failure: 'cannot look: 403' } },
      'PreflightFailed: cannot look: 403',
    ],
    ['before a look-up', { preflight: null }, 'Preflight with baseline'],
    [
      'after a look-up of another ConfigMap',
      { preflight: { ...LOOKED, configMapUid: 'configmap-2' } },
      'Preflight with baseline',
    ],
    ['after a look-up of another key', { preflight: { ...LOOKED, key: 'other.ini' } }, 'Preflight with baseline'],
    ['after a look-up of 16 s ago', { preflight: { ...LOOKED, at: NOW - 16_000 } }, 'Preflight with baseline'],
    ['after a look-up without logs', { preflight: { ...LOOKED, baseline: null } }, 'Preflight with baseline'],
    ['behind a closed gate', { snapshot: { frozen: true } }, 'Held Frozen'],
    ['behind a closed gate, and nobody reads logs before it opens', { ...FROZEN, preflight: null }, 'Preflight'],
    [
      'behind a closed gate, whose look-up may be an hour old',
      { ...FROZEN, preflight: { ...LOOKED, at: NOW - 60 * MINUTE, baseline: null } },
      'Held Frozen',
    ],
    [
      'behind a closed gate, and a look-up that is older is made again: sharing is named before gates',
      { ...FROZEN, preflight: { ...LOOKED, at: NOW - 60 * MINUTE - 1 } },
      'Preflight',
    ],
    [
      'to a config that others used a round ago, whatever the gates say',
      { ...FROZEN, preflight: { ...LOOKED, at: NOW - 300_000, otherUsers: ['Pod x (container y)'] } },
      'ConfigShared: ConfigMap web-uwsgi is also used by Pod x (container y)',
    ],
    [
      'to a config that others used, and each round looks whether they still do',
      { ...FROZEN, preflight: { ...LOOKED, at: NOW - 300_001, otherUsers: ['Pod x (container y)'] } },
      'Preflight',
    ],
  ];

  test.each(cases)('%s', (_name, given, expected) => {
    expect(shown(given)).toBe(expected);
  });

  test('to a text that cannot be edited with proof', () => {
    expect(shown({ configMap: { text: `${OLD}threads-stacksize = $(STACK)\n` } })).toMatch(
      /^EditRefused: threadStackSize: line 4: threads-stacksize comes from \$\(STACK\)/,
    );
  });
});
