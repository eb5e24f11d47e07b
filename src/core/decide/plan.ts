/** From a recommendation to a planned change, or the one reason why none is made. */
import type { Change } from '../../api/uwsgi-tuning.ts';
import { formatQuantity, type Bytes } from '../quantity.ts';
import { closedGate, type ClosedGate, type Proposal } from './gates.ts';
import { hashText } from './hash.ts';
import { containerMark } from './evidence.ts';
import { livePods } from './rollout.ts';
import { renderValues } from './render.ts';
import type { Policy } from './policy.ts';
import type { Baseline, ConfigMapView, Preflight } from './snapshot.ts';
import { roundToKib } from './usage-report.ts';
import { readConfig } from '../uwsgi/reading.ts';
import { statusValues, type Values } from './values.ts';

export type Plan =
  | { readonly kind: 'Change'; readonly change: Change }
  | { readonly kind: 'Preflight'; readonly baseline: boolean }
  /** The config cannot be written, whatever the gates say. */
  | { readonly kind: 'Refused'; readonly reason: string; readonly message: string }
  | { readonly kind: 'Held'; readonly gate: ClosedGate };

/** How old a look-up may be when a change is planned. */
const FRESH_MS = 15_000;
/** How old one that found no other user may be while a gate is closed: there it only chooses the reason that is said. */
const UNSHARED_MS = 3_600_000;

export function planChange(proposal: Proposal, configMap: ConfigMapView, expectedMemory: Bytes | null): Plan {
  const { snapshot, policy, from, to, now } = proposal;
  const owned = cannotBeOurs(configMap);
  if (owned !== null) return owned;
  const rendered = renderValues(configMap.text ?? '', policy, from, to);
  if (!rendered.ok) return refused('EditRefused', rendered.message);
  if (rendered.text === configMap.text) {
    return refused(
      'ValuesNotInForce',
      'the config already carries these values but the pods run others; restart the workload',
    );
  }
  const other = startsOthers(rendered.text, policy, to);
  if (other !== null) return other;
  const gate = closedGate(proposal);
  const known = snapshot.preflight;
  const isOfThis = known?.configMapUid === configMap.uid && known.key === policy.configKey;
  if (known === null || !isOfThis) return { kind: 'Preflight', baseline: gate === null };
  const shared = usedByOthers(known, configMap);
  const age = now - known.at;
  if (age > (shared === null ? Math.max(UNSHARED_MS, policy.intervalMs) : policy.intervalMs)) {
    return { kind: 'Preflight', baseline: gate === null };
  }
  if (shared !== null) return shared;
  if (gate !== null) return { kind: 'Held', gate };
  const { baseline } = known;
  if (baseline === null || age > FRESH_MS) return { kind: 'Preflight', baseline: true };
  return { kind: 'Change', change: describeChange(proposal, configMap, rendered.text, expectedMemory, baseline) };
}

function refused(reason: string, message: string): Plan {
  return { kind: 'Refused', reason, message };
}

/** The text would start other processes than the sum was made for: somebody edited it and the pods do not run that yet. */
function startsOthers(text: string, policy: Policy, to: Values): Plan | null {
  const { value } = readConfig(text, policy).processes;
  if (value === null || value === to.processes) return null;
  const message = `the config starts ${value} processes but the pods run ${to.processes}; restart the workload`;
  return refused('ValuesNotInForce', message);
}

function cannotBeOurs(configMap: ConfigMapView): Plan | null {
  if (configMap.immutable) return refused('ConfigImmutable', `ConfigMap ${configMap.name} is immutable`);
  if (configMap.owner === null) return null;
  const advice = 'change the values at their source; they are in status.recommendation';
  return refused(
    'ConfigOwned',
    `ConfigMap ${configMap.name} is owned by ${configMap.owner}, which would undo the change: ${advice}`,
  );
}

function usedByOthers(preflight: Preflight, configMap: ConfigMapView): Plan | null {
  if (preflight.failure !== null) return refused('PreflightFailed', preflight.failure);
  const [first, ...others] = preflight.otherUsers;
  if (first === undefined) return null;
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  return refused('ConfigShared', `ConfigMap ${configMap.name} is also used by ${first}${more}`);
}

/** The gate GuardCapacity lets no more pass. */
const MOST_CONTAINERS = 50;

function describeChange(
  { snapshot, policy, workload, from, to, now }: Proposal,
  configMap: ConfigMapView,
  text: string,
  expectedMemory: Bytes | null,
  baseline: Baseline,
): Change {
  const newHash = hashText(text);
  return {
    id: `${newHash.slice(0, 8)}-${Math.floor(now / 1000).toString(36)}`,
    direction: 'Forward',
    generation: snapshot.tuning.metadata.generation ?? 0,
    startedAt: new Date(now).toISOString(),
    workload: {
      name: workload.name,
      uid: workload.uid,
      container: workload.candidates[0]?.name ?? '',
      image: workload.candidates[0]?.image ?? '',
    },
    configMap: {
      name: configMap.name,
      uid: configMap.uid,
      key: policy.configKey,
      section: policy.section,
      format: policy.format,
    },
    from: statusValues(from),
    to: statusValues(to),
    containers: livePods(snapshot.pods)
      .filter(({ containerId }) => containerId !== '')
      .map(({ containerId }) => containerMark(containerId))
      .slice(0, MOST_CONTAINERS),
    oldHash: hashText(configMap.text ?? ''),
    newHash,
    ...(workload.configHash === null ? {} : { previousAnnotation: workload.configHash }),
    ...(expectedMemory === null ? {} : { expectedMemory: formatQuantity(roundToKib(expectedMemory)) }),
    baseline,
    rolloutDeadline: new Date(now + policy.rolloutTimeoutMs).toISOString(),
    verifySeconds: Math.ceil(policy.verifyWindowMs / 1000),
  };
}
