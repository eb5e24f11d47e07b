/** One workload of the demo on its stage: what it is made of, read live. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigMap, Pod } from '../../src/api/objects.ts';
import type { TuningSpec, UwsgiTuning } from '../../src/api/uwsgi-tuning.ts';
import { waitFor } from '../../test/support/wait.ts';
import { Unmet } from './expectation.ts';
import type { EventFact } from './facts.ts';
import { CONFIG_KEY, configName, tuningObject, workloadObjects, type WorkloadPlan } from './manifests.ts';
import { NAMESPACE, type Stage } from './stage.ts';

const WAIT_MS = 150_000;

interface CoreEvent {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly eventTime: string | null;
  readonly lastTimestamp: string | null;
}

export class Workload {
  readonly stage: Stage;
  readonly plan: WorkloadPlan;

  constructor(stage: Stage, plan: WorkloadPlan) {
    this.stage = stage;
    this.plan = plan;
  }

  kubectl(...args: string[]): Promise<string> {
    return this.stage.kubectl.ok(['--namespace', NAMESPACE, ...args]);
  }

  #json<T>(...args: string[]): Promise<T> {
    return this.stage.kubectl.json<T>(['--namespace', NAMESPACE, ...args]);
  }

  /** Makes its objects and waits until its pods are Ready. */
  async start(): Promise<void> {
    await this.stage.kubectl.apply(workloadObjects(this.plan, this.stage.image));
    const rollout = ['rollout', 'status', `deployment/${this.plan.name}`, '--timeout=180s'];
    await this.stage.kubectl.ok(['--namespace', NAMESPACE, ...rollout], { timeoutMs: 190_000 });
  }

  async tune(part: Partial<TuningSpec>): Promise<void> {
    await this.stage.kubectl.apply([tuningObject(this.plan, part)]);
  }

  tuning(): Promise<UwsgiTuning> {
    return this.#json<UwsgiTuning>('get', 'uwsgituning', this.plan.name);
  }

  /** Waits for a status; the tuning as it is then. */
  async until(what: string, accept: (tuning: UwsgiTuning) => boolean): Promise<UwsgiTuning> {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      this.stage.check();
      const late = Date.now() > deadline;
      const tuning = await this.tuning();
      if (accept(tuning)) return tuning;
      if (late) throw new Unmet(`${what} within ${WAIT_MS / 1000} s`, `${this.plan.name}: ${describe(tuning)}`);
      await sleep(300);
    }
  }

  /** The config text that the ConfigMap carries now. */
  async text(): Promise<string> {
    const map = await this.#json<ConfigMap>('get', 'configmap', configName(this.plan));
    return map.data?.[CONFIG_KEY] ?? '';
  }

  /** The copy that the operator saved before it wrote, with the ConfigMap's name; null when there is none. */
  async savedText(): Promise<{ readonly name: string; readonly text: string } | null> {
    const selector = 'app.kubernetes.io/managed-by=uwsgi-tuner';
    const { items } = await this.#json<{ items: readonly ConfigMap[] }>('get', 'configmaps', '-l', selector);
    const saved = items.find(({ metadata }) => metadata.name.startsWith(`${configName(this.plan)}-`));
    const text = saved?.data?.[CONFIG_KEY];
    return saved === undefined || text === undefined ? null : { name: saved.metadata.name, text };
  }

  async pods(): Promise<readonly Pod[]> {
    const { items } = await this.#json<{ items: readonly Pod[] }>('get', 'pods', '-l', `app=${this.plan.name}`);
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  /** Waits until the pods that were replaced are gone, for a list of pods without them. */
  async onlyNewPods(): Promise<void> {
    await waitFor(
      `no more than ${this.plan.replicas} pods of ${this.plan.name}`,
      async () => {
        const names = await this.kubectl('get', 'pods', '-l', `app=${this.plan.name}`, '-o', 'name');
        return names.trim().split('\n').length <= this.plan.replicas ? true : null;
      },
      { timeoutMs: 60_000 },
    );
  }

  /** The events of its tuning, oldest first. */
  async events(): Promise<readonly EventFact[]> {
    const selector = `involvedObject.kind=UwsgiTuning,involvedObject.name=${this.plan.name}`;
    const { items } = await this.#json<{ items: readonly CoreEvent[] }>('get', 'events', '--field-selector', selector);
    return items
      .map(({ type, reason, message, eventTime, lastTimestamp }) => ({
        time: eventTime ?? lastTimestamp ?? '',
        type,
        reason,
        message,
      }))
      .sort((a, b) => a.time.localeCompare(b.time));
  }
}

/** What the conditions of a tuning say, on one line. */
function describe(tuning: UwsgiTuning): string {
  const conditions = tuning.status?.conditions ?? [];
  if (conditions.length === 0) return 'no status yet';
  const said = conditions.map(({ type, status, reason, message }) => `${type}=${status} ${reason} ${message}`.trim());
  return said.join('; ');
}
