/** Measuring and sizing, the same whether a change is in flight or not: what to sample next, and what the samples say. */
import { parseQuantity, type Bytes } from '../quantity.ts';
import { usageOf } from '../recommend/digest.ts';
import { currentBudget, recommend } from '../recommend/recommend.ts';
import type { Lesson, MemoryLimit, Recommendation, RecommendInput, Refusal } from '../recommend/types.ts';
import { readConfig, type ConfigReading } from '../uwsgi/reading.ts';
import type { Action } from './decision.ts';
import type { Policy } from './policy.ts';
import { reportFindings, type Findings, type Measured } from './report.ts';
import { choosePods } from './sampling-plan.ts';
import { livePods } from './rollout.ts';
import type { SampleFailureCode, SampleRound, Snapshot } from './snapshot.ts';
import { currentValues } from './usage-report.ts';
import type { Values } from './values.ts';

export interface Measurement {
  readonly sample: Action | null;
  /** When the next sample is due, milliseconds from now. */
  readonly nextSampleMs: number;
  readonly findings: (Findings & { readonly result: Recommendation | Refusal }) | null;
  readonly report: Measured | null;
  readonly reading: ConfigReading | null;
}

export function measure(snapshot: Snapshot, policy: Policy, now: number): Measurement {
  const { round } = snapshot;
  const due = round === null || allGone(round, snapshot) ? 0 : Math.max(0, round.at + waitAfter(round, policy) - now);
  const pods = choosePods(snapshot.pods, policy.maxPods, Math.floor(now / Math.max(1, policy.intervalMs)));
  const sample = due === 0 && pods.length > 0 ? ({ kind: 'Sample', pods, purpose: 'Observe' } as const) : null;
  const reading = readText(snapshot, policy);
  const findings = findingsOf(snapshot, policy, reading, now);
  return {
    sample,
    nextSampleMs: sample === null ? Math.max(due, 1000) : 0,
    findings,
    report: findings === null ? null : reportFindings(findings),
    reading,
  };
}

/** Failures that pass by themselves; the others wait for somebody. */
const PASSING: readonly SampleFailureCode[] = ['Timeout', 'PodGone', 'Failed'];
/** A round that told nothing by chance, such as one that an API server's restart cut short, is taken again soon. */
const RETRY_MS = 60_000;

function waitAfter({ samples, failures }: SampleRound, { intervalMs }: Policy): number {
  const toldNothing = samples.length === 0 && failures.some(({ code }) => PASSING.includes(code));
  return toldNothing ? Math.min(intervalMs, RETRY_MS) : intervalMs;
}

/** The pods of a round were all replaced since: what it says is of the past. */
function allGone(round: SampleRound, snapshot: Snapshot): boolean {
  const live = new Set(livePods(snapshot.pods).map((pod) => pod.uid));
  return round.samples.length > 0 && !round.samples.some((sample) => live.has(sample.podUid));
}

/** The config as uWSGI reads it; null when there is no text. */
export function readText(snapshot: Snapshot, policy: Policy): ConfigReading | null {
  const text = snapshot.configMap?.text;
  return text == null ? null : readConfig(text, policy);
}

function findingsOf(snapshot: Snapshot, policy: Policy, reading: ConfigReading | null, now: number): Findings | null {
  const { round, workload, digest } = snapshot;
  const newest = round?.samples[0];
  if (round === null || newest === undefined || workload === null) return null;
  const current = currentValues(round.samples, reading);
  if (current === null) return null;
  const limit = memoryLimit(snapshot, policy);
  // A webhook may rewrite the pods' image (a mirror): what a pod really runs is what was measured.
  const measured = snapshot.pods.find((pod) => round.samples.some((sample) => sample.podUid === pod.uid));
  const usage = usageOf(digest, now, measured?.image ?? workload.candidates[0]?.image);
  const input: RecommendInput = {
    usage,
    current: { ...current, threadStackSize: stackIsSet(reading) ? current.threadStackSize : null },
    cheaper: reading?.cheaper.value ?? null,
    limit,
    platform: newest.platform,
    policy: policy.sizing,
    lessons: lessons(snapshot),
    threadsTunable: threadsAreTheKnob(reading),
  };
  const result = recommend(input);
  const target: Values | null =
    result.kind === 'Refusal'
      ? null
      : { ...result, threadStackSize: result.threadStackSize ?? current.threadStackSize };
  return {
    round,
    digest,
    current,
    usage,
    overBudget: isOverBudget(input, result),
    limit,
    result,
    target: target && pick(target),
  };
}

