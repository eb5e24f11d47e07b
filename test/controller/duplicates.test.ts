import { describe, expect, test } from 'vitest';
import type { UwsgiTuning } from '../../src/api/uwsgi-tuning.ts';
import { changeOfOther, isNews, olderTwin, tuningSkeleton } from '../../src/controller/duplicates.ts';
import { tuning } from '../support/builders.ts';

function named(name: string, more: { spec?: object; metadata?: object; status?: object } = {}): UwsgiTuning {
  const metadata = { name, namespace: 'shop', uid: name, creationTimestamp: '2026-01-01T00:00:00Z', ...more.metadata };
  return tuning(more.spec, { metadata, ...(more.status === undefined ? {} : { status: more.status }) });
}

const SECOND = { creationTimestamp: '2026-01-01T00:00:01Z' };
const targetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'other' };

describe('olderTwin', () => {
  const younger = named('b', { metadata: SECOND });
  const cases: [string, UwsgiTuning, string | null][] = [
    ['an older tuning of the same Deployment', named('a'), 'a'],
    ['a younger one', named('a', { metadata: { creationTimestamp: '2026-01-01T00:00:02Z' } }), null],
    ['one of the same second and an earlier name', named('a', { metadata: SECOND }), 'a'],
    ['one of the same second and a later name', named('c', { metadata: SECOND }), null],
    ['one in another namespace', named('a', { metadata: { namespace: 'blog' } }), null],
    ['one of another Deployment', named('a', { spec: { targetRef } }), null],
    ['one that names a container where this one names none', named('a', { spec: { containerName: 'app' } }), 'a'],
    ['itself', named('b'), null],
  ];

  test.each(cases)('%s', (_name, other, expected) => {
    expect(olderTwin(younger, [younger, other])).toBe(expected);
  });

  test('of another container is no twin', () => {
    const app = named('b', { spec: { containerName: 'app' }, metadata: SECOND });
    expect(olderTwin(app, [named('a', { spec: { containerName: 'api' } })])).toBeNull();
    expect(olderTwin(app, [named('a', { spec: { containerName: 'app' } })])).toBe('a');
  });
});

describe('changeOfOther', () => {
  const startedAt = '2026-01-01T00:00:00Z';
  const status = { change: { id: 'x', startedAt, workload: { name: 'web', uid: 'workload-1' } } };
  const cases: [string, UwsgiTuning, string | null][] = [
    ['a change of the same workload', named('a', { status }), 'a'],
    ['a change that the spec has left behind', named('a', { status, spec: { targetRef } }), 'a'],
    [
      'a change of another workload',
      named('a', { status: { change: { ...status.change, workload: { name: 'other' } } } }),
      null,
    ],
    ['no change', named('a'), null],
    ['a change in another namespace', named('a', { status, metadata: { namespace: 'blog' } }), null],
    ['its own change', named('b', { status }), null],
  ];

  test.each(cases)('%s', (_name, other, expected) => {
    const found = changeOfOther(named('b'), [tuningSkeleton(other)]);
    expect(found).toEqual(expected === null ? null : { tuning: expected, startedAt });
  });

  test('is looked for on the workload of the own change, whatever the spec says now', () => {
    const moved = named('b', { status, spec: { targetRef } });
    expect(changeOfOther(moved, [named('a', { status })])).toEqual({ tuning: 'a', startedAt });
  });
});

test('the watch keeps of a tuning what finds twins and counts, and nothing else', () => {
  const full = named('a', {
    spec: { containerName: 'app', updatePolicy: { mode: 'Patch' } },
    metadata: { labels: { team: 'shop' }, resourceVersion: '7' },
    status: {
      conditions: ['Ready', 'Applied'].map((type) => ({
        type,
        status: 'True',
        reason: 'Measured',
        message: '',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      })),
      worstCase: '812Mi',
    },
  });
  const skeleton = tuningSkeleton(full);
  expect(skeleton.metadata).toEqual({
    name: 'a',
    namespace: 'shop',
    uid: 'a',
    resourceVersion: '7',
    creationTimestamp: '2026-01-01T00:00:00Z',
  });
  expect(skeleton.spec.updatePolicy).toEqual({ mode: 'Patch' });
  expect(skeleton.spec.containerName).toBe('app');
  expect(Object.keys(skeleton.status ?? {})).toEqual(['conditions']);
  expect(skeleton.status?.conditions?.map(({ type }) => type)).toEqual(['Ready']);
});

describe('a malformed tuning', () => {
  const malformed: [string, object][] = [
    ['no spec', {}],
    ['a spec that is text', { spec: 'text' }],
    ['no target', { spec: { config: {} } }],
    ['a target that is a list', { spec: { targetRef: [] } }],
    ['conditions that are text', { spec: tuning().spec, status: { conditions: 'none' } }],
    ['a change without a workload', { spec: tuning().spec, status: { change: 7 } }],
  ];

  test.each(malformed)('with %s stays in the watch', (_name, rest) => {
    const metadata = { name: 'a', namespace: 'shop', uid: 'a' };
    const object = { apiVersion: 'v', kind: 'k', metadata, ...rest } as unknown as UwsgiTuning;
    expect(tuningSkeleton(object)).toMatchObject({ metadata, status: { conditions: [] } });
  });

  test("without a spec is nobody's twin", () => {
    const bare = (name: string): UwsgiTuning =>
      tuningSkeleton({ metadata: { name, namespace: 'shop', uid: name } } as UwsgiTuning);
    expect(olderTwin(bare('b'), [bare('a'), named('c')])).toBeNull();
  });
});

describe('news', () => {
  const seen = (more: Parameters<typeof named>[1] = {}): UwsgiTuning => tuningSkeleton(named('a', more));
  const before = seen({ metadata: { generation: 3, resourceVersion: '10' } });
  const cases: [string, UwsgiTuning | undefined, boolean][] = [
    ['a new spec', seen({ metadata: { generation: 4, resourceVersion: '11' } }), true],
    ['another object of the name', seen({ metadata: { generation: 3, uid: 'other' } }), true],
    ['its end', undefined, true],
    [
      'a new status',
      seen({ metadata: { generation: 3, resourceVersion: '11' }, status: { change: { id: 'x' } } }),
      false,
    ],
  ];

  test.each(cases)('%s', (_name, after, expected) => {
    expect(isNews(before, after)).toBe(expected);
  });

  test('a new tuning', () => {
    expect(isNews(undefined, before)).toBe(true);
  });
});
