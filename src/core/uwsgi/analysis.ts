/** One text read to its end: what the public readings, edits and proofs are made from. */
import { MAX_TEXT, type ConfigDocument } from './dialect.ts';
import { applyOptions, type OptionState } from './effective.ts';
import { exportOptions, type ExportedOption, type Fault } from './exported-options.ts';
import { readIni } from './ini.ts';
import type { OptionId } from './options.ts';
import { fillPlaceholders } from './placeholders.ts';

/** The dialect of a text and the section that uWSGI is asked to read. */
export interface ConfigOptions {
  readonly format: ConfigFormat;
  /** The exact name; empty means "uwsgi", as in `uwsgi --ini app.ini:`. */
  readonly section: string;
}

/** The dialects that work. */
export type ConfigFormat = 'Ini';

/** A text with everything that was found in it. */
export interface Analysis {
  readonly text: string;
  readonly document: ConfigDocument;
  readonly section: string;
  readonly sectionFound: boolean;
  readonly options: readonly ExportedOption[];
  /** The value of each of `options` with placeholders filled. */
  readonly values: readonly string[];
  readonly states: ReadonlyMap<OptionId, OptionState>;
  /** Why uWSGI exits on this text, whatever its values. */
  readonly broken: Fault | null;
  /** Why uWSGI exits on a value of this text: another value mends it. */
  readonly badValue: Fault | null;
}

const READERS: Readonly<Record<ConfigFormat, (text: string) => ConfigDocument>> = { Ini: readIni };

/** Reads a text to its end. */
export function analyse(text: string, { format, section }: ConfigOptions): Analysis {
  const name = section === '' ? 'uwsgi' : section;
  const document = READERS[format](text.length > MAX_TEXT ? '' : text);
  const { options, sectionFound, fatal, unreadable } = exportOptions(document, name);
  const { values, endless } = fillPlaceholders(options);
  const effective = applyOptions(options, values);
  const endlessFault =
    endless === null
      ? null
      : { line: endless.directive.line, reason: `the placeholders of ${endless.key} refer to each other without end` };
  return {
    text,
    document,
    section: name,
    sectionFound,
    options,
    values,
    states: effective.states,
    broken: tooLong(text) ?? fatal ?? unreadable ?? endlessFault,
    badValue: effective.fatal,
  };
}

function tooLong({ length }: string): Fault | null {
  if (length <= MAX_TEXT) return null;
  return {
    line: 1,
    reason: `the text has ${length} characters; at most ${MAX_TEXT} are read`,
  };
}
