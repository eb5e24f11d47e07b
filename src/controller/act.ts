/** Performs one action. Decides nothing: every value and every precondition stands in the action. */
import {
  CHANGE_FINALIZER,
  CONFIG_HASH_ANNOTATION,
  GROUP,
  PLURAL,
  VERSION,
  type UwsgiTuning,
} from '../api/uwsgi-tuning.ts';
import { configMaps, deployments, type Resource } from '../cluster/paths.ts';
import type { Transport } from '../cluster/transport.ts';
import type { Writer } from '../cluster/writers.ts';
import type { Action } from '../core/decide/decision.ts';
import { readText } from '../core/decide/measure.ts';
import { policyInForce, readPolicy } from '../core/decide/policy.ts';
import type { PodView, SampleFailure, Snapshot } from '../core/decide/snapshot.ts';
import { afterRound, earlierOf } from '../core/memory/earlier-sample.ts';
import type { Sample } from '../core/memory/sample.ts';
import { addSample } from '../core/recommend/digest.ts';
import type { TuningMemory } from './memory.ts';
import { takePreflight } from './preflight.ts';
import type { Sampler } from './sampler.ts';
import { savedConfigObject } from './saved-config.ts';

export const tunings: Resource = { apiVersion: `${GROUP}/${VERSION}`, plural: PLURAL };

export interface Actor {
  readonly transport: Transport;
  readonly writer: Writer;
  readonly sampler: Sampler;
  readonly now: () => number;
}

/** What one action works on. */
export interface Scene {
  readonly tuning: UwsgiTuning;
  readonly snapshot: Snapshot;
  readonly memory: TuningMemory;
  readonly signal: AbortSignal;
}

export async function act(action: Action, scene: Scene, actor: Actor): Promise<void> {
  const { tuning, signal } = scene;
  const { name, namespace = '' } = tuning.metadata;
  const { writer } = actor;
  switch (action.kind) {
    case 'Sample':
      await takeSamples(action, scene, actor);
      return;
    case 'Preflight':
      scene.memory.preflight = await lookAhead(action, scene, actor);
      return;
    case 'AddFinalizer':
    case 'RemoveFinalizer':
      await setFinalizer(action.kind === 'AddFinalizer', tuning, writer, signal);
      return;
    case 'SaveConfig': {
      const object = savedConfigObject(namespace, name, action);
      const place = { namespace, name: (object['metadata'] as { name: string }).name };
      await writer.apply(configMaps, place, object, { signal });
      return;
    }
    case 'WriteText': {
      const preconditions = { uid: action.uid, resourceVersion: action.resourceVersion };
      const patch = { data: { [action.key]: action.text } };
      await writer.mergePatch(configMaps, { namespace, name: action.configMap }, patch, { preconditions, signal });
      return;
    }
    case 'Annotate': {
      const annotations = { [CONFIG_HASH_ANNOTATION]: action.value };
      if (action.value === null) {
        // Not by an apply without it: that would leave it there if somebody else came to own it too.
        const patch = { spec: { template: { metadata: { annotations } } } };
        const place = { namespace, name: action.workload };
        await writer.mergePatch(deployments, place, patch, { preconditions: { uid: action.uid }, signal });
        return;
      }
      const object = {
        apiVersion: deployments.apiVersion,
        kind: 'Deployment',
        metadata: { name: action.workload, namespace, uid: action.uid },
        spec: { template: { metadata: { annotations } } },
      };
      await writer.apply(deployments, { namespace, name: action.workload }, object, { force: true, signal });
      return;
    }
  }
}

/** Sets or removes the finalizer that stands while a change is in flight, over exactly this version of the tuning. */
export async function setFinalizer(
  present: boolean,
  { metadata }: UwsgiTuning,
  writer: Writer,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace = '', resourceVersion, uid } = metadata;
  const others = (metadata.finalizers ?? []).filter((finalizer) => finalizer !== CHANGE_FINALIZER);
  const finalizers = present ? [...others, CHANGE_FINALIZER] : others;
  const preconditions = { uid, resourceVersion };
  await writer.mergePatch(tunings, { namespace, name }, { metadata: { finalizers } }, { preconditions, signal });
}

async function takeSamples(action: Extract<Action, { kind: 'Sample' }>, scene: Scene, actor: Actor): Promise<void> {
  const { snapshot, memory, tuning, signal } = scene;
  const policy = policyInForce(readPolicy(tuning.spec).policy, tuning.status?.change);
  const reading = readText(snapshot, policy);
  const target = {
    namespace: tuning.metadata.namespace ?? '',
    container: snapshot.workload?.candidates[0]?.name ?? '',
    configured: {
      processes: reading?.cheaper.value == null ? (reading?.processes.value ?? null) : null,
      threads: reading?.threads.value ?? null,
      stackSize: null,
    },
  };
  const pods = action.pods.flatMap((name) => snapshot.pods.find((pod) => pod.name === name) ?? []);
  const results = await Promise.all(
    pods.map(async (pod) => {
      const earlier = action.purpose === 'Verify' ? null : earlierOf(memory.threadSamples, pod.containerId);
      const how = { deadlineMs: policy.sampleTimeoutMs, earlier };
      return { pod, result: await actor.sampler.sample(target, pod, how, signal) };
    }),
  );
  const at = actor.now();
  const samples: { pod: PodView; sample: Sample }[] = [];
  const failures: SampleFailure[] = [];
  for (const { pod, result } of results) {
    if ('code' in result) failures.push(result);
    else samples.push({ pod, sample: result });
    if (action.purpose !== 'Verify') continue;
    const sample = 'code' in result ? null : result;
    const failure = 'code' in result ? result : null;
    const since = memory.verifySamples.get(pod.containerId)?.since ?? at;
    memory.verifySamples.set(pod.containerId, { containerId: pod.containerId, since, at, sample, failure });
  }
  if (action.purpose === 'Observe') memory.round = { at, samples: samples.map(({ sample }) => sample), failures };
  const live = snapshot.pods.map((pod) => pod.containerId);
  const taken = samples.map(({ pod, sample }) => ({ containerId: pod.containerId, sample }));
  memory.threadSamples = afterRound(memory.threadSamples, live, taken);
  for (const { pod, sample } of samples) {
    memory.digest = addSample(memory.digest, sample, { image: pod.image, nowMs: at });
  }
}

function lookAhead(
  { baseline }: Extract<Action, { kind: 'Preflight' }>,
  { tuning, snapshot, signal }: Scene,
  actor: Actor,
): Promise<NonNullable<Snapshot['preflight']>> {
  return takePreflight(
    actor.transport,
    {
      namespace: tuning.metadata.namespace ?? '',
      workload: snapshot.workload?.name ?? '',
      workloadUid: snapshot.workload?.uid ?? '',
      container: snapshot.workload?.candidates[0]?.name ?? '',
      configMap: snapshot.configMap?.name ?? '',
      configMapUid: snapshot.configMap?.uid ?? '',
      key: tuning.status?.change?.configMap?.key ?? tuning.spec.config.configMapRef.key,
      pods: snapshot.pods,
      baseline,
      now: actor.now,
    },
    signal,
  );
}
