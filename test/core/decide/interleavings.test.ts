/** Whatever others do and whenever the controller forgets, the promises of design.md 3.3 hold and a change ends. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Action } from '../../../src/core/decide/decision.ts';
import { hasChangeHash } from '../../../src/core/decide/evidence.ts';
import { hashText } from '../../../src/core/decide/hash.ts';
import { readConfig } from '../../../src/core/uwsgi/reading.ts';
import { tuning } from '../../support/builders.ts';
import { INI, World } from './world.ts';

const SPEC = {
  sampling: { interval: '5s', minSamples: 1, minObservation: '0s' },
  updatePolicy: { mode: 'Patch', minChangePercent: 1, minInterval: '30s', verifyWindow: '20s', rolloutTimeout: '2m' },
};
/** The rollout, the verification with its grace, the put-back, and a look every 15 s. */
const LONGEST_CHANGE_MS = (120 + 20 + 60 + 600 + 30) * 1000;

type Noise = { readonly kind: string; readonly amount: number };

/** A world that checks every effect at the moment it is performed. */
class StrictWorld extends World {
  disturbances = 0;
  #changeId: string | undefined;
  #annotations = 0;

  override step(): string {
    const before = this.tuning.status?.change;
    const done = super.step();
    const after = this.tuning.status?.change;
    if (after !== undefined && after.id !== before?.id) {
      expect(before, 'a change begins while another is in flight').toBeUndefined();
      expect(this.rolloutStuck, 'a change begins while the workload rolls').toBe(false);
      this.#changeId = after.id;
      this.#annotations = 0;
      this.disturbances = 0;
    }
    return done;
  }

  override perform(action: Action): void {
    if (action.kind === 'WriteText') this.#checkWrite(action);
    if (action.kind === 'Annotate') this.#checkAnnotation(action.value);
    super.perform(action);
  }

  switchedOn(): boolean {
    return this.readOnly || this.ignored || this.frozen || this.tuning.spec.updatePolicy?.suspend === true;
  }

  #checkWrite({ text, resourceVersion }: Extract<Action, { kind: 'WriteText' }>): void {
    const change = this.tuning.status?.change;
    if (change === undefined) throw new Error('a write without a change');
    expect(resourceVersion).toBe(String(this.version));
    expect(hashText(this.saved?.text ?? ''), 'the old text is saved').toBe(change.oldHash);
    if (change.direction === 'Forward') {
      expect(this.switchedOn(), 'a forward write while a switch is on').toBe(false);
      expect(this.tuning.metadata.finalizers).toEqual(['uwsgi-tuner.dev/change-in-flight']);
      expect([hashText(this.text), hashText(text)]).toEqual([change.oldHash, change.newHash]);
      return;
    }
    expect(this.readOnly, 'a put-back under read-only').toBe(false);
    if (hashText(this.text) === change.newHash) expect(hashText(text)).toBe(change.oldHash);
    else {
      expect(others(text)).toEqual(others(this.text));
      expect(valuesIn(text)).toEqual(valuesIn(this.saved?.text ?? ''));
    }
  }

  #checkAnnotation(value: string | null): void {
    const change = this.tuning.status?.change;
    expect(change?.id).toBe(this.#changeId);
    if (change?.direction === 'Forward') {
      expect(this.switchedOn(), 'a forward annotation while a switch is on').toBe(false);
      expect(hasChangeHash(change, value)).toBe(true);
    } else {
      expect(this.readOnly, 'a put-back under read-only').toBe(false);
      const ours = change?.putBack?.rerolled === true || (change && hasChangeHash(change, this.annotation)) === true;
      expect(ours || this.annotation === (change?.previousAnnotation ?? null), "somebody's annotation").toBe(true);
    }
    this.#annotations++;
    // An annotation that is undone at once is set again.
    if (this.stripsAnnotation) this.disturbances++;
    expect(this.#annotations).toBeLessThanOrEqual(3 + this.disturbances);
  }
}

/** The lines that are none of the three options. */
function others(text: string): string[] {
  return text.split('\n').filter((line) => !/^(processes|threads|threads-stacksize) =/.test(line));
}

function valuesIn(text: string): unknown[] {
  const { processes, threads, threadStackSize } = readConfig(text, { format: 'Ini', section: 'uwsgi' });
  return [processes.value, threads.value, threadStackSize.value];
}

