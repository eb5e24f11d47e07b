/** The blog's workload: measured, sized, changed and verified. */
import type { UwsgiTuning } from '../../src/api/uwsgi-tuning.ts';
import { parseQuantity } from '../../src/core/quantity.ts';
import { renderDiff } from '../../src/core/uwsgi/diff.ts';
import { capturePod } from './capture.ts';
import { expectThat, present } from './expectation.ts';
import type { Changed, Figures, Found, LoadFact } from './facts.ts';
import { send, USUAL } from './load.ts';
import { iniText, PATCH, RECOMMEND } from './manifests.ts';
import type { Screen } from './screen.ts';
import type { Workload } from './workload.ts';

/** Asks for a recommendation only, and looks into one pod. */
export async function findOut(web: Workload, load: LoadFact, screen: Screen): Promise<Found> {
  expectThat(load.ok > 0, 'answered requests', `${load.ok} answered, ${load.failed} failed`);
  const tuning = await screen.step('a measurement by the operator', async () => {
    await web.tune(RECOMMEND);
    return web.until('a recommendation', ({ status }) => status?.recommendation !== undefined);
  });
  const pod = present((await web.pods())[0], 'a running pod');
  const { analysis, pmap } = await capturePod(web.stage, pod);
  const { status = {}, spec } = tuning;
  checkFound(tuning);
  const text = await web.text();
  expectThat(text === iniText(web.plan), 'an unchanged config in mode Recommend', text);
  const { python } = analysis.platform;
  return {
    workload: web.plan.name,
    replicas: web.plan.replicas,
    load,
    spec,
    status: { ...status, sample: { ...status.sample, digest: {} } },
    pmap,
    stackTable: analysis.stackTable,
    warnings: analysis.reasons.filter((reason) => reason.startsWith('Warning')),
    python: python === null ? null : `${python.major}.${python.minor}`,
  };
}

/** What the operator says must agree with itself. */
function checkFound({ status }: UwsgiTuning): void {
  const current = present(status?.current, 'status.current');
  const { perWorker = 0, mapped = '' } = present(current.threadStacks, 'measured thread stacks');
  const [processes, threads] = [current.processes ?? 0, current.threads ?? 0];
  expectThat(perWorker === threads - 1, `${threads - 1} stacks in each worker`, String(perWorker));
  const product = processes * perWorker * (parseQuantity(current.threadStackSize ?? '') ?? 0);
  expectThat(parseQuantity(mapped) === product, `${product} bytes of mapped stacks`, String(mapped));
  const sum = chargedOf(status?.budget);
  const limit = parseQuantity(present(status?.limit?.budget, 'a limit')) ?? 0;
  expectThat(sum > 0 && sum <= limit, `a sum of at most ${limit} bytes`, String(sum));
}

function chargedOf(budget: NonNullable<UwsgiTuning['status']>['budget'] = []): number {
  return budget.reduce((total, { bytes = 0 }) => total + bytes, 0);
}

/** Lets the operator write, and sends the same requests to the new pods while it watches them. */
export async function letItChange(web: Workload, found: Found, screen: Screen): Promise<Changed> {
  const before = iniText(web.plan);
  await web.tune(PATCH);
  const begun = Date.now();
  await screen.step('the rollout of web', () =>
    web.until('the rollout', ({ status }) => status?.change?.rolledOutAt !== undefined),
  );
  const rolloutSeconds = (Date.now() - begun) / 1000;
  const text = await web.text();
  const saved = present(await web.savedText(), 'a saved copy of the old config');
  expectThat(saved.text === before, 'the old config in the saved copy', saved.text);
  expectThat(keepsLines(before, text), 'every line of the old config in the new one', text);
  const load = await screen.step('the same requests to the new pods', () => send(web, USUAL));
  const tuning = await screen.step('the watch over the new pods', () =>
    web.until('a verdict', ({ status }) => status?.history !== undefined && status.change === undefined),
  );
  const history = present(tuning.status?.history?.[0], 'a finished change');
  expectThat(
    history.verdict === 'Verified',
    'the verdict Verified',
    `${history.verdict ?? ''}: ${history.message ?? ''}`,
  );
  const settled = await web.until('a settled tuning', (now) => appliedOf(now) === 'True/UpToDate');
  const wanted = found.status.recommendation?.summary;
  expectThat(settled.status?.current?.summary === wanted, `pods that run ${wanted ?? ''}`, summaryOf(settled));
  return {
    diff: renderDiff(before, text),
    savedIn: saved.name,
    rolloutSeconds,
    load,
    before: figuresOf(found.status),
    after: figuresOf(settled.status),
    charged: chargedOf(found.status.budget),
    history,
    applied: appliedOf(settled),
    events: await web.events(),
  };
}

/** The demo's config has no stack size yet, so nothing of it may go. */
function keepsLines(before: string, after: string): boolean {
  const lines = after.split('\n');
  return before !== after && before.split('\n').every((line) => lines.includes(line));
}

function summaryOf({ status }: UwsgiTuning): string {
  return status?.current?.summary ?? 'no values';
}

export function appliedOf({ status }: UwsgiTuning): string {
  const applied = status?.conditions?.find(({ type }) => type === 'Applied');
  return applied === undefined ? 'absent' : `${applied.status}/${applied.reason}`;
}

function figuresOf(status: Pick<NonNullable<UwsgiTuning['status']>, 'current' | 'sample'> | undefined): Figures {
  const { current, sample } = status ?? {};
  const { mapped, resident, highWater } = current?.threadStacks ?? {};
  return {
    summary: current?.summary ?? '',
    stacksMapped: String(present(mapped, 'mapped thread stacks')),
    stacksResident: String(present(resident, 'resident thread stacks')),
    highWater: String(present(highWater, 'a high-water mark')),
    memoryUsed: String(present(sample?.memoryUsed, 'measured memory')),
  };
}
