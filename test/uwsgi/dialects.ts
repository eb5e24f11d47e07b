/** The dialects as the tests write them and as uWSGI is told to read them. */
import type { ConfigFormat } from '../../src/core/uwsgi/analysis.ts';
import type { Body } from './body.ts';
import type { Construct } from './constructs.ts';
import type { Dice } from './dice.ts';
import { writeIni } from './write-ini.ts';

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
}

export const DIALECTS: readonly Dialect[] = [
  {
    format: 'Ini',
    suffix: 'ini',
    write: writeIni,
    args: (file) => ['--ini', file],
  },
];
