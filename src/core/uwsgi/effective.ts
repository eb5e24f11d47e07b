/**
 * The list of options to the value each option ends with: options apply in list order, so the last occurrence of any
 * spelling wins; `inherit` comes after everything (core/config.c uwsgi_configure).
 */
import { atoi, OUTSIDE, strtoul } from './c-number.ts';
import type { Cause } from './cause.ts';
import type { Fault } from './dialect.ts';
import type { ExportedOption } from './exported-options.ts';
import { isTrue, OPTIONS, optionsNamed, type OptionId } from './options.ts';

/** What the file says of one option. */
export type OptionState =
  | { readonly kind: 'unset' }
  | { readonly kind: 'set'; readonly text: string; readonly option: ExportedOption }
  | { readonly kind: 'unknown'; readonly cause: Cause; readonly reason: string; readonly line: number };

/** Where every option ends. */
export interface Effective {
  readonly states: ReadonlyMap<OptionId, OptionState>;
  /** Why uWSGI exits: a number below 0. */
  readonly fatal: Fault | null;
}

/** Applies the options in order. `values` are the filled values, one for each option. */
export function applyOptions(options: readonly ExportedOption[], values: readonly string[]): Effective {
  const states = new Map<OptionId, OptionState>();
  const known = new Map<string, readonly OptionId[]>();
  const applyCustom = (option: ExportedOption, template: string): void => {
    const ids = known.get(template) ?? idsOfTemplate(template);
    known.set(template, ids);
    makeUnknown(states, ids, option, ['CustomOption', 'is an option made by declare-option and may set it']);
  };
  let fatal: Fault | null = null;
  // Options made by `declare-option` act while the file is read, before any of the list applies.
  for (const option of options) {
    if (option.effect.kind === 'custom' && option.effect.immediate) applyCustom(option, option.effect.template);
  }
  for (const [index, option] of options.entries()) {
    const { effect } = option;
    if (effect.kind === 'include') {
      makeUnknown(states, Object.keys(OPTIONS) as OptionId[], option, ['Include', 'may set it']);
    } else if (effect.kind === 'custom' && !effect.immediate) {
      applyCustom(option, effect.template);
    } else if (!option.configured || ACT_AT_ONCE.has(option.key)) {
      const text = values[index] ?? '';
      fatal ??= belowZero(option, text);
      for (const id of optionsNamed(option.key)) states.set(id, nextState(states.get(id), option, text, id));
    }
  }
  for (const option of options) {
    if (option.effect.kind !== 'inherit') continue;
    makeUnknown(states, Object.keys(OPTIONS) as OptionId[], option, ['Inherit', 'is read last and may set it']);
  }
  return { states, fatal };
}

/** Immediate options whose value is read here. */
const ACT_AT_ONCE: ReadonlySet<string> = new Set(['strict', 'listen', 'immediate-uid', 'immediate-gid']);

function nextState(before: OptionState | undefined, option: ExportedOption, text: string, id: OptionId): OptionState {
  if (option.conditional === null) return { kind: 'set', text, option };
  // What a block may or may not set again to the same is known all the same.
  if (before?.kind === 'set' && OPTIONS[id].kind !== 'list' && before.text === text) return before;
  return { kind: 'unknown', cause: 'Block', reason: option.conditional, line: option.directive.line };
}

/** The options that a template of `declare-option` may set. */
function idsOfTemplate(template: string): readonly OptionId[] {
  const named = new Set<OptionId>();
  let opaque = template.includes(OUTSIDE);
  for (const part of template.split(';')) {
    const key = part.split('=')[0] ?? '';
    if (/\$|^(?:set|set-ph|set-placeholder|include|inherit|ini|xml|xmlconfig|ya?ml|js|json|config)$/.test(key))
      opaque = true;
    for (const id of optionsNamed(key)) named.add(id);
  }
  return opaque ? (Object.keys(OPTIONS) as OptionId[]) : [...named];
}

function makeUnknown(
  states: Map<OptionId, OptionState>,
  ids: readonly OptionId[],
  option: ExportedOption,
  [cause, why]: readonly [Cause, string],
): void {
  const { line } = option.directive;
  const reason = `${option.key} at line ${line} ${why}`;
  for (const id of ids) states.set(id, { kind: 'unknown', cause, reason, line });
}

/** uwsgi_opt_set_int ends the process for a number below 0, also when a later one would win. */
function belowZero(option: ExportedOption, text: string): Fault | null {
  if (option.conditional !== null) return null;
  const [id] = optionsNamed(option.key);
  if (id === undefined || OPTIONS[id].kind !== 'int') return null;
  const number = atoi(text);
  if (number === null || number.value >= 0) return null;
  return {
    line: option.directive.line,
    reason: `${option.key} is ${number.value}; uWSGI takes 0 and more and exits`,
    cause: 'Fault',
  };
}

/** A state's number by atoi. Null when unset or unknown, or when something outside the file decides. */
export function intOf(state: OptionState | undefined): number | null {
  return state?.kind === 'set' ? (atoi(state.text)?.value ?? null) : null;
}

/** A state's number by strtoul. */
export function unsignedOf(state: OptionState | undefined): number | null {
  return state?.kind === 'set' ? strtoul(state.text) : null;
}

/** A state's switch; an unset one is off. Null when unknown. */
export function switchOf(state: OptionState | undefined): boolean | null {
  if (state === undefined || state.kind === 'unset') return false;
  if (state.kind === 'unknown' || state.text.includes(OUTSIDE)) return null;
  return isTrue(state.text);
}
