/** The options of a generated file, before a dialect writes them down. */
import type { Construct } from './constructs.ts';
import type { Dice } from './dice.ts';

/** One `key = value`; null where the key stands alone. */
export interface Entry {
  readonly key: string;
  readonly value: string | null;
}

/** What a dialect writes into the section, and what goes beside it. */
export interface Body {
  readonly entries: readonly Entry[];
  readonly constructs: ReadonlySet<Construct>;
}

/** Files that generated configs name; every one is there when the server starts. */
export const NEIGHBOURS: Readonly<Record<string, string>> = {
  'other.ini': '[uwsgi]\nthreads = 2\nworkers = 3\n',
  number: '2\n',
};

/** Variables that generated configs name, some of them set. */
export const ENVIRONMENTS: readonly Readonly<Record<string, string>>[] = [{}, { N: '3' }, { N: '2', X: 'yes' }];

const TUNED = {
  processes: ['processes', 'workers'],
  threads: ['threads'],
  stack: ['threads-stacksize', 'thread-stacksize', 'thread-stack-size', 'threads-stack-size'],
} as const;

const HARMLESS: readonly Entry[] = [
  { key: 'harakiri', value: '30' },
  { key: 'lazy-apps', value: 'true' },
  { key: 'die-on-term', value: 'true' },
  { key: 'vacuum', value: '1' },
  { key: 'buffer-size', value: '8192' },
  { key: 'max-requests', value: '1000' },
  { key: 'reload-on-rss', value: '500' },
  { key: 'procname-prefix-spaced', value: 'shop' },
  { key: 'log-format', value: 'pid:%(pid) %(method) %(uri)' },
  { key: 'enable-threads', value: 'true' },
];

/** Keys that uWSGI does not know. */
const UNKNOWN = ['threads_stacksize', 'THREADS', 'Workers', 'p', 'note'] as const;

const PARTS = {
  number: 34,
  harmless: 16,
  unknown: 6,
  placeholder: 10,
  define: 8,
  set: 4,
  oddNumber: 6,
  loop: 4,
  ifOption: 5,
  variable: 2,
  podFile: 1,
  magic: 2,
  unknownPlaceholder: 1,
  podBlock: 2,
  include: 1,
  inherit: 1,
  custom: 0.7,
  negative: 0.5,
  strict: 0.5,
  nested: 0.3,
  cheaper: 1.5,
  limit: 0.3,
} as const;

type Part = keyof typeof PARTS;

/** Throws the options of one file. */
export function throwBody(dice: Dice): Body {
  const constructs = new Set<Construct>();
  const entries: Entry[] = [];
  const count = dice.int(1, 9);
  for (let index = 0; index < count; index++) {
    entries.push(...throwPart(dice.weighted(PARTS), dice, constructs));
  }
  return { entries, constructs };
}

