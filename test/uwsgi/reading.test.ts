/** Our reading of generated configs, held against what two real builds of uWSGI run. */
import { beforeAll, expect, it } from 'vitest';

import { readConfig, TUNED_OPTIONS } from '../../src/core/uwsgi/reading.ts';
import { ensureBuilds, type Build } from './builds.ts';
import { COUNT, runCases, SEED, writeText } from './cases.ts';
import { contradiction, falseDoubt, hasOutsideReference, isNull, unjustified } from './judge.ts';
import { startServer, type Truth } from './server.ts';

let builds: readonly Build[];

beforeAll(async () => {
  builds = await ensureBuilds();
});

it(`reads what uWSGI runs, or says why not: ${COUNT} configs of --seed ${SEED}`, async () => {
  const share = { values: 0, nulls: 0 };
  const wrong = await runCases(async (item, folder) => {
    const reading = readConfig(item.text, { format: item.dialect.format, section: 'uwsgi' });
    if (!hasOutsideReference(item.constructs) && reading.fault === null) {
      share.values += TUNED_OPTIONS.length;
      share.nulls += TUNED_OPTIONS.filter((id) => isNull(reading[id])).length;
    }
    const name = await writeText(folder, `${item.index}.${item.dialect.suffix}`, item.text);
    const truths: Truth[] = [];
    for (const build of builds) {
      const args = item.dialect.args(name);
      const env = { ...item.env, ...item.dialect.env(item.text) };
      const truth = await startServer(build, { folder, name: `${item.index}-${build.name}`, args, env });
      const found = contradiction(reading, truth, item.constructs);
      if (found !== null) return `${build.name}: ${found}`;
      truths.push(truth);
    }
    return unjustified(reading, item.constructs) ?? falseDoubt(reading, truths, item.constructs);
  });

  console.log(`null without an outside reference: ${share.nulls} of ${share.values} values`);
  expect(wrong).toEqual([]);
  expect(share.nulls).toBeLessThanOrEqual(share.values * 0.05);
});
