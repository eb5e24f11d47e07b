/**
 * A small model of a cluster that decisions are played against: it applies actions as the real one would, and can lose
 * the controller's memory at any point. What it cannot show (real rollouts, real deaths) the e2e tests do.
 */
import type { UwsgiTuning } from '../../../src/api/uwsgi-tuning.ts';
import { decide } from '../../../src/core/decide/decide.ts';
import { pauseBefore, type Action, type Performed } from '../../../src/core/decide/decision.ts';
import type {
  Evidence,
  PodView,
  SampleFailureCode,
  SampleRound,
  Snapshot,
  VerifySample,
} from '../../../src/core/decide/snapshot.ts';
import type { Sample } from '../../../src/core/memory/sample.ts';
import { addSample, decodeDigest, emptyDigest, type Digest } from '../../../src/core/recommend/digest.ts';
import { mib } from '../../../src/core/quantity.ts';
import { sample } from '../../support/builders.ts';
import { Pods } from './pods.ts';

export { INI } from './pods.ts';

export class World extends Pods {
  tuning: UwsgiTuning;
  textWrites: string[] = [];
  saved: Snapshot['saved'] = null;
  annotations: (string | null)[] = [];
  statusWrites = 0;
  readOnly = false;
  ignored = false;
  frozen = false;
  terminating = false;
  otherChange: Snapshot['otherChange'] = null;
  paused = false;
  workloadUid = 'workload-1';
  configMapUid = 'configmap-1';
  /** Somebody's webhook removes our annotation from whatever is written. */
  stripsAnnotation = false;
  workloadMissing = false;
  configMapMissing = false;
  /** Somebody's webhook refuses every write of the config. */
  rejectsWrites = false;
  /** Measuring fails so; null: it works. */
  sampleFailure: SampleFailureCode | null = null;
  /** Rounds of measuring, and the pods of each. */
  sampled: (readonly string[])[] = [];
  /** Times of the guard's probes; null: now. */
  probedAt: number | null = null;
  /** What a pod shows in its first seconds, whatever its config says: 0 when uWSGI starts at once. */
  slowStartMs = 0;
  limit = mib(1024);
  owner: string | null = null;
  otherUsers: string[] = [];
  rolloutStuck = false;
  #last: Performed | null = null;
  /** Grows with every write of the ConfigMap, ours and others'. */
  version = 1;
  round: SampleRound | null = null;
  verifySamples = new Map<string, VerifySample>();
  preflight: Snapshot['preflight'] = null;
  digest: Digest = emptyDigest();

  constructor(tuning: UwsgiTuning) {
    super();
    this.tuning = tuning;
    this.startPods();
  }

  /** Somebody edits the config. */
  editText(text: string): void {
    this.text = text;
    this.version++;
  }

  /** Somebody deletes the Deployment and applies it anew: a template without annotation, new pods. */
  replaceWorkload(): void {
    this.workloadUid = `workload-${this.serial()}`;
    this.annotation = null;
    this.startPods();
  }

  /** Somebody deletes the tuning. */
  deleteTuning(): void {
    const deletionTimestamp = new Date(this.now).toISOString();
    this.tuning = { ...this.tuning, metadata: { ...this.tuning.metadata, deletionTimestamp } };
  }

  rolling(): boolean {
    return this.rolloutStuck;
  }

  snapshot(): Snapshot {
    return {
      tuning: this.tuning,
      problems: [],
      readOnly: this.readOnly,
      frozen: this.frozen,
      terminating: this.terminating,
      duplicateOf: null,
      otherChange: this.otherChange,
      workload: this.workloadMissing
        ? null
        : {
            name: 'web',
            uid: this.workloadUid,
            observed: true,
            replicas: this.replicas,
            updated: this.rolling() ? this.replicas - 1 : this.replicas,
            total: this.replicas,
            available: this.rolling() ? this.replicas - 1 : this.replicas,
            paused: this.paused,
            progressDeadlineExceeded: false,
            ignored: this.ignored,
            configHash: this.annotation,
            candidates: [{ name: 'app', image: this.image, memoryLimit: this.limit }],
          },
      configMap: this.configMapMissing
        ? null
        : {
            name: 'web-uwsgi',
            uid: this.configMapUid,
            resourceVersion: String(this.version),
            immutable: false,
            text: this.text,
            binary: false,
            keys: ['uwsgi.ini'],
            owner: this.owner,
          },
      saved: this.saved,
      pods: this.workloadMissing ? [] : this.pods,
      digest: this.digest,
      round: this.round,
      verifySamples: [...this.verifySamples.values()],
      preflight: this.preflight,
      evidence: this.pods.map((pod) => this.evidenceOf(pod)),
    };
  }

  evidenceOf({ uid, containerId }: PodView): Evidence {
    const probe = { at: this.probedAt ?? this.now, oomKills: 0, respawns: 0 };
    return { podUid: uid, containerId, log: this.log, probe };
  }

