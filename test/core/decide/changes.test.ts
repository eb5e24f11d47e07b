/** Changes that do not go as planned, played against the model of a cluster. */
import { describe, expect, test } from 'vitest';
import { hashText } from '../../../src/core/decide/hash.ts';
import { tuning } from '../../support/builders.ts';
import { INI, World } from './world.ts';

const PATCH = { mode: 'Patch', minChangePercent: 1, verifyWindow: '20s', rolloutTimeout: '2m' };
const SAMPLING = { interval: '5s', minSamples: 1, minObservation: '0s' };
const EAGER = { sampling: SAMPLING, updatePolicy: PATCH };
const NEW = INI.replace('threads = 20\n', 'threads = 20\nthreads-stacksize = 512\n');

const settled = ({ tuning: { status, metadata } }: World): boolean =>
  (status?.history?.length ?? 0) > 0 && (metadata.finalizers ?? []).length === 0;

function inFlight(until: (world: World) => boolean, spec: object = EAGER): World {
  const world = new World(tuning(spec));
  world.run(until);
  return world;
}

const planned = (world: World): boolean => world.tuning.status?.change !== undefined;
const written = (world: World): boolean => world.textWrites.length === 1;
const annotated = (world: World): boolean => world.annotation !== null;
const finished = (world: World): unknown => world.tuning.status?.history?.[0];

describe('the annotation', () => {
  test.each([hashText(NEW), `${hashText(NEW)}-2`])('is told apart where the template carries %s already', (before) => {
    const world = new World(tuning(EAGER));
    world.annotation = before;
    world.startPods();
    world.run(settled);
    expect(finished(world)).toMatchObject({ verdict: 'Verified' });
    expect(world.annotations).toHaveLength(1);
    expect(world.annotation).not.toBe(before);
    expect(world.text).toBe(NEW);
  });

  test('that somebody always removes ends the change by its deadline, and the text is back', () => {
    const world = inFlight(written);
    world.stripsAnnotation = true;
    world.run(settled, 20_000);
    expect(finished(world)).toMatchObject({ verdict: 'PutBack', reason: 'RolloutTimedOut' });
    expect(world.text).toBe(INI);
  });

  test('is not set once more for a stale mount while a switch is on', () => {
    const world = inFlight(annotated);
    for (const pod of world.pods) world.running.set(pod.containerId, INI);
    world.ignored = true;
    world.run(settled);
    expect(finished(world)).toMatchObject({ verdict: 'PutBack', reason: 'Ignored' });
    expect(world.annotations.filter((value) => value !== null)).toHaveLength(1);
    expect(world.tuning.status?.rejected ?? []).toEqual([]);
  });
});

describe('measuring the new pods', () => {
  test('is tried again in measured time when it fails, and without success puts back', () => {
    const world = inFlight(annotated);
    const before = world.sampled.length;
    world.sampleFailure = 'ExecForbidden';
    world.run((w) => w.tuning.status?.change?.direction === 'PutBack', 20_000);
    expect(world.tuning.status?.change?.putBack?.reason).toBe('NoEvidence');
    expect(world.sampled.length - before).toBeLessThan(30);
  });

  test('waits for workers that start late', () => {
    const world = new World(tuning(EAGER));
    world.run(written);
    world.slowStartMs = 20_000;
    world.run(settled);
    expect(finished(world)).toMatchObject({ verdict: 'Verified' });
  });

  test.each([-10, 10])('waits for them on a node whose clock is %i minutes ahead, and no longer', (minutes) => {
    const world = new World(tuning(EAGER));
    world.nodeClockMs = minutes * 60_000;
    world.run(written);
    world.slowStartMs = 20_000;
    const start = world.now;
    world.run(settled);
    expect(finished(world)).toMatchObject({ verdict: 'Verified' });
    expect(world.now - start).toBeLessThan(80_000);
  });

  test('puts back when the values are still wrong after that', () => {
    const world = new World(tuning(EAGER));
    world.run(written);
    world.slowStartMs = 300_000;
    world.run(settled);
    expect(finished(world)).toMatchObject({ verdict: 'PutBack', reason: 'ValuesNotApplied' });
  });
});

