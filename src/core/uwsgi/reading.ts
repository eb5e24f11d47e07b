/**
 * The values that uWSGI really runs with for a config text. A value is null, with the reason, when something outside
 * the text decides it. Environment (`UWSGI_*`) and command line are not looked at: the text usually beats them
 * (uwsgi.md 2.4), and the pods are measured after each change.
 */
import { kib, type Bytes } from '../quantity.ts';
import { analyse, viewsOf, type Analysis, type ConfigOptions, type View } from './analysis.ts';
import { mergeBuilds } from './builds.ts';
import { OUTSIDE } from './c-number.ts';
import type { Cause } from './cause.ts';
import { TUNED_OPTIONS, type ConfigReading, type Note, type Setting, type Where } from './config-reading.ts';
import type { Fault } from './dialect.ts';
import { readFacts } from './facts.ts';
import { intOf, type OptionState } from './effective.ts';
import { lookAlike, type OptionId } from './options.ts';

export { TUNED_OPTIONS };
export type { ConfigReading, Note, Setting, TunedOption, Where } from './config-reading.ts';

/** PTHREAD_STACK_MIN of glibc on x86_64; below it the default stays (uwsgi.md 1.5). Larger on other machines. */
export const MIN_STACK_KIB = 16;

/** glibc rounds a stack up to pages; 4 KiB everywhere but on some arm64 nodes. */
const PAGE_KIB = 4;

/** Reads the effective values of a config text. */
export function readConfig(text: string, options: ConfigOptions): ConfigReading {
  return readingOf(analyse(text, options));
}

/** The reading of a text that was analysed already. */
export function readingOf(analysis: Analysis): ConfigReading {
  return mergeBuilds(viewsOf(analysis).map((view) => ({ build: view.build, reading: readView(view) })));
}

function readView(view: View): ConfigReading {
  const fault = view.broken ?? view.badValue ?? tooCheap(view);
  return {
    section: view.section,
    sectionFound: view.sectionFound,
    fault,
    processes: withFault(processesOf(view), view, fault),
    threads: withFault(threadsOf(view), view, fault),
    threadStackSize: withFault(stackOf(view), view, fault),
    cheaper: withFault(cheaperOf(view), view, fault),
    facts: readFacts(view.states),
    notes: notesOf(view),
  };
}

function withFault<T>(setting: Setting<T>, view: View, fault: Fault | null): Setting<T> {
  if (fault === null) return setting;
  const reason =
    fault === view.broken ? `line ${fault.line}: ${fault.reason}` : `uWSGI exits: line ${fault.line}: ${fault.reason}`;
  const editable = fault === view.broken ? { reason } : setting.editable;
  return { ...setting, value: null, reason, cause: fault.cause, editable };
}

/** core/init.c sanitize_args: `cheaper >= processes` ends the process. */
function tooCheap(view: View): Fault | null {
  const state = view.states.get('cheaper');
  const cheaper = intOf(state);
  const processes = processesOf(view).value;
  if (state?.kind !== 'set' || cheaper === null || processes === null || cheaper <= 0 || cheaper < processes)
    return null;
  const { line } = state.option.directive;
  const reason = `cheaper is ${cheaper} and must be lower than processes, which is ${processes}`;
  return { line, reason, cause: 'Fault' };
}

function processesOf(view: View): Setting<number> {
  const setting = numberOf(view, 'processes', 1);
  const limit = view.states.get('limitProcesses');
  const most = intOf(limit);
  if (limit === undefined || setting.value === null || most === 0) return setting;
  // That another file may set the limit is no more likely than that the pod has one anyway.
  if (!view.options.some(({ key }) => key === 'limit-nproc')) return setting;
  if (most !== null && most > setting.value) return setting;
  // core/uwsgi.c: more workers than RLIMIT_NPROC allows are cut to the limit less one.
  const line = limit.kind === 'unset' ? 0 : limit.kind === 'set' ? limit.option.directive.line : limit.line;
  const reason = `limit-nproc at line ${line} may cut the number of workers`;
  const certain = most !== null && most < setting.value;
  if (certain) return { ...setting, value: most - 1, editable: { reason } };
  return { ...setting, value: null, reason, cause: 'ProcessLimit', editable: { reason } };
}

/**
 * Only the simple loop starts threads (core/loop.c simple_loop); with `async` above 1 or another loop engine a worker
 * has one, and `threads` only counts cores.
 */
function threadsOf(view: View): Setting<number> {
  const setting = numberOf(view, 'threads', 1);
  const value = setting.value === 0 ? 1 : setting.value;
  const loop = otherLoop(view);
  if (loop === null) return { ...setting, value };
  const reason = `line ${loop.line}: ${loop.key} runs a loop that starts no threads`;
  if (value === null || value === 1) return { ...setting, value, editable: { reason } };
  if (loop.isCertain) return { ...setting, value: 1, editable: { reason } };
  return {
    ...setting,
    value: null,
    reason: `${reason}, if its plugin is there`,
    cause: 'LoopEngine',
    editable: { reason },
  };
}

/** The option that chooses a loop without threads; certain for uWSGI's own, not for one that a plugin brings. */
function otherLoop(view: View): (Where & { readonly isCertain: boolean }) | null {
  const [async, loop] = [view.states.get('async'), view.states.get('loop')];
  if (async?.kind === 'set' && (intOf(async) ?? 0) > 1) {
    const { key, directive } = async.option;
    return { line: directive.line, key, isCertain: key === 'async' };
  }
  if (loop?.kind !== 'set' || loop.text === '' || loop.text === 'simple') return null;
  return { line: loop.option.directive.line, key: `loop = ${loop.text}`, isCertain: loop.text === 'async' };
}

