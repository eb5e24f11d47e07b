/** `npm run demo`: see HELP in demo/options.ts. */
import { Unmet } from './demo/expectation.ts';
import { endChildren } from './demo/kubectl.ts';
import { inspectMachine, whatIsMissing } from './demo/machine.ts';
import { HELP, parseOptions, UsageError, type DemoOptions } from './demo/options.ts';
import { Screen } from './demo/screen.ts';
import { NAMESPACE, type Stage } from './demo/stage.ts';
import { indent, item, oneLine, wrap } from './demo/text.ts';

const LOG_LINES = 15;
/** A terminal's Ctrl-C comes twice: from the terminal, and from npm. */
const SAME_SIGNAL_MS = 1_000;

/** The stage that has to be cleared away, whatever happens. */
let stage: Stage | null = null;
let interrupted = false;
let interruptedAt = 0;

async function main(options: DemoOptions): Promise<number> {
  const screen = new Screen(options.output === 'json' ? process.stderr : process.stdout);
  onInterrupt(screen);
  screen.print(`${screen.paint.bold('uwsgi-tuner demo')}\n`);
  try {
    if (options.context !== null) return await onContext(options, screen);
    const missing = whatIsMissing(inspectMachine());
    return missing.length === 0 ? await onThrowaway(options, screen) : await offline(missing, options, screen);
  } catch (error) {
    if (interrupted) return await forEver();
    screen.stop();
    await explain(error, screen);
    return 1;
  } finally {
    if (!interrupted) await clearAway(screen);
  }
}

async function onThrowaway(options: DemoOptions, screen: Screen): Promise<number> {
  const [{ KEPT_HELP, startThrowaway }, { tellLive }] = await Promise.all([
    import('./demo/throwaway.ts'),
    import('./demo/live.ts'),
  ]);
  const opening = await startThrowaway(screen, options.keep);
  stage = opening.stage;
  printFacts(await tellLive(opening, screen), options);
  if (!options.keep) return 0;
  stage = null;
  screen.print(`\n${wrap('The cluster stays until you end it:')}\n${indent(KEPT_HELP.join('\n'), '    ')}\n`);
  return 0;
}

async function onContext(options: DemoOptions, screen: Screen): Promise<number> {
  const [{ askForContext, openOnContext }, { tellLive }] = await Promise.all([
    import('./demo/context.ts'),
    import('./demo/live.ts'),
  ]);
  const place = await askForContext(options, screen);
  if (place === null) return 2;
  const opening = openOnContext(place, screen);
  stage = opening.stage;
  printFacts(await tellLive(opening, screen), options);
  return 0;
}

async function offline(missing: readonly string[], options: DemoOptions, screen: Screen): Promise<number> {
  const { MARK, readRecorded, renderRecorded, renderRecordedEdit } = await import('./demo/recorded.ts');
  const [{ analysisData }, recorded] = [await import('../src/cli/analysis-data.ts'), readRecorded()];
  screen.print('\n');
  screen.print(wrap('This machine cannot run the throwaway cluster. It is missing:'));
  screen.print(`${missing.map((each) => item(each)).join('')}\n`);
  screen.print(wrap('With --context NAME the demo runs on a cluster that you have.'));
  screen.print(wrap(`What follows is ${MARK}: captures of real uWSGI processes, taken elsewhere and analysed now.`));
  for (const [index, each] of recorded.entries()) {
    screen.heading(`${MARK} ${index + 1} of ${recorded.length}`);
    screen.print(renderRecorded(each, screen.paint));
  }
  const [first] = recorded;
  if (first === undefined) throw new Unmet('recorded captures', 'none');
  screen.heading(`${MARK}: the change`);
  screen.print(renderRecordedEdit(first, screen.paint));
  const captures = recorded.map(({ file, note, analysis }) => ({ file, note, analysis: analysisData(analysis) }));
  printFacts({ recorded: true, missing, captures }, options);
  return 0;
}

function printFacts(facts: object, { output }: DemoOptions): void {
  if (output === 'json') process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
}

/** What was expected and found, how the pods are, and what the operator said last. */
async function explain(error: unknown, screen: Screen): Promise<void> {
  screen.note('');
  if (error instanceof Unmet) {
    screen.note(wrap(`The demo stopped. Expected: ${error.expected}.`, { rest: '  ' }).trimEnd());
    screen.note(wrap(`Found: ${error.found}`, { rest: '  ' }).trimEnd());
  } else {
    screen.note(`The demo stopped: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  if (stage === null) return;
  const pods = await stage.kubectl.run(['--namespace', NAMESPACE, 'get', 'pods']).catch(() => null);
  if (pods !== null) screen.note(`\nThe demo's pods:\n${(pods.stdout.toString() || pods.stderr).trimEnd()}`);
  const log = await stage.operatorLog(LOG_LINES).catch(() => []);
  if (log.length === 0) return;
  screen.note(`\nThe operator's last log lines:\n${log.map((line) => oneLine(line, 400)).join('\n')}`);
}

async function clearAway(screen: Screen): Promise<void> {
  screen.stop();
  const ending = stage;
  stage = null;
  if (ending !== null) await ending.end();
  endChildren();
}

/** Ctrl-C ends everything that the demo started; a second one does not wait for it. */
function onInterrupt(screen: Screen): void {
  const end = (): void => {
    if (interrupted && Date.now() - interruptedAt < SAME_SIGNAL_MS) return;
    if (interrupted) {
      endChildren();
      process.exit(130);
    }
    interrupted = true;
    interruptedAt = Date.now();
    screen.breakOff();
    stage?.kubectl.halt();
    screen.note('\nInterrupted; ends what it started.');
    clearAway(screen).then(
      () => process.exit(130),
      (error: unknown) => {
        screen.note(String(error));
        process.exit(130);
      },
    );
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
}

function forEver(): Promise<never> {
  return new Promise(() => undefined);
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(HELP);
  else process.exitCode = await main(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`demo: ${error.message}\ntry --help\n`);
  process.exitCode = 2;
}
