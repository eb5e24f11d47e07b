/**
 * Sets the three tuned values in a config text. Only the option lines change, and every edit proves itself: the new
 * text is read again and must give the wanted values and leave every other option as it was; else it is refused.
 */
import { bytes, formatQuantity, kib, toExactKib, type Bytes } from '../quantity.ts';
import { analyse, viewsOf, type Analysis, type ConfigOptions } from './analysis.ts';
import type { Directive } from './dialect.ts';
import { changedLines } from './diff.ts';
import { intOf } from './effective.ts';
import type { ExportedOption } from './exported-options.ts';
import { OPTIONS } from './options.ts';
import { apply, changedOnly, writtenValue, type EditResult, type Refusal } from './proof.ts';
import { restoreAnalysis, restoreValues } from './restore.ts';
import { MIN_STACK_KIB, readingOf, TUNED_OPTIONS, type Setting, type TunedOption } from './reading.ts';

export { restoreValues };
export type { EditResult, Refusal } from './proof.ts';

/** The values to set; what is left out stays as it is. */
export interface WantedValues {
  /** At least 1, above `cheaper`. */
  readonly processes?: number;
  /** At least 1. */
  readonly threads?: number;
  /** Whole KiB, at least 16. */
  readonly threadStackSize?: Bytes;
}

/** C int: what uWSGI keeps the values in. */
const MAX_INT = 2 ** 31 - 1;

/** Sets what differs. The text comes back as it is when nothing does. */
export function editConfig(text: string, options: ConfigOptions, wanted: WantedValues): EditResult {
  const before = analyse(text, options);
  const targets = targetsOf(wanted);
  const refusals = targets.flatMap((target) => refusalOf(before, target) ?? []);
  if (!refusals.some(({ option }) => option === 'processes')) refusals.push(...tooFewProcesses(before, wanted));
  if (refusals.length > 0) return { ok: false, refusals };

  let current = before;
  for (const target of targets) {
    if (isAlready(current, target)) continue;
    const next = setNumber(current, target, options);
    if (next === null) return { ok: false, refusals: [unproven(before, target)] };
    current = next;
  }
  for (const target of targets) {
    if (!isAlready(current, target)) return { ok: false, refusals: [unproven(before, target)] };
  }
  return canBeTakenBack(current, before, options)
    ? { ok: true, text: current.text, changedLines: changedLines(text, current.text) }
    : { ok: false, refusals: targets.map((target) => notReversible(before, target)) };
}

/** A change that cannot be put back must not be made: the way back is tried before the way there is allowed. */
function canBeTakenBack(edited: Analysis, before: Analysis, options: ConfigOptions): boolean {
  const back = restoreAnalysis(edited, before, options);
  return 'text' in back && back.text === before.text;
}

/** One value to set, in the unit that uWSGI reads. */
interface Target {
  readonly id: TunedOption;
  readonly value: number;
  /** Why the value itself cannot be written; null when it can. */
  readonly invalid: string | null;
}

function targetsOf(wanted: WantedValues): readonly Target[] {
  const targets: Target[] = [];
  for (const id of TUNED_OPTIONS) {
    const value = wanted[id];
    if (value === undefined) continue;
    if (id === 'threadStackSize') targets.push(stackTarget(value));
    else targets.push({ id, value, invalid: isCount(value) ? null : `a whole number from 1 to ${MAX_INT}` });
  }
  return targets;
}

function stackTarget(size: number): Target {
  const allowed = `whole KiB from ${MIN_STACK_KIB}Ki to ${MAX_INT}Ki`;
  const valid =
    Number.isSafeInteger(size) && size % kib(1) === 0 && isCount(size / kib(1)) && size >= kib(MIN_STACK_KIB);
  return { id: 'threadStackSize', value: valid ? toExactKib(bytes(size)) : size, invalid: valid ? null : allowed };
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= MAX_INT;
}

