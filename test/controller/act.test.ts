import { describe, expect, test } from 'vitest';
import type { Sampler } from '../../src/controller/sampler.ts';
import type { Writer } from '../../src/cluster/writers.ts';
import { act, type Actor } from '../../src/controller/act.ts';
import { TuningMemories } from '../../src/controller/memory.ts';
import type { Action } from '../../src/core/decide/decision.ts';
import type { SampleFailure, Snapshot } from '../../src/core/decide/snapshot.ts';
import type { Sample } from '../../src/core/memory/sample.ts';
import { emptyDigest } from '../../src/core/recommend/digest.ts';
import { sample as fixtureSample } from '../core/memory/captures.ts';
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

describe('how deep a container is sampled', () => {
  const full = fixtureSample('4x100');
  const light = { ...full, processes: full.processes.map((process) => ({ ...process, busyThreads: null })) };
  const FAILED: SampleFailure = { pod: 'web-1', code: 'Failed', message: 'no answer' };

  /** One container after another is sampled in a pod; tells which earlier sample the sampler was given each time. */
  class Rounds {
    readonly memory = new TuningMemories().of('shop/web', 'tuning-1', emptyDigest);
    readonly given: (Sample | null)[] = [];

    async take(
      purpose: 'Observe' | 'Verify',
      containerId: string,
      failure: SampleFailure | null = null,
    ): Promise<void> {
      const sampler = {
        sample: (_target: unknown, _pod: unknown, { earlier }: { earlier: Sample | null }) => {
          this.given.push(earlier);
          return Promise.resolve(failure ?? (earlier === null ? full : light));
        },
      };
      const pod = { name: 'web-1', uid: 'pod-1', containerId, image: 'app:1' };
      const snapshot = { pods: [pod], workload: null, configMap: null } as unknown as Snapshot;
      const { signal } = new AbortController();
      const scene = { tuning: tuning(), snapshot, memory: this.memory, signal };
      const actor = { sampler: sampler as unknown as Sampler, now: () => 1 } as Actor;
      await act({ kind: 'Sample', pods: ['web-1', 'gone'], purpose }, scene, actor);
    }
  }

  test('every thread is read first and every twelfth time, otherwise the last such sample is built on', async () => {
    const rounds = new Rounds();
    for (let round = 0; round < 14; round += 1) await rounds.take('Observe', 'a');
    expect(rounds.given.map((earlier) => earlier !== null)).toEqual(
      Array.from({ length: 14 }, (_, round) => round % 12 !== 0),
    );
    expect(rounds.given[1]).toBe(full);
    expect(rounds.given[13]).toBe(full);
    expect(rounds.memory.round?.samples).toEqual([light]);
  });

  test('every thread is read of a container that is new in its pod', async () => {
    const rounds = new Rounds();
    for (const container of ['a', 'a', 'b', 'b', 'a']) await rounds.take('Observe', container);
    expect(rounds.given).toEqual([null, full, null, full, null]);
  });

  test('every thread is read again after a first sample that failed', async () => {
    const rounds = new Rounds();
    await rounds.take('Observe', 'a', FAILED);
    expect(rounds.memory.round).toMatchObject({ samples: [], failures: [FAILED] });
    await rounds.take('Observe', 'a');
    await rounds.take('Observe', 'a', FAILED);
    await rounds.take('Observe', 'a');
    expect(rounds.given).toEqual([null, null, full, full]);
  });

  test('every thread is read in a sample that judges a change, and later ones may build on it', async () => {
    const rounds = new Rounds();
    for (const purpose of ['Verify', 'Verify', 'Observe', 'Verify'] as const) await rounds.take(purpose, 'a');
    expect(rounds.given).toEqual([null, null, full, null]);
    expect(rounds.memory.verifySamples.get('a')).toMatchObject({ sample: full, failure: null });
  });
});
