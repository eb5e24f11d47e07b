/** Edits of generated configs: two real builds of uWSGI run what was set, and everything else as before. */
import { beforeAll, expect, it } from 'vitest';

import { kib } from '../../src/core/quantity.ts';
import { editConfig, restoreValues, type WantedValues } from '../../src/core/uwsgi/edit.ts';
import { OPTIONS } from '../../src/core/uwsgi/options.ts';
import { TUNED_OPTIONS } from '../../src/core/uwsgi/reading.ts';
import { ensureBuilds, type Build } from './builds.ts';
import { COUNT, runCases, SEED, writeText, type Case } from './cases.ts';
import { hasOutsideReference } from './judge.ts';
import { startServer, type Truth } from './server.ts';
import { throwWanted } from './wanted.ts';

let builds: readonly Build[];

beforeAll(async () => {
  builds = await ensureBuilds();
});

it(`edits so that uWSGI runs the set values and all else as before: ${COUNT} configs of --seed ${SEED}`, async () => {
  const counts = { edited: 0, refused: 0 };
  const wrong = await runCases(async (item, folder) => {
    const { text, dialect, index, env } = item;
    const options = { format: dialect.format, section: 'uwsgi' };
    const wanted = throwWanted(item.dice);
    const result = editConfig(text, options, wanted);
    if (!result.ok) {
      counts.refused++;
      return result.refusals.length > 0 ? null : 'refused without a reason';
    }
    counts.edited++;
    const back = restoreValues(result.text, text, options);
    if (!back.ok || back.text !== text) return `cannot be put back: ${JSON.stringify(back)}`;
    const foreign = result.changedLines.filter(
      ({ after }) => after === null || !(isLineOfOurs(after) || isListItem(after, item)),
    );
    if (foreign.length > 0) return `changed ${JSON.stringify(foreign)}`;

    for (const build of builds) {
      const start = async (content: string): Promise<Truth> => {
        const file = await writeText(folder, `${index}.${dialect.suffix}`, content);
        return startServer(build, {
          folder,
          name: `${index}-${build.name}`,
          args: dialect.args(file),
          env: { ...env, ...dialect.env(content) },
        });
      };
      const [before, after] = [await start(text), await start(result.text)];
      const found = difference(item, wanted, { before, after });
      if (found !== null) return `${build.name}: ${JSON.stringify(wanted)}: ${found}\n${result.text}`;
    }
    return null;
  });

  console.log(`${counts.edited} edited, ${counts.refused} refused`);
  expect(wrong).toEqual([]);
  expect(counts.edited).toBeGreaterThanOrEqual(Math.floor((counts.edited + counts.refused) / 4));
});

/** An item of a list in YAML stands below the name of its option. */
function isListItem(line: string, { dialect }: Case): boolean {
  return dialect.format === 'Yaml' && /^ *- /.test(line);
}

function isLineOfOurs(line: string): boolean {
  return TUNED_OPTIONS.some((id) =>
    OPTIONS[id].names.some((name) => line.toLowerCase().replaceAll('_', '-').includes(name)),
  );
}

function difference(
  item: Case,
  wanted: WantedValues,
  { before, after }: { readonly before: Truth; readonly after: Truth },
): string | null {
  // What only the pod or the build decides may end it, as it did before.
  if (after.exited) return before.exited && hasOutsideReference(item.constructs) ? null : `it exited:\n${after.log}`;
  const { processes, threads, threadStackSize } = wanted;
  const runs = `runs ${JSON.stringify({ ...after, log: '', options: [] })}`;
  if (processes !== undefined && after.processes !== processes) return runs;
  if (threads !== undefined && after.processes > 0 && (after.cores !== threads || after.threads !== threads))
    return runs;
  if (threadStackSize !== undefined && after.stackKib !== threadStackSize / kib(1) && !isSamePages(item, after))
    return runs;
  if (before.options.length === 0) return null;
  const [old, now] = [before, after].map(({ options }) => options.filter((line) => !isSet(line, wanted)));
  return JSON.stringify(old) === JSON.stringify(now)
    ? null
    : `options before ${JSON.stringify(old)}, after ${JSON.stringify(now)}`;
}

/** A size that pages round up to the wanted one is left as it is written. */
function isSamePages(item: Case, after: Truth): boolean {
  return item.text.includes('17') && after.stackKib === 17;
}

/** Whether a line of the dump is of an option that was to be set. */
function isSet(line: string, wanted: WantedValues): boolean {
  const [key, value = ''] = line.split(/ = |=/, 2);
  const name = key === 'set' ? value : key;
  return TUNED_OPTIONS.some(
    (id) => wanted[id] !== undefined && (OPTIONS[id].names as readonly string[]).includes(name ?? ''),
  );
}
