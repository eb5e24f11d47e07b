/** What keeps a tuning from being measured at all, as conditions. The first trouble found speaks. */
import { condition, type WantedCondition } from '../../api/conditions.ts';
import type { Condition } from '../../api/uwsgi-tuning.ts';
import { timeOf } from './duration.ts';
import type { Policy } from './policy.ts';
import type { Snapshot } from './snapshot.ts';

/** How long something missing may still appear (a GitOps tool applies objects in any order) before it is Stalled. */
const PATIENCE_MS = 600_000;

export interface Trouble {
  readonly conditions: readonly WantedCondition[];
}

export function findTrouble(
  snapshot: Snapshot,
  policy: Policy,
  problems: readonly string[],
  now: number,
): Trouble | null {
  if (problems.length > 0) return stalled('SpecInvalid', problems.join('; '));
  if (snapshot.duplicateOf !== null) {
    return stalled('DuplicateTuning', `the older UwsgiTuning ${snapshot.duplicateOf} tunes the same container`);
  }
  const missing = findMissing(snapshot, policy);
  return missing === null ? null : waiting(missing.reason, missing.message, snapshot, now);
}

function findMissing(snapshot: Snapshot, policy: Policy): { reason: string; message: string } | null {
  const { workload, configMap } = snapshot;
  if (workload === null) return { reason: 'TargetMissing', message: `there is no Deployment ${policy.targetName}` };
  if (workload.candidates.length === 0) {
    return {
      reason: 'ContainerMissing',
      message: `Deployment ${workload.name} has no container ${policy.containerName ?? ''}`,
    };
  }
  if (workload.candidates.length > 1) {
    const names = workload.candidates.map((container) => container.name).join(', ');
    return { reason: 'ContainerAmbiguous', message: `set spec.containerName: uWSGI may run in ${names}` };
  }
  if (configMap === null)
    return { reason: 'ConfigMapMissing', message: `there is no ConfigMap ${policy.configMapName}` };
  if (configMap.binary) {
    return {
      reason: 'ConfigKeyBinary',
      message: `key ${policy.configKey} of ConfigMap ${configMap.name} is in binaryData`,
    };
  }
  if (configMap.text !== null) return null;
  const keys = configMap.keys.length > 0 ? configMap.keys.slice(0, 10).join(', ') : 'none';
  return {
    reason: 'ConfigKeyMissing',
    message: `ConfigMap ${configMap.name} has no key ${policy.configKey}; its keys: ${keys}`,
  };
}

function stalled(reason: string, message: string): Trouble {
  return { conditions: blocked(reason, message, true) };
}

function waiting(reason: string, message: string, snapshot: Snapshot, now: number): Trouble {
  const said = (type: string): Condition | undefined =>
    snapshot.tuning.status?.conditions?.find((entry) => entry.type === type && entry.status === 'True');
  const waits = said('Reconciling');
  const since = waits?.reason === reason ? timeOf(waits.lastTransitionTime) : now;
  const isStalled = said('Stalled')?.reason === reason || now - since >= PATIENCE_MS;
  return { conditions: blocked(reason, message, isStalled) };
}

function blocked(reason: string, message: string, isStalled: boolean): WantedCondition[] {
  return [
    condition('Ready', false, reason, message),
    condition('Reconciling', !isStalled, reason, isStalled ? '' : message),
    condition('Stalled', isStalled, reason, isStalled ? message : ''),
    condition('Applied', false, reason, message),
  ];
}
