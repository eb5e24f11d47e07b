/** Writes a generated body as INI, in one of the many ways that people do. */
import type { Body, Entry } from './body.ts';
import type { Construct } from './constructs.ts';
import type { Dice } from './dice.ts';
import type { Written } from './dialects.ts';

/** The next line is lost, and with it perhaps the end of a block or what a placeholder stands for. */
const SWALLOWS = '; 50%';

/** The text, and what of it is a construct of INI alone. */
export function writeIni({ entries, constructs }: Body, dice: Dice): Written {
  const eol = dice.pick(['\n', '\n', '\n', '\r\n']);
  const separator = dice.pick(['=', ' = ', '\t= ', '  =  ']);
  const indent = dice.pick(['', '', '', '  ', '\t']);
  const lines: string[] = [];
  const add = (...more: readonly string[]): void => void lines.push(...more);
  if (dice.once(6)) add('[other]', 'processes = 9', '');
  add(header(dice));
  for (const entry of entries) {
    if (dice.once(8))
      add(dice.pick(['', '; a note', '# 100%% sure', '   ', SWALLOWS, '[other]\nthreads = 9\n[uwsgi]']));
    add(indent + writeEntry(entry, separator, dice));
  }
  if (dice.once(6)) add('', '[other]', 'threads = 9');
  const mark = dice.once(60) ? '\ufeff' : '';
  const own: readonly Construct[] = lines.includes(SWALLOWS) ? ['swallowed line', 'unknown placeholder'] : [];
  const text = mark + lines.join('\n').replaceAll('\n', eol) + (dice.once(5) ? '' : eol);
  return { text, constructs: new Set([...constructs, ...own]) };
}

function header(dice: Dice): string {
  return dice.weighted({ '[uwsgi]': 40, ' [uwsgi]': 2, '[uwsgix': 1, '[uwsgi] ; c': 1 });
}

function writeEntry({ key, value }: Entry, separator: string, dice: Dice): string {
  if (value === null || (value === '' && dice.once(2))) return key;
  return `${key}${separator}${value}`;
}
