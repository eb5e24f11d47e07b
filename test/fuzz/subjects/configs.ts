/** Config texts: read without an exception, and no edit that a new reading does not prove. */
import fc from 'fast-check';
import { kib } from '../../../src/core/quantity.ts';
import { analyse, CONFIG_FORMATS, type ConfigFormat, type ConfigOptions } from '../../../src/core/uwsgi/analysis.ts';
import { renderDiff } from '../../../src/core/uwsgi/diff.ts';
import { editConfig, restoreValues, type WantedValues } from '../../../src/core/uwsgi/edit.ts';
import { readConfig, TUNED_OPTIONS } from '../../../src/core/uwsgi/reading.ts';
import { law, mutate, mutations, subject } from '../subject.ts';

const BASES = [
  '[uwsgi]\nhttp-socket = :8080\nmaster = true\nprocesses = 4\nthreads = 20\nthreads-stacksize = 512\nwsgi-file = app.py\n',
  '# shop\n[uwsgi]\r\nworkers=2\r\nenable-threads = true\r\n; cheaper\r\ncheaper = 1\r\n\r\n[other]\r\nthreads = 3\r\n',
  '[uwsgi]\nif-env = PROD\nprocesses = 8\nendif\nfor = 1 2 3\nenv = A%(_)=1\nendfor\nset-ph = n=4\nthreads = %(n)\n',
  '[uwsgi]\nstrict = true\nini = :app\n[app]\nprocesses = %k\nthreads = $(THREADS)\nlogformat = %(addr) 100%%\n',
  '\ufeff[uwsgi]\nprocesses = 4\n',
  '',
];

/** The other dialects: what people write, and what their builds read differently. */
const DIALECTS: Readonly<Record<Exclude<ConfigFormat, 'Ini'>, readonly string[]>> = {
  Yaml: [
    'uwsgi:\n  master: true\n  processes: 4 # four\n  threads: 20\n  threads-stacksize: 512\n',
    '---\n# shop\nuwsgi:\n    workers: "2"\n    env: [A=1, B=2]\n    set-ph: n=4\n    threads: "%(n)"\nother:\n  threads: 3\n',
  ],
  Json: [
    '{\n  "uwsgi": {\n    "processes": 4,\n    "threads": "20",\n    "env": ["A=1", "B=2"]\n  }\n}\n',
    '{"uwsgi":{"master":true,"cheaper":1,"workers":2,"threads-stacksize":512},"other":{"threads":3}}',
  ],
  Xml: [
    '<uwsgi>\n  <master/>\n  <processes>4</processes>\n  <threads>20</threads><!-- x -->\n</uwsgi>\n',
    '<?xml version="1.0"?>\n<shop><uwsgi id="other"><threads>3</threads></uwsgi><uwsgi><workers>2</workers></uwsgi></shop>',
  ],
  Env: ['UWSGI_MASTER=true\nUWSGI_PROCESSES=4\nUWSGI_THREADS=20\n', '# shop\nexport UWSGI_WORKERS="2"\nPATH=/bin\n'],
};
const SIGNS = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ':',
    ': ',
    '- ',
    ',',
    '"',
    "'",
    '#',
    '&a ',
    '*a',
    '|\n',
    '>\n',
    '!!int ',
    '---\n',
    '<<: ',
    '\\u0000',
  ],
  ...[
    '<',
    '>',
    '</',
    '/>',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '&amp;',
    '&x;',
    '<!DOCTYPE x [<!ENTITY x "y">]>',
    'UWSGI_',
    'export ',
  ],
  ...[
    '\n  threads: 3\n',
    '"threads": 3,',
    '<threads>3</threads>',
    'UWSGI_THREADS=3\n',
    '\n',
    '  ',
    '\t',
    '1e3',
    '0x10',
    'null',
    'true',
  ],
];

const KEYS = [
  ...[
    'processes',
    'workers',
    'threads',
    'threads-stacksize',
    'thread-stack-size',
    'cheaper',
    'strict',
    'limit-nproc',
    'async',
  ],
  ...[
    'set',
    'set-ph',
    'ini',
    'include',
    'inherit',
    'for',
    'for-times',
    'if-opt',
    'if-env',
    'endif',
    'end',
    'declare-option',
    'exit',
  ],
];
const TOKENS = [
  ...KEYS.flatMap((key) => [`\n${key} = 3\n`, key]),
  ...[
    '\n',
    '\r\n',
    '\0',
    '%',
    '%%',
    '%(',
    '%(a)',
    '$(A)',
    '@(f)',
    '=',
    ' = ',
    ';',
    '#',
    '[',
    ']',
    '[uwsgi]\n',
    '[other]\n',
  ],
  ...[
    '%\n',
    '99999999999999999999',
    '-1',
    '0',
    '"4"',
    '64k',
    '\ufeff',
    '\uffff',
    '\u{1f600}',
    'é',
    '\u2028',
    '\t',
    '\v',
  ],
];

