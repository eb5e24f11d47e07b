/**
 * Puts the three tuned values of a saved text back into a text that someone may have edited since, and nothing else.
 */
import { analyse, viewsOf, type Analysis, type ConfigOptions, type View } from './analysis.ts';
import { changedLines } from './diff.ts';
import { intOf } from './effective.ts';
import { OPTIONS } from './options.ts';
import { apply, changedOnly, writtenValue, type EditResult, type Refusal } from './proof.ts';
import { readingOf, TUNED_OPTIONS, type TunedOption } from './reading.ts';

/**
 * Restores each value as it is written in `savedText`; an option that is not there loses its line. An option that
 * `editConfig` could not have set in `savedText` was not ours and is left alone.
 */
export function restoreValues(currentText: string, savedText: string, options: ConfigOptions): EditResult {
  const restored = restoreAnalysis(analyse(currentText, options), analyse(savedText, options), options);
  if (!('text' in restored)) return { ok: false, refusals: restored };
  return { ok: true, text: restored.text, changedLines: changedLines(currentText, restored.text) };
}

/** The same on texts that were read already: what the current one becomes, or every reason against it. */
export function restoreAnalysis(
  before: Analysis,
  saved: Analysis,
  options: ConfigOptions,
): Analysis | readonly Refusal[] {
  let current = before;
  const refusals: Refusal[] = [];
  // In reverse, so that lines that were added one behind the other go in the order they can be proven.
  for (const id of [...TUNED_OPTIONS].reverse()) {
    if (readingOf(saved)[id].editable !== true) continue;
    const next = restoreOne(current, saved, { id, options });
    if ('reason' in next) refusals.push(next);
    else current = next;
  }
  return refusals.length > 0 ? refusals : current;
}

function restoreOne(
  current: Analysis,
  saved: Analysis,
  { id, options }: { readonly id: TunedOption; readonly options: ConfigOptions },
): Analysis | Refusal {
  const from = saved.states.get(id);
  const to = current.states.get(id);
  if (to?.kind === 'unknown' || current.broken !== null) {
    return refusal(current, id, readingOf(current)[id].reason ?? 'the text does not tell the value');
  }
  if (to?.kind !== 'set') {
    if (from?.kind !== 'set') return current;
    return refusal(current, id, 'the line of the option was taken out since');
  }
  const editable = readingOf(current)[id].editable;
  if (editable !== true) return refusal(current, id, editable.reason);
  const splice = spliceFor(current, saved, id);
  if (splice === null) return current;
  const after = apply(current, splice, options);
  const isBack = viewsOf(after).every((view) => isValueBack(view, saved, id));
  if (isBack && changedOnly(current, after, id)) return after;
  return refusal(current, id, `putting it back would change another option, or another line would override it`);
}

/** Whether a build reads the saved value again; of one that did not read the saved text nothing can be asked. */
function isValueBack(view: View, saved: Analysis, id: TunedOption): boolean {
  const before = viewsOf(saved).find(({ build }) => build === view.build);
  const [from, restored] = [before?.states.get(id), view.states.get(id)];
  if (from?.kind !== 'set') return restored === undefined || restored.kind === from?.kind;
  return restored?.kind === 'set' && intOf(restored) === intOf(from);
}

function spliceFor(
  current: Analysis,
  saved: Analysis,
  id: TunedOption,
): ReturnType<Analysis['document']['remove']> | null {
  const from = saved.states.get(id);
  const to = current.states.get(id);
  if (to?.kind !== 'set' || to.option.place === null) return null;
  if (from?.kind !== 'set' || from.option.place === null) return current.document.remove(to.option.directive);
  const [was, is] = [saved.document.rawValue(from.option.place), current.document.rawValue(to.option.place)];
  if (was.token === is.token && was.hasSeparator === is.hasSeparator) return null;
  return current.document.copyValue(to.option.place, saved.document, from.option.place);
}

function refusal(analysis: Analysis, id: TunedOption, reason: string): Refusal {
  const setting = readingOf(analysis)[id];
  return {
    option: id,
    line: setting.where?.line ?? null,
    found: writtenValue(analysis, id),
    allowed: `a plain number of ${OPTIONS[id].names[0]} outside of blocks`,
    reason,
  };
}
