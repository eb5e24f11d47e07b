/** `config get` and `config set`: the text of a uWSGI config, without a cluster. */
import { Option, type Command } from 'commander';
import { formatSize, parseQuantity, toKib, type Bytes } from '../core/quantity.ts';
import { CONFIG_FORMATS } from '../core/uwsgi/analysis.ts';
import { renderDiff } from '../core/uwsgi/diff.ts';
import { editConfig, type Refusal, type WantedValues } from '../core/uwsgi/edit.ts';
import { OPTIONS } from '../core/uwsgi/options.ts';
import { readConfig, type ConfigReading, type Setting } from '../core/uwsgi/reading.ts';
import { readConfigFile, type ConfigFile, type ConfigFileOptions } from './config-file.ts';
import { oneLine, refused, type Io } from './io.ts';

/** Adds the subcommands. */
export function register(config: Command, io: Io): void {
  config.description('Reads or edits the text of a uWSGI config. Works on a file, without a cluster.');
  registerGet(config, io);
  registerSet(config, io);
}

interface GetOptions extends ConfigFileOptions {
  readonly output: 'text' | 'json' | 'yaml';
}

function registerGet(config: Command, io: Io): void {
  const command = config
    .command('get')
    .summary('show the values uWSGI would run with')
    .description('Shows the processes, threads and thread stack size that uWSGI 2.0 would run with for this text.')
    .addOption(
      new Option('-o, --output <form>', 'form of the answer').choices(['text', 'json', 'yaml']).default('text'),
    )
    .addHelpText('after', GET_HELP);
  addFileArguments(command).action(async (path: string, options: GetOptions) => {
    const file = await readConfigFile(path, options, io);
    await io.writeStdout(await renderReading(readConfig(file.text, file.options), options.output));
  });
}

const GET_HELP = `
A value is null, with its reason, when something outside the file decides it (an environment variable, another file,
an if-block), and a thread stack size also when it is not set. Command line options and UWSGI_* variables are not
looked at. Builds of uWSGI have different parsers for YAML, JSON and XML; a value on which they disagree is null too.
Env is a text of UWSGI_NAME=value lines in the order of the environment.

  uwsgi-tuner config get uwsgi.ini
  kubectl get configmap web-uwsgi -o 'jsonpath={.data.uwsgi\\.ini}' | uwsgi-tuner config get - -o json`;

interface SetOptions extends ConfigFileOptions {
  readonly processes?: string;
  readonly threads?: string;
  readonly threadStackSize?: string;
  readonly diff?: boolean;
}

function registerSet(config: Command, io: Io): void {
  const command = config
    .command('set')
    .summary('print the text with values set')
    .description(
      'Prints the text with the values set and every other byte kept, or refuses. FILE itself is not changed.',
    )
    .option('--processes <N>', 'workers, 1 or more, and more than cheaper')
    .option('--threads <N>', 'threads of a worker, 1 or more')
    .option('--thread-stack-size <Q>', 'stack of a thread, a quantity of whole KiB: 512Ki, 8Mi')
    .option('--diff', 'print the changed lines instead of the text')
    .addHelpText('after', SET_HELP);
  addFileArguments(command).action(async (path: string, options: SetOptions) => {
    const wanted = wantedValues(options);
    const file = await readConfigFile(path, options, io);
    const result = editConfig(file.text, file.options, wanted);
    if (!result.ok) throw refused(renderRefusals(file, result.refusals));
    const text = options.diff === true ? renderDiff(file.text, result.text) : result.text;
    await io.writeStdout(file.encode(text));
  });
}

const SET_HELP = `
An option that is absent is added to the section. Refused, with exit status 2, is what cannot be proven to take effect
by reading the edited text again: a value that comes from $(VAR), %(placeholder) or @(file), that stands inside an
if-block, or that another file may override. In YAML, JSON and XML every build of uWSGI must read the edit alike.

  uwsgi-tuner config set uwsgi.ini --processes 4 --threads 20 --thread-stack-size 512Ki > edited.ini`;

function addFileArguments(command: Command): Command {
  return command
    .argument('<file>', 'the config text; - reads stdin')
    .option(
      '--format <F>',
      `dialect of the text: ${CONFIG_FORMATS.join(', ')} (default: by the suffix of FILE, else Ini)`,
    )
    .option('--section <S>', 'section that uWSGI is asked to read; of XML the id', 'uwsgi');
}

function wantedValues(options: SetOptions): WantedValues {
  const wanted: WantedValues = {
    ...(options.processes === undefined ? {} : { processes: count('--processes', options.processes) }),
    ...(options.threads === undefined ? {} : { threads: count('--threads', options.threads) }),
    ...(options.threadStackSize === undefined ? {} : { threadStackSize: stackSize(options.threadStackSize) }),
  };
  if (Object.keys(wanted).length > 0) return wanted;
  throw refused('found nothing to set, allowed: --processes, --threads, --thread-stack-size');
}

function count(name: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw refused(`${name}: found "${text}", allowed: a whole number, 1 or more`);
}

function stackSize(text: string): Bytes {
  const size = parseQuantity(text);
  if (size !== null) return size;
  throw refused(`--thread-stack-size: found "${text}", allowed: a quantity such as 512Ki or 8Mi`);
}

function renderRefusals(file: ConfigFile, refusals: readonly Refusal[]): string {
  const lines = refusals.map(({ option, line, found, allowed, reason }) => {
    const at = line === null ? '' : `${line}:`;
    return `${file.name}:${at} ${OPTIONS[option].names[0]}: found ${found}, allowed: ${allowed}: ${reason}`;
  });
  return lines.join('; ');
}

/** The answer of `config get` as data: a contract. */
function readingData(reading: ConfigReading): Record<string, unknown> {
  const { processes, threads, threadStackSize } = reading;
  const reasons: Record<string, string> = {};
  if (processes.reason !== null) reasons['processes'] = oneLine(processes.reason);
  if (threads.reason !== null) reasons['threads'] = oneLine(threads.reason);
  if (threadStackSize.reason !== null) reasons['threadStackSizeKiB'] = oneLine(threadStackSize.reason);
  return {
    processes: processes.value,
    threads: threads.value,
    threadStackSizeKiB: threadStackSize.value === null ? null : toKib(threadStackSize.value),
    reasons,
  };
}

async function renderReading(reading: ConfigReading, output: GetOptions['output']): Promise<string> {
  switch (output) {
    case 'json':
      return `${JSON.stringify(readingData(reading), null, 2)}\n`;
    case 'yaml': {
      const { dump } = await import('js-yaml');
      return dump(readingData(reading), { lineWidth: -1 });
    }
    case 'text':
      return renderTable(reading);
  }
}

function renderTable(reading: ConfigReading): string {
  const row = <T>(name: string, setting: Setting<T>, show: (value: T) => string): readonly string[] => [
    name,
    setting.value === null ? '-' : show(setting.value),
    setting.where === null ? '-' : String(setting.where.line),
    oneLine(setting.reason ?? (setting.where === null ? 'not set: the default' : setting.where.key)),
  ];
  const rows = [
    ['OPTION', 'VALUE', 'LINE', 'FROM'],
    row('processes', reading.processes, String),
    row('threads', reading.threads, String),
    row('thread stack size', reading.threadStackSize, formatSize),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0))) ?? [];
  const table = rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const notes = reading.notes.map(({ line, text }) => `note: line ${line}: ${oneLine(text)}`);
  return `${[...table, ...notes].join('\n')}\n`;
}
