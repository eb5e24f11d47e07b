/** A stack below the floor, which the user insists on: workers die, and the operator puts the old config back. */
import type { ConfigMap } from '../../src/api/objects.ts';
import type { UwsgiTuning } from '../../src/api/uwsgi-tuning.ts';
import { renderDiff } from '../../src/core/uwsgi/diff.ts';
import { expectThat, present, Unmet } from './expectation.ts';
import type { Death, PutBack } from './facts.ts';
import { appliedOf } from './good-change.ts';
import { DEEP, provoke } from './load.ts';
import { CONFIG_KEY, configName, iniText, PATCH_BELOW_FLOOR } from './manifests.ts';
import { NAMESPACE } from './stage.ts';
import type { Workload } from './workload.ts';

const DEATH = /^\[pod\/([^/]+)\/[^\]]*\] \S+ (DAMN ! worker \d+ \(pid: \d+\) died, killed by signal (\d+).*)$/;
const START_MS = 20_000;
const PUT_BACK_MS = 30_000;

export type PutBackSoFar = Omit<PutBack, Late>;
/** What is asked for after everything else. */
type Late = 'held' | 'next' | 'events';

export async function changeForTheWorse(daring: Workload): Promise<PutBackSoFar> {
  await daring.tune(PATCH_BELOW_FLOOR);
  const rolled = await daring.until('the rollout', ({ status }) => status?.change?.rolledOutAt !== undefined);
  await daring.onlyNewPods();
  const small = await daring.text();
  const before = iniText(daring.plan);
  expectThat(small !== before, 'a changed config', small);
  const seen = await watchDeaths(daring);
  const history = present(seen.tuning.status?.history?.[0], 'a finished change');
  expectThat(history.verdict === 'PutBack', 'the verdict PutBack', history.verdict ?? 'none');
  const rejected = present(seen.tuning.status?.rejected?.[0], 'a rejected configuration');
  return {
    workload: daring.plan.name,
    spec: rolled.spec,
    from: history.from ?? '',
    to: history.to ?? '',
    warnings: (rolled.status?.recommendation?.reasons ?? []).filter((reason) => reason.includes('allowBelowFloor')),
    diff: renderDiff(before, small),
    deaths: seen.deaths,
    podsText: seen.podsText,
    secondsToOldText: seen.secondsToOldText,
    secondsToVerdict: seen.secondsToVerdict,
    history,
    rejected,
  };
}

interface Seen {
  readonly deaths: readonly Death[];
  readonly podsText: string;
  readonly secondsToOldText: number;
  readonly secondsToVerdict: number;
  readonly tuning: UwsgiTuning;
}

/** Follows the pods' log and the ConfigMap, both by this machine's clock, and sends requests that go deep. */
async function watchDeaths(daring: Workload): Promise<Seen> {
  const { kubectl } = daring.stage;
  const before = iniText(daring.plan);
  const deaths: Death[] = [];
  const talking = new Set<string>();
  const died = deferred<number>();
  const restored = deferred<number>();
  const stops = [
    kubectl.follow(logsArgs(daring), (line) => {
      talking.add(line.split(']')[0] ?? '');
      const [, pod = '', text = '', signal = ''] = DEATH.exec(line) ?? [];
      if (pod === '') return;
      deaths.push({ pod, line: text, signal: Number(signal) });
      died.resolve(Date.now());
    }),
    kubectl.follow(configArgs(daring), (line) => {
      if (textOf(line) === before) restored.resolve(Date.now());
    }),
  ];
  try {
    await within(START_MS, 'log lines of every pod', () => talking.size >= daring.plan.replicas);
    stops.push(await provoke(daring, DEEP));
    const diedAt = await inTime(died.promise, START_MS, 'a worker killed by a deep request');
    const podsText = await daring.kubectl('get', 'pods', '-l', `app=${daring.plan.name}`);
    const restoredAt = await inTime(restored.promise, PUT_BACK_MS, 'the old config in the ConfigMap');
    const tuning = await daring.until('a verdict', ({ status }) => status?.history !== undefined);
    const verdictAt = Date.now();
    checkDeaths(deaths, podsText);
    return {
      deaths,
      podsText,
      secondsToOldText: (restoredAt - diedAt) / 1000,
      secondsToVerdict: (verdictAt - diedAt) / 1000,
      tuning,
    };
  } finally {
    for (const stop of stops) stop();
  }
}

function logsArgs({ plan }: Workload): readonly string[] {
  const which = ['-l', `app=${plan.name}`, '--container', 'app', '--tail', '3', '--max-log-requests', '10'];
  return ['--namespace', NAMESPACE, 'logs', '--follow', '--prefix', '--timestamps', ...which];
}

function configArgs({ plan }: Workload): readonly string[] {
  const output = '--output=jsonpath={.data}{"\\n"}';
  return ['--namespace', NAMESPACE, 'get', 'configmap', configName(plan), '--watch', output];
}

function textOf(line: string): string | undefined {
  return line === '' ? undefined : (JSON.parse(line) as NonNullable<ConfigMap['data']>)[CONFIG_KEY];
}

function checkDeaths(deaths: readonly Death[], podsText: string): void {
  const others = deaths.filter(({ signal }) => signal !== 11);
  expectThat(others.length === 0, 'deaths by signal 11', `signal ${others.map(({ signal }) => signal).join(', ')}`);
  for (const { pod } of deaths) {
    const row = podsText.split('\n').find((line) => line.startsWith(`${pod} `));
    if (row === undefined) continue; // it died after this was asked
    expectThat(/^\S+\s+1\/1\s+(Running|Terminating)\s+0\s/.test(row), `pod ${pod} with READY 1/1 and 0 restarts`, row);
  }
}

/** After everything else: still the old config, one finished change, none in flight. */
export async function stillPutBack(daring: Workload): Promise<Pick<PutBack, Late>> {
  const { status: atVerdict } = await daring.tuning();
  const old = atVerdict?.history?.[0]?.from;
  const tuning = await daring.until(
    `pods that run ${old ?? ''} again`,
    (now) => appliedOf(now).startsWith('False/') && now.status?.current?.summary === old,
  );
  const { status } = tuning;
  expectThat(status?.history?.length === 1 && status.change === undefined, 'no second try', appliedOf(tuning));
  const text = await daring.text();
  expectThat(text === iniText(daring.plan), 'the old config, byte for byte', text);
  const held = present(
    status.conditions?.find(({ type }) => type === 'Applied'),
    'condition Applied',
  );
  const { reason, message } = held;
  return {
    held: { status: held.status, reason, message },
    next: status.recommendation?.summary ?? '',
    events: await daring.events(),
  };
}

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

async function inTime<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Unmet(what, `nothing within ${ms / 1000} s`));
    }, ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function within(ms: number, what: string, ready: () => boolean): Promise<void> {
  const deadline = Date.now() + ms;
  while (!ready()) {
    if (Date.now() > deadline) throw new Unmet(what, `nothing within ${ms / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
