/** Reads FILE (or stdin) for the commands that take a config text, keeping every byte. */
import { Buffer } from 'node:buffer';
import { CONFIG_FORMATS, type ConfigFormat, type ConfigOptions } from '../core/uwsgi/analysis.ts';
import { readInput } from './input.ts';
import { refused, type Io } from './io.ts';

/** A config text and the way back to its bytes. */
export interface ConfigFile {
  /** As shown in messages: the path, or "stdin". */
  readonly name: string;
  readonly text: string;
  readonly encode: (text: string) => Uint8Array;
  readonly options: ConfigOptions;
}

export interface ConfigFileOptions {
  readonly format?: string;
  readonly section: string;
}

/** Formats by the suffix of a file, as uWSGI chooses its loader; any other suffix is read as INI. */
const SUFFIXES: Readonly<Record<string, ConfigFormat>> = {
  ...{ ini: 'Ini', yaml: 'Yaml', yml: 'Yaml', json: 'Json', js: 'Json', xml: 'Xml', env: 'Env' },
};

/** Reads a file; refuses what is not there or not supported. */
export async function readConfigFile(path: string, options: ConfigFileOptions, io: Io): Promise<ConfigFile> {
  const format = formatOf(path, options.format);
  const { name, data } = await readInput(path, io);
  return { name, ...decode(data), options: { format, section: options.section } };
}

function formatOf(path: string, asked: string | undefined): ConfigFormat {
  const suffix = path.slice(path.lastIndexOf('.') + 1).toLowerCase();
  if (asked === undefined) return SUFFIXES[suffix] ?? 'Ini';
  const format = CONFIG_FORMATS.find((name) => name.toLowerCase() === asked.toLowerCase());
  if (format !== undefined) return format;
  throw refused(`--format: found "${asked}", allowed: ${CONFIG_FORMATS.join(', ')}`);
}

/** UTF-8 with its BOM kept; bytes that are not UTF-8 are kept one by one, as uWSGI does not care for encodings. */
function decode(data: Uint8Array): Pick<ConfigFile, 'text' | 'encode'> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
    return { text, encode: (edited) => Buffer.from(edited, 'utf8') };
  } catch {
    return { text: Buffer.from(data).toString('latin1'), encode: (edited) => Buffer.from(edited, 'latin1') };
  }
}
