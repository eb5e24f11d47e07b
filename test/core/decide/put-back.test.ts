/** Putting back is followed until the pods really run the old values. */
import { describe, expect, test } from 'vitest';
import { hashText } from '../../../src/core/decide/hash.ts';
import { tuning } from '../../support/builders.ts';
import { INI, World } from './world.ts';

const EAGER = {
  sampling: { interval: '5s', minSamples: 1, minObservation: '0s' },
  updatePolicy: { mode: 'Patch', minChangePercent: 1, verifyWindow: '20s', rolloutTimeout: '2m' },
};
const NEW = INI.replace('threads = 20\n', 'threads = 20\nthreads-stacksize = 512\n');

const annotated = (world: World): boolean => world.annotation !== null;
const finished = (world: World): unknown => world.tuning.status?.history?.[0];
const texts = (world: World): (string | undefined)[] =>
  world.pods.map(({ containerId }) => world.running.get(containerId));
const settled = ({ tuning: { status, metadata } }: World): boolean =>
  (status?.history?.length ?? 0) > 0 && (metadata.finalizers ?? []).length === 0;

/** A change that is rolled out and does harm, at the moment when its put-back is decided. */
function puttingBack(): World {
  const world = new World(tuning(EAGER));
  world.run(annotated);
  world.log = { ...world.log, deaths: { '11': 1 } };
  world.run((w) => w.tuning.status?.change?.direction === 'PutBack');
  return world;
}

describe('the pods after a put-back', () => {
  test('are measured once', () => {
    const world = puttingBack();
    const before = world.sampled.length;
    world.run(settled);
    expect(world.sampled.length - before).toBe(1);
    expect(finished(world)).toMatchObject({ verdict: 'PutBack', reason: 'WorkerKilledBySignal' });
    expect(world.annotation).toBeNull();
  });

  test('that mounted the text that was just taken back roll once more', () => {
    const world = puttingBack();
    world.mounts = NEW;
    world.run((w) => w.text === INI && w.annotation === null);
    expect(texts(world)).toEqual([NEW, NEW]);
    world.mounts = null;
    world.run(settled);
    expect(texts(world)).toEqual([INI, INI]);
    expect(world.text).toBe(INI);
    expect(finished(world)).toMatchObject({ verdict: 'PutBack', reason: 'WorkerKilledBySignal' });
    expect(world.annotations).toHaveLength(3);
  });

  test('that run it after that roll too need somebody, and are looked at on', () => {
    const world = puttingBack();
    world.mounts = NEW;
    world.run((w) => w.condition('Stalled') === 'True/PutBackFailed');
    expect(world.annotations).toHaveLength(3);
    expect(world.tuning.status?.history ?? []).toEqual([]);
    world.mounts = null;
    world.startPods();
    world.run(settled);
    expect(finished(world)).toMatchObject({ verdict: 'PutBack' });
  });

  test('that cannot be measured for want of a right are taken as they are', () => {
    const world = puttingBack();
    const start = world.now;
    world.sampleFailure = 'ExecForbidden';
    world.run(settled);
    expect(world.now - start).toBeLessThan(60_000);
  });

  test('that cannot be measured for another reason are asked until the deadline', () => {
    const world = puttingBack();
    const start = world.now;
    const before = world.sampled.length;
    world.sampleFailure = 'Timeout';
    world.run(settled, 20_000);
    expect(world.now - start).toBeGreaterThan(590_000);
    expect(world.now - start).toBeLessThan(660_000);
    expect(world.sampled.length - before).toBeLessThan(130);
    expect(finished(world)).toMatchObject({ verdict: 'PutBack' });
  });

  test('are neither awaited nor measured when the tuning is deleted', () => {
    const world = puttingBack();
    const before = world.sampled.length;
    world.deleteTuning();
    world.run(settled);
    expect(world.sampled.length).toBe(before);
  });

  test('that somebody restarted with it by an annotation of their own roll once more', () => {
    const world = puttingBack();
    world.annotation = 'somebody';
    world.startPods();
    world.run(settled);
    expect(texts(world)).toEqual([INI, INI]);
    expect(world.annotation).toMatch(/-2$/);
  });

  test('hold the roll back under read-only', () => {
    const world = puttingBack();
    world.mounts = NEW;
    world.run((w) => w.text === INI && w.annotation === null);
    world.readOnly = true;
    world.run((w) => w.condition('Stalled') === 'True/PutBackHeld');
    expect(world.annotations).toHaveLength(2);
  });
});

describe('a Deployment that was deleted and applied anew', () => {
  test('while its config was the new one: its pods restart with the old one', () => {
    const world = new World(tuning(EAGER));
    world.run(annotated);
    world.replaceWorkload();
    expect(texts(world)).toEqual([NEW, NEW]);
    world.run(settled);
    expect(texts(world)).toEqual([INI, INI]);
    expect(world.annotation).toBe(`${hashText(INI)}-${(finished(world) as { id: string }).id}-2`);
    expect(finished(world)).toMatchObject({ verdict: 'PutBack', reason: 'TargetGone' });
    expect(world.tuning.status?.rejected ?? []).toEqual([]);
  });

  test('once the old config was back: its pods are left alone', () => {
    const world = puttingBack();
    world.run((w) => w.text === INI);
    world.replaceWorkload();
    const before = world.annotations.length;
    world.run(settled);
    expect(world.annotations.length).toBe(before);
    expect(world.annotation).toBeNull();
  });

  test('that does not become ready ends the change at the deadline: it is not ours', () => {
    const world = puttingBack();
    world.run((w) => w.text === INI);
    world.replaceWorkload();
    world.rolloutStuck = true;
    world.run(settled, 20_000);
    expect(finished(world)).toMatchObject({ verdict: 'PutBack' });
  });

  test('not at all: the text is back and nothing is awaited', () => {
    const world = new World(tuning(EAGER));
    world.run(annotated);
    world.workloadMissing = true;
    const start = world.now;
    world.run(settled);
    expect(world.now - start).toBeLessThan(30_000);
    expect(world.text).toBe(INI);
  });
});

describe('a ConfigMap that is gone while the old config is put back', () => {
  test('ends the change: a roll would start pods that cannot mount it', () => {
    const world = puttingBack();
    world.configMapMissing = true;
    const before = world.annotations.length;
    world.run(settled);
    expect(world.annotations.length).toBe(before);
    expect(finished(world)).toMatchObject({ verdict: 'Superseded', reason: 'ConfigMapGone' });
  });

  test('and is there anew with another text: the pods restart with that', () => {
    const world = puttingBack();
    world.configMapUid = 'configmap-2';
    world.editText(INI.replace('processes = 4', 'processes = 3'));
    world.run(settled);
    expect(texts(world)[0]).toContain('processes = 3');
    expect(finished(world)).toMatchObject({ verdict: 'PutBack', reason: 'WorkerKilledBySignal' });
  });
});