function refusalOf(analysis: Analysis, target: Target): Refusal | null {
  const { id, value, invalid } = target;
  const setting = settingOf(analysis, id);
  const line = setting.where?.line ?? null;
  if (invalid !== null) {
    const found =
      id === 'threadStackSize' && Number.isSafeInteger(value) && value >= 0
        ? formatQuantity(bytes(value))
        : String(value);
    return {
      option: id,
      line,
      found,
      allowed: invalid,
      reason: `${found} cannot be written as ${OPTIONS[id].names[0]}`,
    };
  }
  if (setting.editable === true || isAlready(analysis, target)) return null;
  const found = writtenValue(analysis, id);
  return { option: id, line, found, allowed: 'a plain number outside of blocks', reason: setting.editable.reason };
}

/** uWSGI exits when `cheaper` is not below `processes`. */
function tooFewProcesses(analysis: Analysis, { processes }: WantedValues): readonly Refusal[] {
  if (processes === undefined) return [];
  const state = analysis.states.get('cheaper');
  const setting = settingOf(analysis, 'processes');
  if (state === undefined || state.kind === 'unset' || setting.value === processes) return [];
  const cheaper = intOf(state);
  const line = state.kind === 'set' ? state.option.directive.line : state.line;
  if (cheaper === null) {
    if (setting.value !== null && processes >= setting.value) return [];
    const reason = 'the text does not tell cheaper, which must be lower than processes';
    return [{ option: 'processes', line, found: `${processes}`, allowed: 'more than cheaper', reason }];
  }
  if (cheaper < processes) return [];
  const reason = `cheaper is ${cheaper} and must be lower than processes, else uWSGI exits`;
  return [{ option: 'processes', line, found: `${processes}`, allowed: `${cheaper + 1} or more`, reason }];
}

function unproven(analysis: Analysis, { id, value }: Target): Refusal {
  const { where } = settingOf(analysis, id);
  return {
    option: id,
    line: where?.line ?? null,
    found: `${value}`,
    allowed: 'a change of this option alone',
    reason: `setting ${OPTIONS[id].names[0]} would change another option too, or another line would override it`,
  };
}

function notReversible(analysis: Analysis, target: Target): Refusal {
  const { names } = OPTIONS[target.id];
  return { ...unproven(analysis, target), reason: `setting ${names[0]} could not be taken back to the last byte` };
}

function settingOf(analysis: Analysis, id: TunedOption): Setting<number> {
  return readingOf(analysis)[id];
}

/** Whether uWSGI runs with the value: as it is written, or as it is rounded to pages. */
function isAlready(analysis: Analysis, { id, value, invalid }: Target): boolean {
  const setting = settingOf(analysis, id);
  if (invalid !== null || setting.value === null) return false;
  if (id !== 'threadStackSize') return setting.value === value;
  return setting.value === kib(value) || intOf(analysis.states.get(id)) === value;
}

/** The text with one number set or added, read and proven; null when no place for it proves. */
function setNumber(before: Analysis, { id, value }: Target, options: ConfigOptions): Analysis | null {
  const state = before.states.get(id);
  if (state?.kind === 'set') {
    if (state.option.place === null) return null;
    const after = apply(before, before.document.replaceNumber(state.option.place, value), options);
    return changedOnly(before, after, id) ? after : null;
  }
  const option = { key: OPTIONS[id].names[0], value };
  for (const anchor of anchorsOf(before)) {
    const splice = before.document.insert(before.section, anchor, option);
    if (splice === null) continue;
    const after = apply(before, splice, options);
    if (changedOnly(before, after, id) && isReadByAll(after, id, value)) return after;
  }
  return null;
}

/** Whether every build of uWSGI ends with the number: one may not read as far as the new line. */
function isReadByAll(analysis: Analysis, id: TunedOption, value: number): boolean {
  return viewsOf(analysis).every(({ states }) => intOf(states.get(id)) === value);
}

/** Places behind which a new line may stand: the section's last option that no block holds, else the section's head. */
function anchorsOf(analysis: Analysis): readonly (Directive | null)[] {
  const own = new Set(analysis.document.section(analysis.section).directives);
  const last = analysis.options.findLast(
    (option) => option.block === null && option.place?.index === 0 && own.has(option.directive) && !opensBlock(option),
  );
  return last === undefined ? [null] : [last.directive, null];
}

function opensBlock({ key }: ExportedOption): boolean {
  return /^(?:for|if)/.test(key);
}