describe('the saved copy', () => {
  test('that somebody edited before the write is saved again', () => {
    const world = inFlight(({ saved }) => saved !== null);
    world.saved = world.saved && { ...world.saved, text: '[uwsgi]\n' };
    world.run(settled);
    expect(finished(world)).toMatchObject({ verdict: 'Verified' });
    expect(world.saved?.text).toBe(INI);
  });

  test('that somebody edited after the write is never written: the put-back fails and says so', () => {
    const world = inFlight(annotated);
    world.saved = world.saved && { ...world.saved, text: '[uwsgi]\n' };
    world.log = { ...world.log, deaths: { '11': 1 } };
    world.run((w) => w.condition('Stalled') === 'True/PutBackFailed');
    expect(world.text).toBe(NEW);
  });
});

describe('a put-back', () => {
  test('whose write is refused is Stalled after its deadline, and is tried on', () => {
    const world = inFlight(annotated);
    world.rejectsWrites = true;
    world.log = { ...world.log, deaths: { '11': 1 } };
    world.run((w) => w.condition('Stalled') === 'True/PutBackFailed', 100_000);
    const trace: string[] = [];
    for (let count = 0; count < 5; count++) trace.push(world.step());
    expect(trace).toEqual(['WriteText', 'Wait', 'WriteText', 'Wait', 'WriteText']);
    world.rejectsWrites = false;
    world.run(settled);
    expect(world.text).toBe(INI);
    expect(world.annotation).toBeNull();
  });

  test('with nothing left to write is not held by read-only', () => {
    const world = inFlight(annotated);
    world.rolloutStuck = true;
    world.log = { ...world.log, deaths: { '11': 1 } };
    world.run(({ annotation, text }) => annotation === null && text === INI);
    world.readOnly = true;
    world.rolloutStuck = false;
    world.run(settled);
    expect(finished(world)).toMatchObject({ verdict: 'PutBack', reason: 'WorkerKilledBySignal' });
  });
});

describe('the end of a plan', () => {
  test('a deleted tuning leaves a workload alone that was not changed yet', () => {
    const world = inFlight(({ saved }) => saved !== null);
    world.restartPod(0, { reason: 'Error', exitCode: 1 });
    world.deleteTuning();
    world.run(settled);
    expect(finished(world)).toMatchObject({ verdict: 'Dropped', reason: 'TuningDeleted' });
    expect(world.annotations).toEqual([]);
    expect(world.textWrites).toEqual([]);
  });

  test('a plan that could not be written in time waits for minInterval', () => {
    const world = inFlight(planned);
    world.rejectsWrites = true;
    world.run(settled, 20_000);
    expect(finished(world)).toMatchObject({ verdict: 'Dropped', reason: 'TimedOut' });
    world.run((w) => w.condition('Applied') === 'False/TooSoon');
  });
});

describe('before a plan', () => {
  test('pods that are gone are not planned from', () => {
    const world = new World(tuning(EAGER));
    world.ignored = true;
    world.run((w) => w.condition('Applied') === 'False/Ignored');
    world.text = INI.replace('threads = 20', 'threads = 30');
    world.startPods();
    world.ignored = false;
    world.run(planned);
    expect(world.tuning.status?.change?.from?.summary).toBe('4x30 8Mi');
  });

  test('pods whose image a webhook rewrote are sized all the same', () => {
    const world = new World(tuning(EAGER));
    world.mirror = 'mirror.example/';
    world.startPods();
    world.run(settled);
    expect(finished(world)).toMatchObject({ verdict: 'Verified' });
  });

  test('the look-up of another ConfigMap is not trusted', () => {
    const world = new World(tuning(EAGER));
    world.run(({ preflight }) => preflight !== null);
    world.configMapUid = 'configmap-2';
    world.otherUsers = ['Deployment other (container web)'];
    world.run((w) => w.condition('Applied') === 'False/ConfigShared');
    expect(world.tuning.status?.history ?? []).toEqual([]);
  });

  test('a config that would start other processes than were computed is refused', () => {
    const world = new World(tuning(EAGER));
    world.text = INI.replace('processes = 4', 'processes = 16');
    world.run((w) => w.condition('Applied') === 'False/ValuesNotInForce');
    expect(world.textWrites).toEqual([]);
  });
});

