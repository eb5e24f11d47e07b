/** The config texts of a change: derived anew from the live or saved text each time, and named by their hash. */
import type { Change } from '../../api/uwsgi-tuning.ts';
import type { ConfigOptions } from '../uwsgi/analysis.ts';
import { editConfig, restoreValues } from '../uwsgi/edit.ts';
import type { ConfigMapView, SavedConfig } from './snapshot.ts';
import { hashText } from './hash.ts';
import { dialectOf } from './policy.ts';
import { sameValues, valuesOf, type Values } from './values.ts';

export type Rendered = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

/** The text with the new values; only values that differ from the old ones are set. */
export function renderValues(text: string, dialect: ConfigOptions, from: Values, to: Values): Rendered {
  const edit = editConfig(text, dialect, {
    ...(to.processes === from.processes ? {} : { processes: to.processes }),
    ...(to.threads === from.threads ? {} : { threads: to.threads }),
    ...(to.threadStackSize === null || to.threadStackSize === from.threadStackSize
      ? {}
      : { threadStackSize: to.threadStackSize }),
  });
  return edit.ok ? { ok: true, text: edit.text } : { ok: false, message: describeRefusals(edit.refusals) };
}

/** The new text of a planned change, proven by its hash. */
export function renderChange(text: string, change: Change): Rendered {
  const rendered = renderValues(text, dialectOf(change), valuesOf(change.from), valuesOf(change.to));
  if (!rendered.ok || hashText(rendered.text) === change.newHash) return rendered;
  return { ok: false, message: 'the text renders differently now than when the change was planned' };
}

/** Where the live text stands against a change. */
export type TextState = 'Old' | 'New' | 'EditedNew' | 'Foreign' | 'Missing';

/**
 * Old and New are whole texts by hash. EditedNew is a text that somebody edited but that still carries our values:
 * putting our values into it changes nothing. Anything else is Foreign.
 */
export function textState(configMap: ConfigMapView | null, change: Change): TextState {
  if (configMap?.uid !== change.configMap?.uid || configMap?.text == null) return 'Missing';
  const hash = hashText(configMap.text);
  if (hash === change.newHash) return 'New';
  if (hash === change.oldHash) return 'Old';
  const from = valuesOf(change.from);
  const to = valuesOf(change.to);
  if (sameValues(from, to)) return 'Foreign';
  const again = renderValues(configMap.text, dialectOf(change), from, to);
  return again.ok && again.text === configMap.text ? 'EditedNew' : 'Foreign';
}

/** Whether the saved copy is the text that the change replaced: its hash is taken anew, somebody may have edited it. */
export function isOldText(saved: SavedConfig | null, change: Change): boolean {
  return saved !== null && saved.hash === change.oldHash && hashText(saved.text) === change.oldHash;
}

/** The text that a put-back writes: the saved one whole, or only our values when somebody edited the text since. */
export function renderPutBack(current: string, saved: SavedConfig, change: Change): Rendered {
  if (hashText(current) === change.newHash) return { ok: true, text: saved.text };
  const restored = restoreValues(current, saved.text, dialectOf(change));
  return restored.ok ? { ok: true, text: restored.text } : { ok: false, message: describeRefusals(restored.refusals) };
}

function describeRefusals(refusals: readonly { option: string; line: number | null; reason: string }[]): string {
  return refusals
    .map(
      ({ option, line, reason }) =>
        `${option}${line === null || reason.startsWith('line ') ? '' : ` (line ${line})`}: ${reason}`,
    )
    .join('; ');
}
