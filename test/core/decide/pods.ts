/** The pods of a model workload: what they mount when they start is what they run. */
import { NO_SIGNS, type LogCounts } from '../../../src/core/decide/log-patterns.ts';
import type { PodView } from '../../../src/core/decide/snapshot.ts';
import { kib, type Bytes } from '../../../src/core/quantity.ts';
import { readConfig } from '../../../src/core/uwsgi/reading.ts';

export const INI = ['[uwsgi]', 'master = true', 'processes = 4', 'threads = 20', ''].join('\n');

export class Pods {
  now = Date.parse('2026-01-01T00:00:00Z');
  text = INI;
  /** What kubelets mount, when that is not the text of now: their cache is behind. */
  mounts: string | null = null;
  annotation: string | null = null;
  /** How far the nodes' clock is ahead of the controller's. */
  nodeClockMs = 0;
  replicas = 2;
  image = 'shop/web:1';
  /** What somebody's webhook puts before the image of every pod. */
  mirror = '';
  log: LogCounts = { ...NO_SIGNS, started: true };
  pods: PodView[] = [];
  /** What each container runs: the text at its start. */
  running = new Map<string, string>();
  #serial = 0;

  /** A number that was not given before. */
  serial(): number {
    return ++this.#serial;
  }

  /** All pods anew, as a finished rollout leaves them. */
  startPods(text = this.mounts ?? this.text): void {
    this.pods = Array.from({ length: this.replicas }, () => this.newPod(text));
    this.log = { ...NO_SIGNS, started: true };
  }

  newPod(text = this.mounts ?? this.text): PodView {
    const serial = this.serial();
    this.running.set(`container-${serial}`, text);
    return {
      name: `web-${serial}`,
      uid: `pod-${serial}`,
      node: 'node1',
      createdAt: this.now,
      terminating: false,
      ready: true,
      unreadySince: null,
      running: true,
      configHash: this.annotation,
      image: `${this.mirror}${this.image}`,
      imageId: 'sha256:1',
      containerId: `container-${serial}`,
      startedAt: this.now + this.nodeClockMs,
      restarts: 0,
      waitingReason: null,
      lastTermination: null,
    };
  }

  /** The pod's container dies and starts anew with the text of now. */
  restartPod(index: number, ended: { reason: string; exitCode: number }): void {
    const pod = this.pods[index];
    if (pod === undefined) return;
    const containerId = `container-${this.serial()}`;
    this.running.set(containerId, this.mounts ?? this.text);
    const finishedAt = this.now + this.nodeClockMs;
    const lastTermination = { ...ended, containerId: pod.containerId, startedAt: pod.startedAt, finishedAt };
    this.pods = this.pods.with(index, {
      ...pod,
      containerId,
      startedAt: this.now + this.nodeClockMs,
      restarts: pod.restarts + 1,
      lastTermination,
    });
  }

  /** What runs in a pod: the text that its container started with. */
  valuesOf({ containerId }: PodView): { processes: number; threads: number; stack: Bytes } {
    const reading = readConfig(this.running.get(containerId) ?? '', { format: 'Ini', section: 'uwsgi' });
    return {
      processes: reading.processes.value ?? 1,
      threads: reading.threads.value ?? 1,
      stack: reading.threadStackSize.value ?? kib(8192),
    };
  }
}