describe('an idle tuning', () => {
  test('with too few samples of one pod looks as often as it samples', () => {
    const world = new World(tuning({ sampling: { minObservation: '0s' }, updatePolicy: PATCH }));
    world.replicas = 1;
    world.startPods();
    world.run((w) => w.condition('Applied') === 'False/TooFewSamples');
    const start = world.now;
    const trace = world.run(({ now }) => now > start + 50 * 60_000);
    expect(trace.length).toBeLessThan(60);
    const message = world.tuning.status?.conditions?.find(({ type }) => type === 'Applied')?.message;
    expect(message).toContain('may open at 2026-01-01T01:00:');
  });

  test('whose pods cannot be measured names one of them and writes no status per round', () => {
    const world = new World(tuning({ sampling: { interval: '1m', maxPods: 1 } }));
    world.replicas = 4;
    world.startPods();
    world.sampleFailure = 'NoShell';
    world.run((w) => w.condition('Stalled') === 'True/NoShell');
    const before = world.statusWrites;
    const start = world.now;
    world.run(({ now }) => now > start + 30 * 60_000);
    expect(world.statusWrites).toBe(before);
  });

  test('shows that it has seen a spec edit while there are no pods', () => {
    const world = new World(tuning({ sampling: SAMPLING }));
    world.run((w) => w.condition('Ready') === 'True/Measured');
    world.replicas = 0;
    world.startPods();
    world.loseMemory();
    world.tuning = { ...world.tuning, metadata: { ...world.tuning.metadata, generation: 2 } };
    world.run(({ tuning: { status } }) => status?.observedGeneration === 2, 50);
  });

  test('is no longer Stalled once its target is there, though it has no pods', () => {
    const world = new World(tuning({ sampling: SAMPLING }));
    world.run((w) => w.condition('Ready') === 'True/Measured');
    world.workloadMissing = true;
    world.run((w) => w.condition('Stalled') === 'True/TargetMissing');
    world.workloadMissing = false;
    world.replicas = 0;
    world.startPods();
    world.loseMemory();
    world.run((w) => w.condition('Stalled') === 'False/Progressing', 50);
    expect(world.condition('Reconciling')).toBe('True/NoReadyPod');
  });
});

describe("another tuning's change of the same workload", () => {
  test('holds a plan back', () => {
    const world = new World(tuning(EAGER));
    world.otherChange = { tuning: 'api', startedAt: '2026-01-01T00:00:00Z' };
    world.run((w) => w.condition('Applied') === 'False/TargetRolling');
    expect(world.tuning.status?.change).toBeUndefined();
    world.otherChange = null;
    world.run(settled);
    expect(finished(world)).toMatchObject({ verdict: 'Verified' });
  });

  test.each([
    ['an earlier one drops the plan', '2026-01-01T00:00:00.000Z', 'Dropped'],
    ['a later one gives way', '2026-01-02T00:00:00.000Z', 'Verified'],
  ])('that was planned at the same time: %s', (_name, startedAt, verdict) => {
    const world = inFlight(planned);
    world.otherChange = { tuning: 'api', startedAt };
    world.run(settled);
    expect(finished(world)).toMatchObject({ verdict });
  });
});

describe('a workload that somebody stops', () => {
  test.each([
    ['pauses', 'TargetPaused', (world: World) => (world.paused = true)],
    ['scales to 0', 'TargetScaledToZero', (world: World) => (world.replicas = 0)],
  ])('%s before the write: the plan is dropped', (_name, reason, stop) => {
    const world = inFlight(({ saved }) => saved !== null);
    stop(world);
    world.run(settled);
    expect(finished(world)).toMatchObject({ verdict: 'Dropped', reason });
    expect(world.textWrites).toEqual([]);
  });

  test('pauses during the rollout: put back in time, and the values are not blamed', () => {
    const world = inFlight(annotated);
    world.paused = true;
    world.rolloutStuck = true;
    world.run((w) => w.text === INI);
    world.rolloutStuck = false;
    world.run(settled);
    expect(finished(world)).toMatchObject({ verdict: 'PutBack', reason: 'RolloutTimedOut' });
    expect(world.tuning.status?.rejected ?? []).toEqual([]);
  });

  test.each([
    ['during the rollout', annotated],
    ['while the pods are watched', (w: World) => w.tuning.status?.change?.rolledOutAt !== undefined],
  ])('scales to 0 %s: put back in time, and the values are not blamed', (_name, when) => {
    const world = inFlight(when);
    world.replicas = 0;
    world.startPods();
    world.run(settled);
    expect(finished(world)).toMatchObject({ verdict: 'PutBack', reason: 'NoEvidence' });
    expect(world.tuning.status?.rejected ?? []).toEqual([]);
    expect(world.text).toBe(INI);
  });
});
