/** Writes a generated body as JSON. */
import type { Body } from './body.ts';
import type { Construct } from './constructs.ts';
import type { Dice } from './dice.ts';
import type { Written } from './dialects.ts';

/** The text, and what of it is a construct of JSON alone. */
export function writeJson({ entries, constructs }: Body, dice: Dice): Written {
  const found = new Set(constructs);
  // jansson keeps one of two members with a name.
  if (new Set(entries.map(({ key }) => key)).size < entries.length) found.add('build form');
  const members = entries.map(({ key, value }) => `"${key}": ${member(key, value ?? '', dice, found)}`);
  if (dice.once(10)) members.splice(dice.int(0, members.length), 0, '"nested": {"threads": 7, "list": [1, {"a": []}]}');
  const [eol, indent] = dice.pick([
    ['\n', '  '],
    ['\n', '    '],
    ['\r\n', '\t'],
    ['', ''],
  ] as const);
  const section = join(members, eol, indent + indent);
  const parts = [`"uwsgi": {${section}${eol}${indent}}`];
  if (dice.once(6)) parts.unshift('"other": {"processes": 9}');
  if (dice.once(6)) parts.push('"another": [1, 2]');
  const text = `{${join(parts, eol, indent)}${eol}}${dice.once(3) ? '' : eol}`;
  if (!dice.once(20)) return { text, constructs: found };
  found.add('build form');
  return { text: `/* a note */ ${text}`, constructs: found };
}

function join(parts: readonly string[], eol: string, indent: string): string {
  return parts.map((part) => eol + indent + part).join(',');
}

function member(key: string, value: string, dice: Dice, found: Set<Construct>): string {
  const scalar = scalarOf(value, dice, found);
  // `set` and the like take no such item.
  if (/^(?:process|worker|thread)/.test(key) && dice.once(8))
    return `[${dice.pick(['1, ', '"2", ', 'true, ', 'null, '])}${scalar}]`;
  return scalar;
}

function scalarOf(value: string, dice: Dice, found: Set<Construct>): string {
  if (value === '1' && dice.once(3)) return 'true';
  if (value === '0' && dice.once(3)) return dice.pick(['false', 'null']);
  if (/^(?:0|-?[1-9]\d{0,9})$/.test(value) && !dice.once(3)) {
    if (!dice.once(25)) return value;
    found.add('build form');
    return `${value}.0`;
  }
  return JSON.stringify(value);
}