function throwPart(part: Part, dice: Dice, constructs: Set<Construct>): readonly Entry[] {
  const tuned = (value: string): Entry => ({ key: tunedKey(dice), value });
  switch (part) {
    case 'number':
      return [numberEntry(dice)];
    case 'harmless':
      return [dice.pick(HARMLESS)];
    case 'unknown':
      return [{ key: dice.pick(UNKNOWN), value: String(dice.int(1, 4)) }];
    case 'placeholder':
      return referringEntries(dice, constructs);
    case 'define':
      return [{ key: dice.pick(['np', 'nt']), value: String(dice.int(1, 4)) }];
    case 'set':
      return dice.once(3)
        ? [{ key: 'set-ph', value: `np=${dice.int(1, 3)}` }]
        : [{ key: 'set', value: `${tunedKey(dice)}=${dice.int(1, 4)}` }];
    case 'oddNumber':
      return [tuned(oddNumber(dice))];
    case 'loop':
      return loop(dice);
    case 'ifOption':
      return ifOption(dice, constructs);
    case 'variable':
      constructs.add('variable');
      return [tuned(dice.pick(['$(N)', '2 $(N)', '$(N) 2', '2$(N)']))];
    case 'podFile':
      constructs.add('pod file');
      return [tuned('@(number)')];
    case 'magic':
      constructs.add('magic');
      return [tuned(dice.pick(['%k', '%(%k + 1)', '2 of %k', '1%k']))];
    case 'unknownPlaceholder':
      constructs.add('unknown placeholder');
      return [tuned(dice.pick(['%(nowhere)', '2 %(nowhere)', '%(nowhere + 1)']))];
    case 'podBlock':
      constructs.add('pod block');
      return block(dice.pick(['if-env = X', 'if-not-env = X', 'if-env = N=3', 'if-exists = number', 'if-not-reload']), [
        numberEntry(dice),
      ]);
    case 'include':
      constructs.add('include');
      return [{ key: dice.pick(['include', 'ini']), value: 'other.ini' }];
    case 'inherit':
      constructs.add('inherit');
      return [{ key: 'inherit', value: 'other.ini' }];
    case 'custom':
      constructs.add('custom option');
      return [
        { key: 'declare-option', value: 'squad=threads=$1' },
        { key: 'squad', value: String(dice.int(1, 3)) },
      ];
    case 'negative':
      constructs.add('negative');
      return [tuned(`-${dice.int(1, 3)}`)];
    case 'strict':
      constructs.add('strict');
      return [{ key: 'strict', value: 'true' }];
    case 'nested':
      constructs.add('nested block');
      return block('if-not-opt = nowhere', block('for = 1 2', [numberEntry(dice)]));
    case 'cheaper':
      constructs.add('cheaper');
      return [{ key: 'cheaper', value: String(dice.int(0, 2)) }];
    case 'limit':
      constructs.add('process limit');
      return [{ key: 'limit-nproc', value: '$(N)' }];
  }
}

function tunedKey(dice: Dice): string {
  return dice.pick(TUNED[dice.weighted({ processes: 3, threads: 3, stack: 3 })]);
}

/** A tuned option with a plain number that uWSGI can run. */
function numberEntry(dice: Dice): Entry {
  const kind = dice.weighted({ processes: 3, threads: 3, stack: 3 });
  const value = kind === 'stack' ? dice.pick([16, 17, 64, 100, 128, 256, 512, 1024]) : dice.int(1, 5);
  const style = dice.weighted({ plain: 10, sign: 1, zeros: 1, note: 2, unit: 1 });
  const written = {
    plain: `${value}`,
    sign: `+${value}`,
    zeros: `00${value}`,
    note: `${value} ; as many as fit`,
    unit: `${value}k`,
  };
  return { key: dice.pick(TUNED[kind]), value: written[style] };
}

/** Numbers that mean something else than a person would think, or nothing. */
function oddNumber(dice: Dice): string {
  return dice.pick(['0', 'auto', '0x40', '1.5', '2=3', '15', '8', '\u00a03', '4294967298', '3 %%', '"4"', '']);
}

function referringEntries(dice: Dice, constructs: Set<Construct>): readonly Entry[] {
  const define = { key: 'np', value: String(dice.int(1, 3)) };
  const use = {
    key: tunedKey(dice),
    value: dice.pick(['%(np)', '%(np + 1)', '%(np * 2)', '%(np ++)', '%(np np)', '%(np - 1)', '1 %(np)', '%(4 / 0)']),
  };
  if (dice.once(8)) {
    constructs.add('unknown placeholder');
    return [use];
  }
  return dice.once(3) ? [use, define] : [define, use];
}

function loop(dice: Dice): readonly Entry[] {
  return block(dice.pick(['for = 1 3 2', 'for-times = 3', 'for = 4']), [{ key: tunedKey(dice), value: '%(_)' }]);
}

function ifOption(dice: Dice, constructs: Set<Construct>): readonly Entry[] {
  const test = dice.pick(['if-opt = np', 'if-not-opt = np', 'if-opt = np=2', 'if-not-opt = threads=2']);
  if (!dice.once(4)) return block(test, [numberEntry(dice)]);
  // Where no such option is there, `%(_)` stays as it is and becomes a placeholder.
  if (test.startsWith('if-not')) constructs.add('unknown placeholder');
  return block(test, [{ key: tunedKey(dice), value: '%(_)' }]);
}

function block(opening: string, inner: readonly Entry[]): readonly Entry[] {
  const [key = '', argument = ''] = opening.split(' = ');
  const end = key.startsWith('for') ? 'endfor' : 'endif';
  return [{ key, value: argument }, ...inner, { key: end, value: '' }];
}
