/** One text read to its end: what the public readings, edits and proofs are made from. */
import { MAX_TEXT, type BuildReading, type ConfigDocument, type Fault } from './dialect.ts';
import { applyOptions, type OptionState } from './effective.ts';
import { readEnv } from './env.ts';
import { exportOptions, type ExportedOption } from './exported-options.ts';
import { readIni } from './ini.ts';
import { readJanssonJson, readJson } from './json.ts';
import type { OptionId } from './options.ts';
import { fillPlaceholders } from './placeholders.ts';
import { readEmbeddedYaml } from './yaml-embedded.ts';
import { readYaml } from './yaml.ts';
import { readExpatXml, readXml } from './xml.ts';

/** The dialect of a text and the section that uWSGI is asked to read. */
export interface ConfigOptions {
  readonly format: ConfigFormat;
  /** The exact name; empty means "uwsgi", as in `uwsgi --ini app.ini:`. */
  readonly section: string;
}

/** The dialects that work. */
export const CONFIG_FORMATS = ['Ini', 'Yaml', 'Json', 'Xml', 'Env'] as const;

export type ConfigFormat = (typeof CONFIG_FORMATS)[number];

/** What one build of uWSGI makes of a text. */
export interface View {
  /** What tells the build from others, for a person. */
  readonly build: string;
  readonly text: string;
  readonly section: string;
  readonly sectionFound: boolean;
  readonly options: readonly ExportedOption[];
  /** The value of each of `options` with placeholders filled. */
  readonly values: readonly string[];
  readonly states: ReadonlyMap<OptionId, OptionState>;
  /** Why uWSGI exits on this text, whatever its values, or why it is not read. */
  readonly broken: Fault | null;
  /** Why uWSGI exits on a value of this text: another value mends it. */
  readonly badValue: Fault | null;
}

/** A text with everything that was found in it, as the build reads it that the edits are made for. */
export interface Analysis extends View {
  readonly document: ConfigDocument;
  /** What other builds make of the text. One that exits on it is not there: a pod that runs has another. */
  readonly others: readonly View[];
}

interface Dialect {
  readonly build: string;
  readonly read: (text: string) => ConfigDocument;
  readonly others: readonly { readonly build: string; readonly read: (text: string) => BuildReading }[];
}

const EVERY_BUILD = 'uWSGI';

const DIALECTS: Readonly<Record<ConfigFormat, Dialect>> = {
  Ini: { build: EVERY_BUILD, read: readIni, others: [] },
  Yaml: {
    build: 'uWSGI with libyaml',
    read: readYaml,
    others: [{ build: 'uWSGI with its own YAML parser', read: readEmbeddedYaml }],
  },
  Json: {
    build: 'uWSGI with yajl',
    read: readJson,
    others: [{ build: 'uWSGI with jansson', read: readJanssonJson }],
  },
  Xml: { build: 'uWSGI with libxml2', read: readXml, others: [{ build: 'uWSGI with expat', read: readExpatXml }] },
  Env: { build: EVERY_BUILD, read: readEnv, others: [] },
};

/** Reads a text to its end. */
export function analyse(text: string, { format, section }: ConfigOptions): Analysis {
  const name = section === '' ? 'uwsgi' : section;
  const { build, read, others } = DIALECTS[format];
  const readable = text.length > MAX_TEXT ? '' : text;
  const document = read(readable);
  const view = viewOf(document, { build, text, section: name });
  const otherViews = others.map((other) => viewOf(other.read(readable), { build: other.build, text, section: name }));
  const broken = tooLong(text) ?? view.broken;
  return { ...view, broken, document, others: otherViews.filter((other) => !exits(other)) };
}

/** All that builds make of a text. */
export function viewsOf(analysis: Analysis): readonly View[] {
  return [analysis, ...analysis.others];
}

function exits({ broken }: View): boolean {
  return broken?.cause === 'Fault';
}

function viewOf(document: BuildReading, about: Pick<View, 'build' | 'text' | 'section'>): View {
  const { options, sectionFound, fatal, unreadable } = exportOptions(document, about.section);
  const { values, endless } = fillPlaceholders(options);
  const { states, fatal: badValue } = applyOptions(options, values);
  const broken = fatal ?? unreadable ?? (endless === null ? null : endlessFault(endless));
  return { ...about, sectionFound, options, values, states, broken, badValue };
}

function endlessFault({ key, directive }: ExportedOption): Fault {
  const reason = `the placeholders of ${key} refer to each other without end`;
  return { line: directive.line, reason, cause: 'Fault' };
}

function tooLong({ length }: string): Fault | null {
  if (length <= MAX_TEXT) return null;
  return { line: 1, reason: `the text has ${length} characters; at most ${MAX_TEXT} are read`, cause: 'UnreadForm' };
}
