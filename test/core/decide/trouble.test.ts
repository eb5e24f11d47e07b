import { describe, expect, test } from 'vitest';
import type { Condition } from '../../../src/api/uwsgi-tuning.ts';
import { readPolicy } from '../../../src/core/decide/policy.ts';
import type { Snapshot } from '../../../src/core/decide/snapshot.ts';
import { findTrouble } from '../../../src/core/decide/trouble.ts';
import { emptyDigest } from '../../../src/core/recommend/digest.ts';
import { tuning } from '../../support/builders.ts';
import { configMap, MINUTE, START, workload } from './builders.ts';

function trouble(overrides: Partial<Snapshot>, problems: string[] = [], conditions: Condition[] = []): string | null {
  const object = { ...tuning(), status: { conditions } };
  const snapshot: Snapshot = {
    tuning: object,
    problems: [],
    readOnly: false,
    frozen: false,
    terminating: false,
    duplicateOf: null,
    otherChange: null,
    workload: workload(),
    configMap: configMap(),
    saved: null,
    pods: [],
    digest: emptyDigest(),
    round: null,
    verifySamples: [],
    preflight: null,
    evidence: [],
    ...overrides,
  };
  const found = findTrouble(snapshot, readPolicy(object.spec).policy, problems, START + 10 * MINUTE);
  if (found === null) return null;
  const ready = found.conditions.find(({ type }) => type === 'Ready');
  const stalled = found.conditions.find(({ type }) => type === 'Stalled');
  return `${stalled?.status === 'True' ? 'Stalled' : 'Reconciling'} ${ready?.reason ?? ''}: ${ready?.message ?? ''}`;
}

describe('what keeps a tuning from being measured', () => {
  const app = { name: 'app', image: 'x', memoryLimit: null };
  const cases: [string, Partial<Snapshot>, string | null][] = [
    ['nothing', {}, null],
    [
      'an older tuning of the same container',
      { duplicateOf: 'a' },
      'Stalled DuplicateTuning: the older UwsgiTuning a tunes the same container',
    ],
    ['no Deployment', { workload: null }, 'Reconciling TargetMissing: there is no Deployment web'],
    [
      'two containers that may be it',
      { workload: workload({ candidates: [app, { ...app, name: 'api' }] }) },
      'Reconciling ContainerAmbiguous: set spec.containerName: uWSGI may run in app, api',
    ],
    [
      'no container',
      { workload: workload({ candidates: [] }) },
      'Reconciling ContainerMissing: Deployment web has no container ',
    ],
    ['no ConfigMap', { configMap: null }, 'Reconciling ConfigMapMissing: there is no ConfigMap web-uwsgi'],
    [
      'a key of bytes',
      { configMap: configMap({ text: null, binary: true }) },
      'Reconciling ConfigKeyBinary: key uwsgi.ini of ConfigMap web-uwsgi is in binaryData',
    ],
    [
      'no key',
      { configMap: configMap({ text: null, keys: ['a', 'b'] }) },
      'Reconciling ConfigKeyMissing: ConfigMap web-uwsgi has no key uwsgi.ini; its keys: a, b',
    ],
    [
      'no key at all',
      { configMap: configMap({ text: null, keys: [] }) },
      'Reconciling ConfigKeyMissing: ConfigMap web-uwsgi has no key uwsgi.ini; its keys: none',
    ],
  ];

  test.each(cases)('%s', (_name, overrides, expected) => {
    expect(trouble(overrides)).toBe(expected);
  });

  test('a spec that cannot be read, before everything', () => {
    expect(trouble({ workload: null }, ['a', 'b'])).toBe('Stalled SpecInvalid: a; b');
  });
});

describe('what is missing may appear for 10 minutes', () => {
  const said = (type: string, status: 'True' | 'False', reason: string, minutesAgo: number): Condition => ({
    type,
    status,
    reason,
    message: '',
    lastTransitionTime: new Date(START + (10 - minutesAgo) * MINUTE).toISOString(),
  });
  const missing = 'TargetMissing: there is no Deployment web';
  const cases: [string, Condition[], string][] = [
    ['seen for 9 minutes', [said('Reconciling', 'True', 'TargetMissing', 9)], `Reconciling ${missing}`],
    ['seen for 10', [said('Reconciling', 'True', 'TargetMissing', 10)], `Stalled ${missing}`],
    [
      'Stalled since',
      [said('Reconciling', 'False', 'TargetMissing', 0), said('Stalled', 'True', 'TargetMissing', 0)],
      `Stalled ${missing}`,
    ],
    [
      'after another trouble of long ago',
      [
        said('Ready', 'False', 'NoShell', 60),
        said('Reconciling', 'False', 'Settled', 60),
        said('Stalled', 'True', 'NoShell', 60),
      ],
      `Reconciling ${missing}`,
    ],
    [
      'said first a moment ago, after another trouble of long ago',
      [
        said('Ready', 'False', 'TargetMissing', 60),
        said('Reconciling', 'True', 'TargetMissing', 0),
        said('Stalled', 'False', 'TargetMissing', 0),
      ],
      `Reconciling ${missing}`,
    ],
  ];

  test.each(cases)('%s', (_name, conditions, expected) => {
    expect(trouble({ workload: null }, [], conditions)).toBe(expected);
  });
});
