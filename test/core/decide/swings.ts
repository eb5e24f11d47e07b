/**
 * Traffic and memory that swing: a model of pods whose memory follows processes, threads and what is asked of them. It
 * is no prediction of any workload; it is meant to be worse than most.
 */
import { bytes, kib, mib, type Bytes } from '../../../src/core/quantity.ts';
import type { Action } from '../../../src/core/decide/decision.ts';
import type { Evidence, PodView } from '../../../src/core/decide/snapshot.ts';
import type { Sample } from '../../../src/core/memory/sample.ts';
import { sample } from '../../support/builders.ts';
import { World } from './world.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

/** How the demand moves over time; each returns a factor around 1. */
export const SHAPES = ['flat', 'daily', 'weekly', 'steps', 'walk', 'spikes', 'square'] as const;
export type Shape = (typeof SHAPES)[number];

export interface Swing {
  readonly shape: Shape;
  /** Of the mean, 0 to 1. */
  readonly amplitude: number;
  /** Length of a square wave, a spike's distance or a step, hours. */
  readonly periodHours: number;
  /** Requests in flight in the whole workload, mean. */
  readonly demand: number;
  /** Private memory of a worker at rest, and of one with one busy thread more, bytes. */
  readonly base: Bytes;
  readonly perThread: Bytes;
  /** Memory that was once used stays used until the worker ends. */
  readonly sticky: boolean;
  readonly hpa: boolean;
  /** Container restarts of the whole workload in a day, a mean. */
  readonly restarts: number;
  readonly seed: number;
}

/** A random number from 0 to 1, the same for the same seed and count (mulberry32). */
export function random(seed: number): number {
  let state = (seed + 0x6d2b79f5) | 0;
  state = Math.imul(state ^ (state >>> 15), state | 1);
  state ^= state + Math.imul(state ^ (state >>> 7), state | 61);
  return ((state ^ (state >>> 14)) >>> 0) / 2 ** 32;
}

/** The demand at a time since the start, requests in flight. */
export function demandAt(swing: Swing, ms: number): number {
  const { shape, amplitude, periodHours, seed } = swing;
  const hours = ms / HOUR;
  const noise = 1 + 0.05 * (random(seed + Math.floor(hours * 12)) - 0.5);
  return swing.demand * noise * Math.max(0.02, 1 + amplitude * waveAt(shape, hours, periodHours, seed));
}

function waveAt(shape: Shape, hours: number, period: number, seed: number): number {
  const turn = Math.floor(hours / period);
  switch (shape) {
    case 'flat':
      return 0;
    case 'daily':
      return Math.sin((hours / 24) * 2 * Math.PI);
    case 'weekly':
      return Math.sin((hours / 24) * 2 * Math.PI) * (Math.floor(hours / 24) % 7 < 5 ? 1 : 0.2);
    case 'square':
      return turn % 2 === 0 ? 1 : -1;
    case 'spikes':
      return hours - turn * period < 0.5 + random(seed + turn) ? 2 : -0.5;
    case 'steps':
      return 2 * random(seed + turn) - 1;
    case 'walk': {
      let level = 0;
      for (let step = 0; step <= turn; step++) level += (random(seed + step) - 0.5) * 0.6;
      return Math.max(-1, Math.min(2, level));
    }
  }
}

/** A world whose pods' memory follows the demand; the kernel kills what does not fit. */
export class SwingingWorld extends World {
  readonly swing: Swing;
  readonly start: number;
  /** When the swings end: from then on the demand is at its mean. */
  calmAt = Infinity;
  /** The most busy threads of a worker since the container began. */
  readonly #peaks = new Map<string, number>();
  readonly #kills = new Map<string, number>();
  #rollsUntil = 0;
  #dice: number;

  constructor(tuning: World['tuning'], swing: Swing, ini: string, limit: Bytes) {
    super(tuning);
    this.swing = swing;
    this.start = this.now;
    this.#dice = swing.seed;
    this.limit = limit;
    this.text = ini;
    this.startPods();
  }