  /** One reconcile; what it did. */
  step(): string {
    const decision = decide(this.snapshot(), this.now);
    if (decision.status !== null) {
      const ended = this.tuning.status?.change !== undefined && decision.status.change === undefined;
      this.tuning = {
        ...this.tuning,
        status: JSON.parse(JSON.stringify(decision.status)) as NonNullable<UwsgiTuning['status']>,
      };
      this.statusWrites++;
      if (ended) this.loseMemory();
      return 'Status';
    }
    if (decision.action === null) {
      this.now += Math.max(100, decision.requeueAfterMs);
      return 'Wait';
    }
    const pause = pauseBefore(decision.action, this.#last, this.now);
    if (pause > 0) {
      this.now += pause;
      return 'Wait';
    }
    this.now += 20;
    this.#last = { action: decision.action, at: this.now };
    this.perform(decision.action);
    return decision.action.kind;
  }

  /** Reconciles until `done`, at most `steps` times; the kinds of what was done. */
  run(done: (world: World) => boolean, steps = 2000): string[] {
    const trace: string[] = [];
    for (let count = 0; count < steps; count++) {
      if (done(this)) return trace;
      trace.push(this.step());
    }
    throw new Error(`not done after ${steps} steps: ${JSON.stringify(this.tuning.status?.conditions)}`);
  }

  /** As a restart of the controller does. */
  loseMemory(): void {
    this.round = null;
    this.#last = null;
    this.verifySamples.clear();
    this.preflight = null;
    this.digest = decodeDigest(this.tuning.status?.sample?.digest);
  }

  perform(action: Action): void {
    switch (action.kind) {
      case 'Sample':
        this.takeSamples(action.pods, action.purpose === 'Verify');
        return;
      case 'Preflight':
        this.preflight = {
          at: this.now,
          configMapUid: this.configMapUid,
          key: this.tuning.status?.change?.configMap?.key ?? this.tuning.spec.config.configMapRef.key,
          otherUsers: this.otherUsers,
          failure: null,
          baseline: action.baseline ? { podMinutes: 10, workerDeaths: 0, failedRequests: 0 } : null,
        };
        return;
      case 'AddFinalizer':
        this.#setFinalizers(['uwsgi-tuner.dev/change-in-flight']);
        return;
      case 'RemoveFinalizer':
        this.#setFinalizers([]);
        return;
      case 'SaveConfig':
        this.saved = { text: action.text, hash: action.hash, key: action.key, configMapUid: action.configMapUid };
        return;
      case 'WriteText':
        if (this.rejectsWrites) return;
        this.text = action.text;
        this.version++;
        this.textWrites.push(action.text);
        return;
      case 'Annotate':
        this.annotations.push(action.value);
        if (this.stripsAnnotation) return;
        if (action.value !== this.annotation) {
          this.annotation = action.value;
          this.now += 3000;
          this.startPods();
        }
        return;
    }
  }

  #setFinalizers(finalizers: string[]): void {
    this.tuning = { ...this.tuning, metadata: { ...this.tuning.metadata, finalizers } };
  }

  takeSamples(names: readonly string[], verify: boolean): void {
    this.now += 200;
    this.sampled.push(names);
    const pods = this.pods.filter((pod) => names.includes(pod.name));
    if (this.sampleFailure !== null) {
      this.#failSamples(pods, verify, this.sampleFailure);
      return;
    }
    const samples = pods.map((pod) => this.sampleOf(pod));
    for (const [index, pod] of pods.entries()) {
      const taken = samples[index];
      if (taken === undefined) continue;
      if (verify) {
        this.verifySamples.set(pod.containerId, {
          containerId: pod.containerId,
          since: this.verifySamples.get(pod.containerId)?.since ?? this.now,
          at: this.now,
          sample: taken,
          failure: null,
        });
      }
      this.digest = addSample(this.digest, taken, { image: pod.image, nowMs: this.now });
    }
    if (!verify) this.round = { at: this.now, samples, failures: [] };
  }

  sampleOf(pod: PodView): Sample {
    const values = this.valuesOf(pod);
    const processes = this.now - pod.createdAt < this.slowStartMs ? 1 : values.processes;
    return sample({ ...values, processes, pod: pod.name, podUid: pod.uid, takenAt: this.now, limit: this.limit });
  }

  #failSamples(pods: readonly PodView[], verify: boolean, code: SampleFailureCode): void {
    const failures = pods.map((pod) => ({ pod: pod.name, code, message: `cannot be measured: ${code}` }));
    if (!verify) this.round = { at: this.now, samples: [], failures };
    for (const [index, { containerId }] of pods.entries()) {
      const failure = failures[index] ?? null;
      const since = this.verifySamples.get(containerId)?.since ?? this.now;
      if (verify) this.verifySamples.set(containerId, { containerId, since, at: this.now, sample: null, failure });
    }
  }

  condition(type: string): string {
    const found = this.tuning.status?.conditions?.find((entry) => entry.type === type);
    return found === undefined ? 'absent' : `${found.status}/${found.reason}`;
  }
}
