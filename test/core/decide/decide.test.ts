import { describe, expect, test } from 'vitest';
import type { UwsgiTuning } from '../../../src/api/uwsgi-tuning.ts';
import { kib } from '../../../src/core/quantity.ts';
import { readConfig } from '../../../src/core/uwsgi/reading.ts';
import { tuning } from '../../support/builders.ts';
import { INI, World } from './world.ts';

const EAGER = {
  sampling: { interval: '5s', minSamples: 1, minObservation: '0s' },
  updatePolicy: { mode: 'Patch', minChangePercent: 1, verifyWindow: '20s', rolloutTimeout: '2m' },
};

const settled = (world: World): boolean => (world.tuning.status?.history?.length ?? 0) > 0 && hasNoFinalizer(world);

function hasNoFinalizer(world: World): boolean {
  return (world.tuning.metadata.finalizers ?? []).length === 0;
}

function stackOf(text: string): number | null {
  return readConfig(text, { format: 'Ini', section: 'uwsgi' }).threadStackSize.value;
}

describe('a tuning in mode Recommend', () => {
  test('shows a recommendation and writes nothing else', () => {
    const world = new World(tuning({ sampling: EAGER.sampling }));
    world.run(({ tuning: { status } }) => status?.recommendation !== undefined);
    expect(world.condition('Ready')).toBe('True/Measured');
    expect(world.condition('Applied')).toBe('False/RecommendMode');
    expect(world.tuning.status?.current?.summary).toBe('4x20 8Mi');
    expect(world.tuning.status?.recommendation?.summary).toBe('4x20 512Ki');
    expect(world.textWrites).toEqual([]);
    expect(world.saved).toBeNull();
  });

  test('writes no status while nothing changes', () => {
    const world = new World(tuning({ sampling: EAGER.sampling }));
    world.run(({ tuning: { status } }) => status?.recommendation !== undefined);
    for (let count = 0; count < 5; count++) world.step();
    const before = world.statusWrites;
    const start = world.now;
    world.run(({ now }) => now > start + 120_000);
    expect(world.statusWrites - before).toBeLessThanOrEqual(1);
  });
});

