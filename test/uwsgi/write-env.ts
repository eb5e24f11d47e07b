/** Writes a generated body as variables of the environment. */
import type { Body } from './body.ts';
import type { Dice } from './dice.ts';
import type { Written } from './dialects.ts';

/** A variable can be there only once, so repeated keys are left out, and blocks with them. */
export function writeEnv({ entries, constructs }: Body, dice: Dice): Written {
  const eol = dice.pick(['\n', '\n', '\r\n']);
  const names = new Set<string>();
  const lines: string[] = [];
  let inBlock = false;
  for (const { key, value } of entries) {
    if (/^(?:if|for)/.test(key)) inBlock = true;
    const name = variable(key, dice);
    if (!inBlock && !names.has(name)) lines.push(`${name}=${value ?? ''}`);
    names.add(name);
    if (key.startsWith('end')) inBlock = false;
    if (dice.once(8)) lines.push(dice.pick(['# a note', '', 'HOME=/', 'uwsgi_threads=7', 'UWSGI_RELOADS=0']));
  }
  if (lines.length === 0) lines.push('UWSGI_HARAKIRI=30');
  return { text: lines.join(eol) + (dice.once(5) ? '' : eol), constructs };
}

function variable(key: string, dice: Dice): string {
  const name = `UWSGI_${key.replaceAll('-', '_')}`;
  return dice.once(20) ? name : name.toUpperCase();
}

/** The variables of a text, in order. */
export function parseEnv(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(/\r?\n/).filter((line) => !line.startsWith('#') && line.includes('='));
  return Object.fromEntries(pairs.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}