const ini = fc.record({
  base: fc.nat({ max: BASES.length - 1 }),
  other: fc.nat({ max: BASES.length - 1 }),
  steps: mutations(TOKENS),
});
const line = fc.tuple(
  fc.constantFrom('', ' ', '\t'),
  fc.oneof(fc.constantFrom(...KEYS), fc.string({ maxLength: 6 })),
  fc.constantFrom('=', ' = ', '  =  ', '\t=', '= ', ''),
  fc.oneof(fc.nat({ max: 300 }).map(String), fc.constantFrom(...TOKENS), fc.string({ unit: 'binary', maxLength: 8 })),
);
const text = fc.oneof(
  ini.map(({ base, other, steps }) => {
    const [bytes, more] = [base, other].map((index) => Buffer.from(BASES[index] ?? '', 'utf8'));
    return Buffer.from(mutate(bytes ?? Buffer.alloc(0), more ?? Buffer.alloc(0), steps)).toString('utf8');
  }),
  fc
    .tuple(fc.array(line, { maxLength: 10 }), fc.constantFrom('\n', '\r\n'), fc.boolean())
    .map(([lines, eol, last]) => ['[uwsgi]', ...lines.map((parts) => parts.join(''))].join(eol) + (last ? eol : '')),
);
const wanted: fc.Arbitrary<WantedValues> = fc.record(
  {
    processes: fc.oneof(fc.integer({ min: 1, max: 64 }), fc.constantFrom(0, -1, 1.5, 2 ** 31, NaN)),
    threads: fc.oneof(fc.integer({ min: 1, max: 500 }), fc.constantFrom(0, 2 ** 31)),
    threadStackSize: fc.integer({ min: 4, max: 2048 }).map((pages) => kib(pages * 4)),
  },
  { requiredKeys: [] },
);
const section = fc.oneof({ weight: 8, arbitrary: fc.constant('uwsgi') }, fc.constantFrom('other', 'app', '', 'no'));

/** A text and the dialect that it is read in, mostly its own. */
const dialectText = fc
  .record({
    format: fc.constantFrom('Yaml' as const, 'Json' as const, 'Xml' as const, 'Env' as const),
    readAs: fc.option(fc.constantFrom(...CONFIG_FORMATS), { freq: 1, nil: null }),
    mixed: fc.integer({ min: 0, max: 9 }),
    base: fc.nat({ max: 1 }),
    steps: mutations([...SIGNS, ...KEYS]),
  })
  .map(({ format, readAs, mixed, base, steps }) => {
    const [bytes, more] = [base, 1 - base].map((index) => Buffer.from(DIALECTS[format][index] ?? '', 'utf8'));
    const changed = mutate(bytes ?? Buffer.alloc(0), more ?? Buffer.alloc(0), steps);
    return { format: mixed === 0 ? (readAs ?? format) : format, text: Buffer.from(changed).toString('utf8') };
  });

/** The INI texts as the others are: with their dialect. */
const iniText: fc.Arbitrary<{ readonly format: ConfigFormat; readonly text: string }> = text.map((ini) => ({
  format: 'Ini',
  text: ini,
}));

const input = fc.record({ config: fc.oneof(iniText, dialectText), wanted, section });

export const configs = subject('configs', 35, input, ({ config, wanted: values, section: name }) => {
  checkEdit(config.text, { format: config.format, section: name }, values);
});

/** The laws of reading and editing, in whatever dialect. */
function checkEdit(text: string, options: ConfigOptions, values: WantedValues): void {
  const reading = readConfig(text, options);
  for (const id of TUNED_OPTIONS) {
    const { value, reason } = reading[id];
    law((value === null) === (reason !== null), `${id} is ${String(value)} and its reason ${String(reason)}`);
  }
  const edit = editConfig(text, options, values);
  if (!edit.ok) {
    law(edit.refusals.length > 0 && edit.refusals.every(({ reason }) => reason !== ''), 'refused without a reason');
    return;
  }
  const after = readConfig(edit.text, options);
  for (const id of TUNED_OPTIONS) {
    const expected = values[id] ?? (reading.fault === null ? reading[id].value : after[id].value);
    law(after[id].value === expected, `${id} reads ${String(after[id].value)}, wanted ${String(expected)}`);
  }
  law(others(edit.text, options) === others(text, options), 'another option changed');
  const again = editConfig(edit.text, options, values);
  law(again.ok && again.text === edit.text, 'the same edit once more changes the text');
  const back = restoreValues(edit.text, text, options);
  law(back.ok && back.text === text, 'the old values cannot be put back');
  // A value of another dialect may itself stand on several lines.
  const few = options.format !== 'Ini' || edit.changedLines.length <= Object.keys(values).length;
  law(few, `changed ${edit.changedLines.length} lines`);
  law((renderDiff(text, edit.text) === '') === (edit.changedLines.length === 0), 'the diff tells other lines');
}

const TUNED = /^(?:processes|workers|p|threads?(?:-stack-?size)?|set)$/;

/** Every option but the tuned ones, with its filled value, in order. */
function others(text: string, options: ConfigOptions): string {
  const { options: all, values } = analyse(text, options);
  return JSON.stringify(all.flatMap(({ key }, index) => (TUNED.test(key) ? [] : [[key, values[index]]])));
}