function stackOf(view: View): Setting<Bytes> {
  const setting = numberOf(view, 'threadStackSize', 0);
  const { value, where } = setting;
  if (value === null) return { ...setting, value };
  const unset = (reason: string): Setting<Bytes> => ({ ...setting, value: null, reason, cause: 'Unset' });
  const standard = 'the C library uses its default, the stack limit of the process (mostly 8 MiB)';
  if (where === null) return unset(`not set: ${standard}`);
  const at = `line ${where.line}: ${where.key} is ${value}`;
  if (value === 0) return unset(`${at}: ${standard}`);
  if (value < MIN_STACK_KIB) return unset(`${at} KiB, below the least of ${MIN_STACK_KIB} KiB: ${standard}`);
  return { ...setting, value: kib(Math.ceil(value / PAGE_KIB) * PAGE_KIB) };
}

function cheaperOf(view: View): Setting<number> {
  const setting = numberOf(view, 'cheaper', 0);
  return setting.where === null && setting.reason === null
    ? { ...setting, value: null, reason: 'not set', cause: 'Unset' }
    : setting;
}

/** An int option. */
function numberOf(view: View, id: OptionId, unset: number): Setting<number> {
  const state = view.states.get(id) ?? { kind: 'unset' };
  const editable = editability(view, state);
  switch (state.kind) {
    case 'unset':
      return { value: unset, reason: null, cause: null, where: null, editable };
    case 'unknown':
      return { value: null, reason: state.reason, cause: state.cause, where: null, editable };
    case 'set': {
      const { line } = state.option.directive;
      const where = { line, key: state.option.key };
      const number = intOf(state);
      if (number !== null) return { value: number, reason: null, cause: null, where, editable };
      const [cause, from] = comesFrom(state.option.value);
      return { value: null, reason: `line ${line}: ${where.key} ${from}`, cause, where, editable };
    }
  }
}

/** Whether the number of a state stands in the text by itself, or could be added. */
function editability(view: View, state: OptionState): Setting<number>['editable'] {
  if (state.kind === 'unknown') return { reason: state.reason };
  if (state.kind === 'unset') return addability(view);
  const { key, value, block, place, directive } = state.option;
  if (block !== null || place === null) {
    const inside = block === null ? 'a block' : `${block.key} of line ${block.line}`;
    return { reason: `line ${directive.line}: ${key} stands inside ${inside}` };
  }
  if (directive.lock !== null) return { reason: `line ${directive.line}: ${key} ${directive.lock}` };
  if (isVerbatim(value)) return true;
  return { reason: `line ${directive.line}: ${key} ${comesFrom(value)[1]}` };
}

const BYTE_ORDER_MARK = '\ufeff';
const MARK_IS_TEXT = 'byte order mark, which uWSGI takes for a part of the first line';

function addability(view: View): Setting<number>['editable'] {
  if (!view.sectionFound) {
    const mark = view.text.startsWith(BYTE_ORDER_MARK) ? `; it begins with a ${MARK_IS_TEXT}` : '';
    return { reason: `the text has no option in section [${view.section}]${mark}` };
  }
  const list = view.options.find(({ key }) => key === 'blacklist' || key === 'whitelist');
  if (list === undefined) return true;
  return { reason: `line ${list.directive.line}: ${list.key} may forbid a new option` };
}

/** Whether the number at the start of a value is written there, and nothing else can come into it. */
function isVerbatim(value: string): boolean {
  const token = /^[ \t\v\f]*[+-]?[\w.]+/.exec(value)?.[0];
  if (token === undefined) return !/[$@%]\(/.test(value) && !value.includes(OUTSIDE);
  const rest = value.slice(token.length);
  return !/^(?:[$@%]\(|\uFFFF)/.test(rest);
}

/** Says what outside the text a value comes from: never the value itself, which may hold what nobody shall read. */
function comesFrom(value: string): readonly [Cause, string] {
  const variable = reference(value, '$');
  if (variable !== null) return ['EnvironmentVariable', `comes from ${variable}, an environment variable of the pod`];
  if (reference(value, '@') !== null) return ['PodFile', 'comes from a file or a program of the pod'];
  const placeholder = reference(value, '%')?.replaceAll(OUTSIDE, '?') ?? null;
  if (placeholder !== null) return ['Placeholder', `comes from ${placeholder}, a placeholder`];
  return ['MagicVariable', 'comes from a magic variable of the pod, such as %k, the number of CPUs of the node'];
}

/** The first `$(NAME)` of a value, cut short; null when there is none. */
function reference(value: string, symbol: string): string | null {
  const start = value.indexOf(`${symbol}(`);
  const end = start === -1 ? -1 : value.indexOf(')', start);
  if (end === -1) return null;
  const text = value.slice(start, end + 1);
  return text.length > MAX_REFERENCE ? `${text.slice(0, MAX_REFERENCE)}...` : text;
}

const MAX_REFERENCE = 100;

function notesOf(view: View): readonly Note[] {
  const notes: Note[] = [];
  if (!view.sectionFound && view.broken === null) {
    notes.push({ line: 1, text: `no option in section [${view.section}]: uWSGI runs with its defaults` });
  }
  const { text } = view;
  if (text.startsWith(BYTE_ORDER_MARK)) notes.push({ line: 1, text: `begins with a ${MARK_IS_TEXT}` });
  const nul = text.indexOf('\0');
  if (nul !== -1) {
    const line = text.slice(0, nul).split('\n').length;
    notes.push({ line, text: 'holds a NUL byte: uWSGI reads a line up to its first one' });
  }
  for (const { key, directive } of view.options) {
    const meant = lookAlike(key);
    if (meant !== null)
      notes.push({ line: directive.line, text: `"${key}" is not the option ${meant}: it sets nothing` });
  }
  return notes;
}