describe('a change', () => {
  test('plans, saves, writes, annotates, verifies, in this order', () => {
    const world = new World(tuning(EAGER));
    const trace = world.run(settled).filter((kind) => !['Wait', 'Status', 'Sample'].includes(kind));
    expect(trace).toEqual(['Preflight', 'AddFinalizer', 'SaveConfig', 'WriteText', 'Annotate', 'RemoveFinalizer']);
    expect(world.tuning.status?.history?.[0]?.verdict).toBe('Verified');
    expect(world.text).toBe(INI.replace('threads = 20\n', 'threads = 20\nthreads-stacksize = 512\n'));
    expect(world.saved?.text).toBe(INI);
    expect(world.tuning.status?.change).toBeUndefined();
    world.run((w) => w.condition('Applied') === 'True/UpToDate');
  });

  test('reaches the same end when the controller forgets everything before every step', () => {
    const world = new World(tuning(EAGER));
    world.run(({ tuning: { status } }) => status?.change !== undefined);
    for (let step = 0; step < 400 && !settled(world); step++) {
      const { text, annotation } = world;
      // Samples and look-ups are lost too, so every second step takes them again.
      if (step % 3 === 0) world.loseMemory();
      world.step();
      if (world.text !== text || world.annotation !== annotation) world.loseMemory();
    }
    expect(world.tuning.status?.history?.[0]?.verdict).toBe('Verified');
    expect(world.textWrites).toHaveLength(1);
    expect(world.annotations).toHaveLength(1);
  });

  test.each(['11', '6'])('is put back when a worker dies by signal %s, and teaches', (signal) => {
    const world = new World(tuning(EAGER));
    world.run(({ annotation }) => annotation !== null);
    world.log = { ...world.log, deaths: { [signal]: 1 } };
    const trace = world.run(settled).filter((kind) => !['Wait', 'Status', 'Sample'].includes(kind));
    expect(trace).toEqual(['WriteText', 'Annotate', 'RemoveFinalizer']);
    expect(world.text).toBe(INI);
    expect(world.annotation).toBeNull();
    const [finished] = world.tuning.status?.history ?? [];
    expect(finished).toMatchObject({ verdict: 'PutBack', reason: 'WorkerKilledBySignal' });
    expect(world.tuning.status?.rejected).toMatchObject([{ lesson: 'StackTooSmall', threadStackSize: '512Ki' }]);
    world.run((w) => w.condition('Applied') === 'False/TooSoon');
    expect(world.tuning.status?.recommendation?.summary).toBe('4x20 1Mi');
  });

  test('is put back when its rollout does not complete in time', () => {
    const world = new World(tuning(EAGER));
    world.run(({ textWrites }) => textWrites.length === 1);
    world.rolloutStuck = true;
    world.run(({ textWrites }) => textWrites.length === 2);
    expect(world.tuning.status?.change?.putBack?.reason).toBe('RolloutTimedOut');
    world.rolloutStuck = false;
    world.run(settled);
    expect(world.tuning.status?.history?.[0]).toMatchObject({ verdict: 'PutBack', reason: 'RolloutTimedOut' });
    expect(world.text).toBe(INI);
  });

  test('rolls once more when a pod started with the old text, and counts that as no failure', () => {
    const world = new World(tuning(EAGER));
    world.run(({ textWrites }) => textWrites.length === 1);
    world.run(({ annotation }) => annotation !== null);
    for (const pod of world.pods) world.running.set(pod.containerId, INI);
    world.run(settled);
    expect(world.tuning.status?.history?.[0]?.verdict).toBe('Verified');
    expect(world.annotations).toHaveLength(2);
    expect(world.textWrites).toHaveLength(1);
  });

  test('restores only our values when somebody edited the text meanwhile', () => {
    const world = new World(tuning(EAGER));
    world.run(({ annotation }) => annotation !== null);
    world.text = `${world.text}harakiri = 30\n`;
    world.log = { ...world.log, deaths: { '11': 1 } };
    world.run(settled);
    expect(world.text).toBe(`${INI}harakiri = 30\n`);
  });

  test('restarts the pods when an old pod started with the new text before the put-back', () => {
    const world = new World(tuning(EAGER));
    world.run(({ textWrites }) => textWrites.length === 1);
    world.now += 1000;
    world.restartPod(0, { reason: 'Completed', exitCode: 0 });
    world.ignored = true;
    world.run(settled);
    expect(world.tuning.status?.history?.[0]).toMatchObject({ verdict: 'PutBack', reason: 'Ignored' });
    expect(world.text).toBe(INI);
    expect(world.annotation).not.toBeNull();
  });

  test('is put back, not awaited, when the tuning is deleted; then the finalizer goes', () => {
    const world = new World(tuning(EAGER));
    world.run(({ annotation }) => annotation !== null);
    world.tuning = {
      ...world.tuning,
      metadata: { ...world.tuning.metadata, deletionTimestamp: new Date(world.now).toISOString() },
    };
    world.rolloutStuck = true;
    world.run(hasNoFinalizer);
    expect(world.text).toBe(INI);
    expect(world.annotation).toBeNull();
  });
});

test('a change that is held for a day costs a look for others each hour, and no log is read', () => {
  const world = new World(tuning({ ...EAGER, sampling: { ...EAGER.sampling, interval: '5m' } }));
  world.frozen = true;
  world.run((w) => w.condition('Applied') === 'False/Frozen');
  const { now: start, tuning: before } = world;
  const looks = world.run(({ now }) => now >= start + 24 * 3_600_000).filter((kind) => kind === 'Preflight');
  expect(looks.length).toBeGreaterThanOrEqual(23);
  expect(looks.length).toBeLessThanOrEqual(25);
  expect(world.preflight?.baseline).toBeNull();
  expect(world.condition('Applied')).toBe('False/Frozen');
  expect(before.status?.change).toBeUndefined();
});

