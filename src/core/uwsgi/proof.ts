/** The result of an edit, and the proof that it changed what it should and nothing else. */
import { analyse, viewsOf, type Analysis, type ConfigOptions, type View } from './analysis.ts';
import { OUTSIDE } from './c-number.ts';
import { applySplices, type Splice } from './dialect.ts';
import type { ChangedLine } from './diff.ts';
import type { TunedOption } from './reading.ts';

/** Why one option was not set. */
export interface Refusal {
  readonly option: TunedOption;
  /** Line of the text, null when the option is not in it. */
  readonly line: number | null;
  readonly found: string;
  readonly allowed: string;
  readonly reason: string;
}

/** The edited text, or every reason against it. */
export type EditResult =
  | { readonly ok: true; readonly text: string; readonly changedLines: readonly ChangedLine[] }
  | { readonly ok: false; readonly refusals: readonly Refusal[] };

/** An analysis with one splice applied. */
export function apply(before: Analysis, splice: Splice, options: ConfigOptions): Analysis {
  return analyse(applySplices(before.text, [splice]), options);
}

/**
 * The proof: for every build of uWSGI, the two texts make the same options with the same values in the same blocks, but
 * for the line that sets `id` last. That line may have come or gone.
 */
export function changedOnly(before: Analysis, after: Analysis, id: TunedOption): boolean {
  const [old, now] = [viewsOf(before), viewsOf(after)];
  return old.length === now.length && old.every((view, index) => changedOnlyIn(view, now[index], id));
}

function changedOnlyIn(before: View, after: View | undefined, id: TunedOption): boolean {
  if (after === undefined || after.broken !== null || after.build !== before.build) return false;
  const rest = (analysis: View): readonly string[] => {
    const state = analysis.states.get(id);
    const line = state?.kind === 'set' ? state.option.directive : null;
    return analysis.options.flatMap((option, index) => {
      if (option.directive === line) return [];
      const { key, block, conditional } = option;
      return [JSON.stringify([key, analysis.values[index], block?.key, block?.argument, conditional === null])];
    });
  };
  const [a, b] = [rest(before), rest(after)];
  return a.length === b.length && a.every((option, index) => option === b[index]);
}

/** The value of an option as the text has it, for messages. */
export function writtenValue(analysis: Analysis, id: TunedOption): string {
  const state = analysis.states.get(id);
  if (state === undefined || state.kind === 'unset') return 'no such option';
  if (state.kind === 'unknown') return 'a value that the text does not tell';
  return `"${state.option.value.replaceAll(OUTSIDE, '%...').slice(0, MAX_SHOWN)}"`;
}

const MAX_SHOWN = 60;