const NOISE: Readonly<Record<string, (world: StrictWorld, amount: number) => void>> = {
  step: (world, amount) => {
    for (let count = 0; count < amount; count++) world.step();
  },
  forget: (world) => {
    world.loseMemory();
  },
  time: (world, amount) => (world.now += amount ** 2 * 1000),
  harm: (world) => (world.log = { ...world.log, deaths: { '11': 1 } }),
  suspend: (world, amount) => {
    const updatePolicy = { ...world.tuning.spec.updatePolicy, suspend: amount % 2 === 0 };
    world.tuning = { ...world.tuning, spec: { ...world.tuning.spec, updatePolicy } };
  },
  ignore: (world, amount) => (world.ignored = amount % 2 === 0),
  freeze: (world, amount) => (world.frozen = amount % 2 === 0),
  readOnly: (world, amount) => (world.readOnly = amount % 2 === 0),
  pause: (world, amount) => (world.paused = amount % 2 === 0),
  stuck: (world, amount) => (world.rolloutStuck = amount % 2 === 0),
  comment: (world, amount) => {
    world.editText(`${world.text}# ${amount}\n`);
  },
  otherValues: (world, amount) => {
    world.editText(world.text.replace(/processes = \d+/, `processes = ${1 + (amount % 6)}`));
  },
  oldText: (world) => {
    world.editText(INI);
  },
  annotation: (world, amount) => {
    world.annotation = amount % 2 === 0 ? null : `somebody-${amount}`;
    world.disturbances++;
    world.startPods();
  },
  replacePod: (world, amount) => {
    if (world.pods.length > 0) world.pods = world.pods.with(amount % world.pods.length, world.newPod());
  },
  restartPod: (world, amount) => {
    if (world.pods.length === 0) return;
    const ended = amount % 3 === 0 ? { reason: 'OOMKilled', exitCode: 137 } : { reason: 'Completed', exitCode: 0 };
    world.restartPod(amount % world.pods.length, ended);
  },
  staleMounts: (world) => {
    for (const pod of world.pods) world.running.set(pod.containerId, INI);
  },
  image: (world, amount) => {
    world.image = `shop/web:${amount % 3}`;
    world.startPods();
  },
  scale: (world, amount) => {
    world.replicas = amount % 4;
    world.startPods();
  },
  sampling: (world, amount) => (world.sampleFailure = amount % 2 === 0 ? 'Timeout' : null),
  refuseWrites: (world, amount) => (world.rejectsWrites = amount % 2 === 0),
  strip: (world, amount) => (world.stripsAnnotation = amount % 2 === 0),
  noWorkload: (world, amount) => (world.workloadMissing = amount % 2 === 0),
  newWorkload: (world, amount) => {
    world.workloadUid = `workload-${amount}`;
    world.startPods();
  },
  newConfigMap: (world, amount) => {
    world.configMapUid = `configmap-${amount}`;
    world.editText(INI);
  },
  deleted: (world) => {
    if (world.tuning.metadata.deletionTimestamp === undefined) world.deleteTuning();
  },
};

const noise: fc.Arbitrary<Noise> = fc.record({
  kind: fc.oneof(
    { weight: 20, arbitrary: fc.constant('step') },
    { weight: 18, arbitrary: fc.constantFrom(...Object.keys(NOISE).filter((kind) => kind !== 'deleted')) },
    { weight: 1, arbitrary: fc.constant('deleted') },
  ),
  amount: fc.integer({ min: 1, max: 12 }),
});

const LIFTED = ['refuseWrites', 'strip', 'noWorkload'];

function calm(world: StrictWorld): void {
  for (const kind of ['suspend', 'ignore', 'freeze', 'readOnly', 'pause', 'stuck', 'sampling', ...LIFTED])
    NOISE[kind]?.(world, 1);
}

/** With a switch on nothing is written but what is said of the state, once. */
function expectQuiet(world: StrictWorld): void {
  world.ignored = true;
  const [start, status, texts, annotations] = [
    world.now,
    world.statusWrites,
    world.textWrites.length,
    world.annotations.length,
  ];
  world.run(({ now }) => now > start + 20_000);
  expect([world.textWrites.length, world.annotations.length]).toEqual([texts, annotations]);
  expect(world.statusWrites - status, JSON.stringify(world.tuning.status?.conditions)).toBeLessThanOrEqual(3);
}

const atRest = ({ tuning: { status, metadata } }: World): boolean =>
  status?.change === undefined && (metadata.finalizers ?? []).length === 0;

test('no interleaving breaks a promise, and every change ends', () => {
  fc.assert(
    fc.property(fc.array(noise, { minLength: 5, maxLength: 50 }), (events) => {
      const world = new StrictWorld(tuning(SPEC));
      for (const { kind, amount } of events) NOISE[kind]?.(world, amount);
      calm(world);
      const end = world.now + LONGEST_CHANGE_MS;
      world.run((w) => atRest(w) || w.now > end);
      expect(atRest(world), JSON.stringify(world.tuning.status?.change)).toBe(true);
      expectQuiet(world);
    }),
    { numRuns: 300, seed: 20261124 },
  );
}, 120_000);