describe('the off switches', () => {
  const cases: [string, string, (world: World) => void][] = [
    ['suspend', 'Suspended', (world) => (world.tuning = suspend(world.tuning))],
    ['ignore', 'Ignored', (world) => (world.ignored = true)],
    ['read-only', 'ReadOnly', (world) => (world.readOnly = true)],
  ];

  test.each(cases)('%s closes the gate', (_name, reason, throwSwitch) => {
    const world = new World(tuning(EAGER));
    throwSwitch(world);
    world.run((w) => w.condition('Applied') === `False/${reason}`);
    expect(world.textWrites).toEqual([]);
  });

  test.each(cases)('%s drops a plan before the text is written', (_name, reason, throwSwitch) => {
    const world = new World(tuning(EAGER));
    world.run(({ saved }) => saved !== null);
    throwSwitch(world);
    world.run(settled);
    expect(world.tuning.status?.history?.[0]).toMatchObject({ verdict: 'Dropped', reason });
    expect(world.textWrites).toEqual([]);
  });

  test('a rolled-out change is guarded to its verdict', () => {
    const world = new World(tuning(EAGER));
    world.run(({ annotation }) => annotation !== null);
    world.ignored = true;
    world.run(settled);
    expect(world.tuning.status?.history?.[0]?.verdict).toBe('Verified');
  });

  test('read-only holds a put-back and says so', () => {
    const world = new World(tuning(EAGER));
    world.run(({ annotation }) => annotation !== null);
    world.readOnly = true;
    world.log = { ...world.log, deaths: { '11': 1 } };
    world.run((w) => w.condition('Stalled') === 'True/PutBackHeld');
    expect(world.textWrites).toHaveLength(1);
    world.readOnly = false;
    world.run(settled);
    expect(world.text).toBe(INI);
  });
});

describe('refusals', () => {
  test('a config that Git or Helm owns', () => {
    const world = new World(tuning(EAGER));
    world.owner = 'Argo CD';
    world.run((w) => w.condition('Applied') === 'False/ConfigOwned');
    expect(world.textWrites).toEqual([]);
  });

  test('a config that another workload uses', () => {
    const world = new World(tuning(EAGER));
    world.otherUsers = ['Deployment other (container web)'];
    world.run((w) => w.condition('Applied') === 'False/ConfigShared');
    expect(world.textWrites).toEqual([]);
  });

  test('an edit that cannot be proven', () => {
    const world = new World(tuning(EAGER));
    world.text = INI.replace('threads = 20', 'threads = 20\nthreads-stacksize = $(STACK)');
    world.run((w) => w.condition('Applied') === 'False/EditRefused');
    expect(world.textWrites).toEqual([]);
  });
});

function suspend(object: UwsgiTuning): UwsgiTuning {
  return { ...object, spec: { ...object.spec, updatePolicy: { ...object.spec.updatePolicy, suspend: true } } };
}

test('the stack that is written is the one that was recommended', () => {
  const world = new World(tuning(EAGER));
  world.run(settled);
  expect(stackOf(world.text)).toBe(kib(512));
});

describe('a round of measuring that fails', () => {
  const failed = (world: World, code: 'Timeout' | 'ExecForbidden'): void => {
    world.run(({ tuning: { status } }) => status?.recommendation !== undefined);
    world.round = { at: world.now, samples: [], failures: [{ pod: 'web-1', code, message: 'it failed' }] };
    world.step();
  };

  test('by chance leaves Ready True, so that nobody who waits for it is woken', () => {
    const world = new World(tuning({ sampling: EAGER.sampling }));
    failed(world, 'Timeout');
    expect(world.condition('Ready')).toBe('True/Measured');
  });

  test('because somebody forbade it says so', () => {
    const world = new World(tuning({ sampling: EAGER.sampling }));
    failed(world, 'ExecForbidden');
    expect(world.condition('Ready')).toBe('False/ExecForbidden');
    expect(world.condition('Stalled')).toBe('True/ExecForbidden');
  });
});
