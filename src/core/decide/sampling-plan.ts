/** Which pods a round measures: spread over nodes first, then over ages, another set each round where there are more. */
import type { PodView } from './snapshot.ts';

/** Names of at most `max` pods that can be measured. `turn` shifts the choice from round to round. */
export function choosePods(pods: readonly PodView[], max: number, turn: number): readonly string[] {
  const able = pods.filter((pod) => !pod.terminating && pod.running && pod.ready);
  const byNode = new Map<string, PodView[]>();
  for (const pod of [...able].sort(
    (left, right) => left.createdAt - right.createdAt || (left.uid < right.uid ? -1 : 1),
  )) {
    byNode.set(pod.node, [...(byNode.get(pod.node) ?? []), pod]);
  }
  const queues = [...byNode.entries()]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, list]) => rotate(list, turn));
  const order = rotate(queues, turn);
  const chosen: string[] = [];
  for (let depth = 0; chosen.length < Math.min(max, able.length); depth++) {
    for (const queue of order) {
      // Oldest and newest in turn: both ends of the ages are measured before the middle.
      const pod = depth % 2 === 0 ? queue[depth / 2] : queue[queue.length - (depth + 1) / 2];
      if (pod !== undefined && depth < queue.length && chosen.length < max) chosen.push(pod.name);
    }
  }
  return chosen;
}

function rotate<T>(list: readonly T[], by: number): T[] {
  const start = list.length === 0 ? 0 : by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}
