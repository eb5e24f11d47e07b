/** What a kubelet says of a pod, and what a uWSGI server makes of its config. */
import type { Pod } from '../../../src/api/objects.ts';
import { kib, mib } from '../../../src/core/quantity.ts';

/** Processes, threads and the stack in bytes that a plain ini text asks for; uWSGI's defaults for what it leaves out. */
export function shapeOf(text: string): { processes: number; threads: number; stack: number } {
  const value = (pattern: string): number | null => {
    const found = [...text.matchAll(new RegExp(`^(?:${pattern})\\s*=\\s*(\\d+)\\s*$`, 'gm'))].at(-1)?.[1];
    return found === undefined ? null : Number(found);
  };
  const stack = value('threads-stacksize|thread-stacksize|thread-stack-size|threads-stack-size');
  return {
    processes: value('processes|workers') ?? 1,
    threads: value('threads') ?? 1,
    stack: stack === null ? mib(8) : kib(stack),
  };
}

/** A merge patch of the status: every container of the pod runs and is ready. */
export function runningPod(pod: Pod, startedAt: Date, serial: number): object {
  const now = startedAt.toISOString().replace(/\.\d+Z$/, 'Z');
  const yes = (type: string): object => ({ type, status: 'True', lastTransitionTime: now });
  return {
    status: {
      phase: 'Running',
      startTime: now,
      podIP: '127.0.0.1',
      conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map(yes),
      containerStatuses: pod.spec.containers.map((container) => ({
        name: container.name,
        image: container.image,
        imageID: `made-up://${container.image}`,
        containerID: `containerd://${serial}-${pod.metadata.uid}`,
        ready: true,
        started: true,
        restartCount: 0,
        state: { running: { startedAt: now } },
      })),
    },
  };
}
