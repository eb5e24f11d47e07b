/** `analyze`: captures of a uWSGI pod to attribution, budget and recommendation, without a cluster. */
import { Option, type Command } from 'commander';
import { NOT_CONFIGURED, type ConfiguredShape } from '../core/memory/sample-from-capture.ts';
import { parseQuantity, type Bytes } from '../core/quantity.ts';
import { readConfig } from '../core/uwsgi/reading.ts';
import { analysisData } from './analysis-data.ts';
import { renderHtml } from './analysis-html.ts';
import { renderAnalysis } from './analysis-text.ts';
import { analyseSamples, type Analysis, type ConfigValues } from './analysis.ts';
import { readCaptures } from './capture-files.ts';
import { readConfigFile } from './config-file.ts';
import { refused, type Io } from './io.ts';

interface AnalyzeOptions {
  readonly limit?: string;
  readonly config?: string;
  readonly format?: string;
  readonly section: string;
  readonly output: 'text' | 'json' | 'yaml' | 'html';
}

export function register(command: Command, io: Io): void {
  command
    .description('Attributes the memory of captured uWSGI processes and recommends processes, threads and stack size.')
    .argument('<capture...>', "smaps or pmap text, the sampler's stream or saved samples; - reads stdin")
    .option('--limit <Q>', 'memory limit of the pod, a quantity: 512Mi, 1Gi (default: the limit in the capture)')
    .option('--config <FILE>', 'the uWSGI config that the captured processes run with')
    .option('--format <F>', 'dialect of the config (default: by its suffix)')
    .option('--section <S>', 'section of the config that uWSGI is asked to read', 'uwsgi')
    .addOption(
      new Option('-o, --output <form>', 'form of the answer').choices(['text', 'json', 'yaml', 'html']).default('text'),
    )
    .addHelpText('after', HELP)
    .action(async (paths: string[], options: AnalyzeOptions) => {
      const limit = options.limit === undefined ? null : limitOf(options.limit);
      const config = options.config === undefined ? null : await configOf(options.config, options, io);
      const samples = await readCaptures(paths, shapeOf(config), io);
      await io.writeStdout(await render(analyseSamples({ samples, limit, config }), options.output));
    });
}

const HELP = `
Captured processes are taken as one workload. Bare smaps or pmap text is one pod: give every process of it, the master
too. A dash or null means that this form of capture does not tell. Two savings are shown: mapped is address space,
resident is what a memory limit charges.

  kubectl exec web-0 -- sh -c 'cat /proc/[0-9]*/smaps' | uwsgi-tuner analyze - --limit 512Mi
  uwsgi-tuner analyze 1.smaps 7.smaps 8.smaps --limit 1Gi --config uwsgi.ini -o html > report.html`;

function limitOf(text: string): Bytes {
  const limit = parseQuantity(text);
  if (limit !== null && limit > 0) return limit;
  throw refused(`--limit: found "${text}", allowed: a quantity of memory such as 512Mi or 1Gi`);
}

async function configOf(path: string, options: AnalyzeOptions, io: Io): Promise<ConfigValues> {
  const asked = options.format === undefined ? {} : { format: options.format };
  const file = await readConfigFile(path, { ...asked, section: options.section }, io);
  const reading = readConfig(file.text, file.options);
  if (reading.fault !== null) {
    const exits = reading.fault.cause === 'Fault' ? 'uWSGI exits: ' : '';
    throw refused(`${file.name}:${reading.fault.line}: ${exits}${reading.fault.reason}`);
  }
  const { processes, threads, threadStackSize, cheaper, facts } = reading;
  const hidden = { processes, threads, 'thread stack size': threadStackSize };
  return {
    processes: processes.value,
    threads: threads.value,
    threadStackSize: threadStackSize.value,
    // Without the option, or with cheaper off, there is no least number of workers.
    cheaper: cheaper.value === 0 ? null : cheaper.value,
    threadsTunable: (facts.asyncCores ?? 0) <= 1,
    notes: Object.entries(hidden)
      .filter(([, setting]) => setting.reason !== null && setting.where !== null)
      .map(([name, setting]) => `The config does not tell ${name}: ${setting.reason ?? ''}.`),
  };
}

function shapeOf(config: ConfigValues | null): ConfiguredShape {
  if (config === null) return NOT_CONFIGURED;
  return { processes: config.processes, threads: config.threads, stackSize: config.threadStackSize };
}

async function render(analysis: Analysis, output: AnalyzeOptions['output']): Promise<string> {
  switch (output) {
    case 'json':
      return `${JSON.stringify(analysisData(analysis), null, 2)}\n`;
    case 'yaml': {
      const { dump } = await import('js-yaml');
      return dump(analysisData(analysis), { lineWidth: -1 });
    }
    case 'html':
      return renderHtml(analysis);
    case 'text':
      return renderAnalysis(analysis);
  }
}