  get demand(): number {
    return this.now < this.calmAt ? demandAt(this.swing, this.now - this.start) : this.swing.demand;
  }

  override rolling(): boolean {
    return super.rolling() || this.now < this.#rollsUntil;
  }

  override perform(action: Action): void {
    const before = this.annotation;
    super.perform(action);
    if (this.annotation !== before) this.#rollsUntil = this.now + 60_000;
  }

  override step(): string {
    const before = this.now;
    const done = super.step();
    if (this.now > before) this.#live(this.now - before);
    return done;
  }

  /** What the pods and others do in the time that has passed. */
  #live(elapsed: number): void {
    for (const [index, pod] of this.pods.entries()) {
      const busy = this.#busy(pod);
      const peak = this.swing.sticky ? Math.max(this.#peaks.get(pod.containerId) ?? 0, busy) : busy;
      this.#peaks.set(pod.containerId, peak);
      if (this.#used(pod) > this.limit) this.#kill(pod);
      const chance = (this.swing.restarts / this.pods.length) * (elapsed / DAY);
      if (this.#roll() < chance) this.restartPod(index, { reason: 'Completed', exitCode: 0 });
    }
    if (this.swing.hpa && this.tuning.status?.change === undefined) this.#scale();
  }

  #roll(): number {
    return random(this.#dice++);
  }

  /** One pod for each 60 % of its threads that are asked for. */
  #scale(): void {
    const [pod] = this.pods;
    if (pod === undefined) return;
    const { processes, threads } = this.valuesOf(pod);
    const wanted = Math.max(1, Math.min(10, Math.ceil(this.demand / (0.6 * processes * threads))));
    if (wanted === this.replicas) return;
    this.replicas = wanted;
    const more = Math.max(0, wanted - this.pods.length);
    this.pods = [...this.pods.slice(0, wanted), ...Array.from({ length: more }, () => this.newPod())];
  }

  #busy(pod: PodView): number {
    const { processes, threads } = this.valuesOf(pod);
    return Math.min(threads, this.demand / this.pods.length / processes);
  }

  #privateEach(pod: PodView): Bytes {
    const peak = this.#peaks.get(pod.containerId) ?? 0;
    return bytes(Math.round(this.swing.base + this.swing.perThread * peak ** 0.68));
  }

  #used(pod: PodView): number {
    const { processes, threads } = this.valuesOf(pod);
    return processes * (this.#privateEach(pod) + (threads - 1) * kib(16)) + mib(25);
  }

  /** The kernel kills one worker: its memory is gone, and the master starts another. */
  #kill({ containerId }: PodView): void {
    this.#kills.set(containerId, (this.#kills.get(containerId) ?? 0) + 1);
    this.#peaks.set(containerId, 0);
  }

  override evidenceOf(pod: PodView): Evidence {
    const kills = this.#kills.get(pod.containerId) ?? 0;
    const evidence = super.evidenceOf(pod);
    const deaths: Record<string, number> = kills === 0 ? {} : { '9': kills };
    return {
      ...evidence,
      log: { ...this.log, deaths },
      probe: { at: this.now, oomKills: kills, respawns: kills },
    };
  }

  override sampleOf(pod: PodView): Sample {
    const peak = Math.ceil(this.#peaks.get(pod.containerId) ?? 0);
    const values = this.valuesOf(pod);
    const taken = sample({
      ...values,
      pod: pod.name,
      podUid: pod.uid,
      takenAt: this.now,
      limit: this.limit,
      privateEach: this.#privateEach(pod),
      highWater: kib(20 + 4 * Math.floor(40 * random(this.swing.seed + pod.createdAt))),
    });
    return {
      ...taken,
      cgroup: { ...taken.cgroup, oomKills: this.#kills.get(pod.containerId) ?? 0 },
      processes: taken.processes.map((process) =>
        process.role === 'worker' ? { ...process, busyThreads: Math.max(1, Math.min(values.threads, peak)) } : process,
      ),
    };
  }
}