/** What runs now would be charged more than the budget: a change is then never noise. */
function isOverBudget(input: RecommendInput, result: Recommendation | Refusal): boolean {
  return (
    result.kind === 'Recommendation' && result.budgetLimit !== null && currentBudget(input).charged > result.budgetLimit
  );
}

function pick({ processes, threads, threadStackSize }: Values): Values {
  return { processes, threads, threadStackSize };
}

/** Without a config text nobody can tell: the measured size is then taken as set, the safe side for a comparison. */
function stackIsSet(reading: ConfigReading | null): boolean {
  return reading === null || reading.threadStackSize.where !== null;
}

/** Greenlets and coroutines share one thread: `threads` is then not what decides how many requests run. */
function threadsAreTheKnob(reading: ConfigReading | null): boolean {
  const facts = reading?.facts;
  return facts === undefined || ((facts.asyncCores ?? 0) <= 1 && !/^(gevent|asyncio)/.test(facts.loop ?? ''));
}

/** Whether the config asks uWSGI to end workers that are well and to start others; also where it cannot be told. */
export function recyclesWorkers({ cheaper, facts }: ConfigReading): boolean {
  const { maxRequests, maxWorkerLifetime, harakiri, reloadOnAs, reloadOnRss, evilReloadOnAs, evilReloadOnRss } = facts;
  const replacing = [
    maxRequests,
    maxWorkerLifetime,
    harakiri,
    reloadOnAs,
    reloadOnRss,
    evilReloadOnAs,
    evilReloadOnRss,
  ];
  return cheaper.value !== null || replacing.some((value) => value !== 0);
}

/** The smallest of the user's override, the live cgroup and the pod template (design.md 3.1). */
export function memoryLimit(snapshot: Snapshot, policy: Policy): MemoryLimit | null {
  const cgroups = (snapshot.round?.samples ?? [])
    .map((sample) => sample.cgroup.limit)
    .filter((value) => value !== null);
  const candidates: readonly { readonly bytes: Bytes | null; readonly source: MemoryLimit['source'] }[] = [
    { bytes: policy.limitOverride, source: 'override' },
    { bytes: snapshot.workload?.candidates[0]?.memoryLimit ?? null, source: 'template' },
    { bytes: cgroups.length === 0 ? null : (Math.min(...cgroups) as Bytes), source: 'cgroup' },
  ];
  let smallest: MemoryLimit | null = null;
  for (const { bytes, source } of candidates) {
    if (bytes !== null && (smallest === null || bytes < smallest.bytes)) smallest = { bytes, source };
  }
  return smallest;
}

/** What failures taught about the image that runs now. */
function lessons(snapshot: Snapshot): Lesson[] {
  const image = snapshot.workload?.candidates[0]?.image ?? '';
  return (snapshot.tuning.status?.rejected ?? []).flatMap((entry): Lesson[] => {
    if (entry.image !== image) return [];
    const stackSize = entry.threadStackSize === undefined ? null : parseQuantity(entry.threadStackSize);
    if (entry.lesson === 'StackTooSmall' && stackSize !== null) return [{ kind: 'StackTooSmall', image, stackSize }];
    if (entry.lesson !== 'OutOfMemory') return [];
    return [{ kind: 'OutOfMemory', image, processes: entry.processes ?? 0, threads: entry.threads ?? 0 }];
  });
}
