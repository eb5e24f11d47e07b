/** The dialects as the tests write them and as uWSGI is told to read them. */
import type { ConfigFormat } from '../../src/core/uwsgi/analysis.ts';
import type { Body } from './body.ts';
import type { Construct } from './constructs.ts';
import type { Dice } from './dice.ts';
import { parseEnv, writeEnv } from './write-env.ts';
import { writeIni } from './write-ini.ts';
import { writeJson } from './write-json.ts';
import { writeXml } from './write-xml.ts';
import { writeYaml } from './write-yaml.ts';

/** A file as it is written. */
export interface Written {
  readonly text: string;
  /** All of the body's, and those that the dialect brought. */
  readonly constructs: ReadonlySet<Construct>;
}

export interface Dialect {
  readonly format: ConfigFormat;
  readonly suffix: string;
  readonly write: (body: Body, dice: Dice) => Written;
  /** The command line that makes uWSGI read the file. */
  readonly args: (file: string) => readonly string[];
  /** The variables that carry the text, where no file does. */
  readonly env: (text: string) => Readonly<Record<string, string>>;
}

const inFile = (option: string): Pick<Dialect, 'args' | 'env'> => ({ args: (file) => [option, file], env: () => ({}) });

export const DIALECTS: readonly Dialect[] = [
  { format: 'Ini', suffix: 'ini', write: writeIni, ...inFile('--ini') },
  { format: 'Yaml', suffix: 'yaml', write: writeYaml, ...inFile('--yaml') },
  { format: 'Json', suffix: 'json', write: writeJson, ...inFile('--json') },
  { format: 'Xml', suffix: 'xml', write: writeXml, ...inFile('--xml') },
  { format: 'Env', suffix: 'env', write: writeEnv, args: () => [], env: parseEnv },
];
