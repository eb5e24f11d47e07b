/** Where a change ended, without what differs from run to run: times, names, uids. */
import type { UwsgiTuning } from '../../src/api/uwsgi-tuning.ts';
import { conditionOf } from './app.ts';
import type { Workload } from './fake-node/workload.ts';

/** Whether the newest change has this verdict, nothing is in flight any more, and Applied has this reason. */
export function isSettled(verdict: string, applied: string): (tuning: UwsgiTuning | null) => boolean {
  return (tuning) =>
    tuning?.status?.history?.[0]?.verdict === verdict &&
    tuning.status.change === undefined &&
    (tuning.metadata.finalizers ?? []).length === 0 &&
    conditionOf(tuning, 'Applied').endsWith(`/${applied}`);
}

export async function finalState(workload: Workload): Promise<object> {
  const [tuning, deployment, saved] = await Promise.all([
    workload.tuning(),
    workload.deployment(),
    workload.configMap('web-uwsgi-saved'),
  ]);
  const { conditions, history, lessons, applied, change } = (tuning?.status ?? {}) as Record<string, unknown>;
  const state = {
    text: await workload.text(),
    annotation: await workload.annotation(),
    rollouts: deployment?.metadata.generation,
    saved: saved === null ? null : { data: saved.data, annotations: saved.metadata.annotations },
    status: { conditions, history, lessons, applied, change },
    finalizers: tuning?.metadata.finalizers,
  };
  return JSON.parse(JSON.stringify(state), (key, value: unknown) =>
    VARYING.test(key) ? undefined : plain(value),
  ) as object;
}

const VARYING = /Time$|At$|^id$|[uU]id$|[mM]easuredMemory$/;
const CHANGING =
  /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z|web-[0-9a-z]{5,10}-[0-9a-z]{5}/g;

/** How many of the pods had a death when the first look found one. */
const DEATHS = /\d+ worker deaths?|\d+ by signal/g;

function plain(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(CHANGING, '…').replace(DEATHS, 'deaths') : value;
}

/** Where two states differ, as "path: want X, found Y". */
export function differences(want: unknown, found: unknown, path = ''): string[] {
  if (isObject(want) && isObject(found)) {
    const keys = new Set([...Object.keys(want), ...Object.keys(found)]);
    return [...keys].flatMap((key) => differences(want[key], found[key], path === '' ? key : `${path}.${key}`));
  }
  const [a, b] = [want, found].map((value) => (value === undefined ? 'nothing' : JSON.stringify(value)));
  return a === b ? [] : [`${path}: want ${a}, found ${b}`];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
