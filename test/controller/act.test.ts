import { describe, expect, test } from 'vitest';
import type { Writer } from '../../src/cluster/writers.ts';
import { act, type Actor } from '../../src/controller/act.ts';
import { TuningMemories } from '../../src/controller/memory.ts';
import type { Action } from '../../src/core/decide/decision.ts';
import type { Snapshot } from '../../src/core/decide/snapshot.ts';
import { emptyDigest } from '../../src/core/recommend/digest.ts';
import { tuning } from '../support/builders.ts';

const FINALIZER = 'uwsgi-tuner.dev/change-in-flight';
const HASH = 'uwsgi-tuner.dev/config-hash';

/** Performs one action and gives what was written: verb, plural, name, body, options. */
async function written(action: Action, finalizers?: readonly string[]): Promise<unknown[]> {
  const writes: unknown[] = [];
  const record =
    (verb: string) =>
    (resource: { plural: string }, place: { name?: string }, body: object, options: { signal?: AbortSignal }) => {
      const { signal: _signal, ...rest } = options;
      writes.push([verb, resource.plural, place.name, body, rest]);
      return Promise.resolve({});
    };
  const writer = { mergePatch: record('patch'), apply: record('apply') };
  const object = tuning();
  const metadata = { ...object.metadata, ...(finalizers === undefined ? {} : { finalizers }) };
  const memory = new TuningMemories().of('shop/web', 'tuning-1', emptyDigest);
  const snapshot: Partial<Snapshot> = { pods: [] };
  await act(
    action,
    { tuning: { ...object, metadata }, snapshot: snapshot as Snapshot, memory, signal: new AbortController().signal },
    { writer: writer as unknown as Writer } as Actor,
  );
  return writes;
}

describe('the finalizer', () => {
  const preconditions = { uid: 'tuning-1', resourceVersion: '1' };
  const cases: [Action['kind'], readonly string[] | undefined, readonly string[]][] = [
    ['AddFinalizer', undefined, [FINALIZER]],
    ['AddFinalizer', ['other', FINALIZER], ['other', FINALIZER]],
    ['RemoveFinalizer', [FINALIZER, 'other'], ['other']],
    ['RemoveFinalizer', [FINALIZER], []],
  ];

  test.each(cases)(
    '%s to %j leaves those of others alone, and writes only over what was read',
    async (kind, before, after) => {
      expect(await written({ kind } as Action, before)).toEqual([
        ['patch', 'uwsgitunings', 'web', { metadata: { finalizers: after } }, { preconditions }],
      ]);
    },
  );
});

test('the text is one key of the very object that was read', async () => {
  const action = {
    configMap: 'web-uwsgi',
    key: 'uwsgi.ini',
    text: '[uwsgi]\n',
    uid: 'configmap-1',
    resourceVersion: '7',
  };
  expect(await written({ kind: 'WriteText', ...action })).toEqual([
    [
      'patch',
      'configmaps',
      'web-uwsgi',
      { data: { 'uwsgi.ini': '[uwsgi]\n' } },
      { preconditions: { uid: 'configmap-1', resourceVersion: '7' } },
    ],
  ]);
});

test('the saved copy is applied without force: an object of somebody else stays', async () => {
  const [write] = await written({ kind: 'SaveConfig', text: 'x', hash: 'h', configMapUid: 'configmap-1', key: 'k' });
  expect(write).toMatchObject(['apply', 'configmaps', 'web-uwsgi-saved', { data: { k: 'x' } }, {}]);
});

describe('the annotation', () => {
  test('is applied to the workload of that uid', async () => {
    expect(await written({ kind: 'Annotate', workload: 'web', uid: 'workload-1', value: 'abc' })).toEqual([
      [
        'apply',
        'deployments',
        'web',
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: 'web', namespace: 'shop', uid: 'workload-1' },
          spec: { template: { metadata: { annotations: { [HASH]: 'abc' } } } },
        },
        { force: true },
      ],
    ]);
  });

  test('is removed for good, whoever owns it too', async () => {
    expect(await written({ kind: 'Annotate', workload: 'web', uid: 'workload-1', value: null })).toEqual([
      [
        'patch',
        'deployments',
        'web',
        { spec: { template: { metadata: { annotations: { [HASH]: null } } } } },
        { preconditions: { uid: 'workload-1' } },
      ],
    ]);
  });
});
