/** The live story: both scenarios on one stage, told as they happen. */
import { changeForTheWorse, stillPutBack } from './bad-change.ts';
import type { Facts, LoadFact } from './facts.ts';
import { findOut, letItChange } from './good-change.ts';
import { send, SHALLOW, USUAL } from './load.ts';
import { BLOG, DARING, sharedObjects } from './manifests.ts';
import type { Screen } from './screen.ts';
import { NAMESPACE, type Opening } from './stage.ts';
import { renderChanged } from './story/changed.ts';
import { renderClosing, renderTotal } from './story/closing.ts';
import { renderFound, renderSum } from './story/found.ts';
import { renderPutBack } from './story/put-back.ts';
import { item } from './text.ts';
import { Workload } from './workload.ts';

export async function tellLive({ stage, install }: Opening, screen: Screen): Promise<Facts> {
  const startedAt = new Date(Date.now() - screen.seconds * 1000).toISOString();
  const { paint } = screen;
  const [web, daring] = [new Workload(stage, BLOG), new Workload(stage, DARING)];
  screen.heading('1. The stage');
  screen.print(stage.description.map((line) => item(line)).join(''));
  await stage.kubectl.apply(sharedObjects());
  const [load] = await Promise.all([startLoaded(web, screen), startDaring(daring, screen), install()]);

  const found = await findOut(web, load, screen);
  screen.heading('2. What was found');
  screen.print(renderFound(found, paint));
  screen.heading('3. The sum');
  screen.print(renderSum(found, paint));

  // The bad change runs while the good one is watched.
  const worse = screen.step('the bad change on web-64k', () => changeForTheWorse(daring));
  worse.catch(() => undefined);
  const changed = await letItChange(web, found, screen);
  screen.heading('4. The change');
  screen.print(renderChanged(changed, paint));

  const putBack = { ...(await worse), ...(await stillPutBack(daring)) };
  screen.heading('5. A bad change put back');
  screen.print(renderPutBack(putBack, paint));

  const tunings = await stage.kubectl.ok(['--namespace', NAMESPACE, 'get', 'uwt']);
  screen.heading('6. What next');
  screen.print(renderClosing({ tunings }));
  const { seconds } = screen;
  screen.print(`\n${renderTotal(seconds)}`);
  const { kind, description } = stage;
  return { recorded: false, startedAt, stage: { kind, description }, found, changed, putBack, tunings, seconds };
}

async function startLoaded(web: Workload, screen: Screen): Promise<LoadFact> {
  await screen.step(`pods of ${web.plan.name}`, () => web.start());
  return screen.step('requests to them', () => send(web, USUAL));
}

async function startDaring(daring: Workload, screen: Screen): Promise<void> {
  await screen.step(`pods of ${daring.plan.name}`, () => daring.start());
  await send(daring, [SHALLOW]);
}
