/** The generated cases of one run: how many, from which seed, and each of them by its number. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ENVIRONMENTS, NEIGHBOURS, throwBody, type Body } from './body.ts';
import { Dice } from './dice.ts';
import { DIALECTS, type Dialect } from './dialects.ts';

/** One generated config and the environment it runs in. */
export interface Case extends Body {
  /** Its number in the run. */
  readonly index: number;
  readonly dialect: Dialect;
  readonly text: string;
  readonly env: Readonly<Record<string, string>>;
  /** For what a test throws itself. */
  readonly dice: Dice;
}

const FIXED_SEED = 20_261_124;

/** `npm run test:uwsgi -- --count N --seed S --only I` sets these; under CI the seed is fixed, as for property tests. */
export const COUNT = Number(process.env['UWSGI_COUNT'] ?? 200);
export const SEED = Number(
  process.env['UWSGI_SEED'] ?? (process.env['CI'] === 'true' ? FIXED_SEED : Date.now() % 1_000_000_000),
);
const FORMAT = process.env['UWSGI_FORMAT'];
const ONLY = process.env['UWSGI_ONLY'];

/** Servers that run side by side: each waits more than it computes. */
const PARALLEL = 4;

/** Makes a case again from its number. */
export function makeCase(seed: number, index: number): Case {
  const dice = new Dice(seed, index);
  const dialect = dice.pick(FORMAT === undefined ? DIALECTS : DIALECTS.filter(({ format }) => format === FORMAT));
  const body = throwBody(dice);
  const env = dice.pick(ENVIRONMENTS);
  return { index, dialect, ...body, ...dialect.write(body, dice), env, dice };
}

/** What is wrong with a case, or null. */
export type Check = (item: Case, folder: string) => Promise<string | null>;

/** Runs all cases in a folder of their own; returns what was wrong, each with its case. */
export async function runCases(check: Check): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'uwsgi-cases-'));
  try {
    for (const [name, text] of Object.entries(NEIGHBOURS)) await writeFile(join(folder, name), text);
    return await inParallel(folder, check);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes a config; returns its name. */
export async function writeText(folder: string, name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return name;
}

async function inParallel(folder: string, check: Check): Promise<readonly string[]> {
  const wrong: string[] = [];
  let next = ONLY === undefined ? 0 : Number(ONLY);
  const end = ONLY === undefined ? COUNT : next + 1;
  const worker = async (): Promise<void> => {
    while (next < end && wrong.length < 5) {
      const item = makeCase(SEED, next++);
      const found = await check(item, folder).catch((error: unknown) => String(error));
      if (found === null) continue;
      const { dialect, index, env, text } = item;
      wrong.push(
        `--seed ${SEED} --only ${index}, ${dialect.format}, ${JSON.stringify(env)}: ${found}\n${JSON.stringify(text)}`,
      );
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return wrong;
}
