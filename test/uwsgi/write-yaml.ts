/** Writes a generated body as YAML. */
import type { Body, Entry } from './body.ts';
import type { Construct } from './constructs.ts';
import type { Dice } from './dice.ts';
import type { Written } from './dialects.ts';

/** Forms of YAML that stand in the section and that we do not read. */
const UNREAD = [
  'anchor: &a 4',
  'nested:\n  threads: 2',
  'long: one\n  two',
  'flow: {threads: 3}',
  'block: |\n  4',
] as const;

/** The text, and what of it is a construct of YAML alone. */
export function writeYaml({ entries, constructs }: Body, dice: Dice): Written {
  const found = new Set(constructs);
  const indent = dice.pick(['  ', '  ', '    ', ' ']);
  const eol = dice.pick(['\n', '\n', '\n', '\r\n']);
  const lines: string[] = [];
  if (dice.once(4)) lines.push('---');
  if (dice.once(8)) lines.push('other:', '  processes: 9', '  list:', '  - a');
  lines.push(dice.once(6) ? 'uwsgi:   # the section' : 'uwsgi:');
  const inner = entries.flatMap((entry) => entryLines(entry, dice, found));
  if (dice.once(25)) {
    found.add('unread form').add('build form');
    inner.splice(dice.int(0, inner.length), 0, ...dice.pick(UNREAD).split('\n'));
  }
  for (const line of inner) {
    if (dice.once(10)) lines.push(dice.pick(['', `${indent}# a note`, '# another: note']));
    lines.push(indent + line);
  }
  if (dice.once(6)) lines.push('other:', '  threads: 9');
  return { text: lines.join(eol) + (dice.once(5) ? '' : eol), constructs: found };
}

function entryLines({ key, value }: Entry, dice: Dice, found: Set<Construct>): readonly string[] {
  const note = dice.once(12) ? ' # a note' : '';
  if (value === null || value === '') {
    found.add('build form');
    return [dice.once(2) ? `${key}:${note}` : `${key}: ""${note}`];
  }
  if (dice.once(20)) {
    found.add('build form');
    return dice.once(2)
      ? [`${key}:`, `- ${written(value, dice, found)}${note}`]
      : [`${key}: [${written('1', dice, found)}, ${quoted(value, dice)}]${note}`];
  }
  return [`${key}:${dice.pick([' ', ' ', '  ', '\t'])}${written(value, dice, found)}${note}`];
}

/** Plain where YAML allows it, mostly. */
function written(value: string, dice: Dice, found: Set<Construct>): string {
  // A magic variable is gone when the text is YAML.
  const mayBePlain = /^(?:[\w+$.\u00a0]|-\d|%[a-z])/.test(value) && !value.includes('"');
  if (mayBePlain && !dice.once(15)) return value;
  found.add('build form');
  return quoted(value, dice);
}

function quoted(value: string, dice: Dice): string {
  return dice.once(2) && !value.includes("'") ? `'${value}'` : `"${value.replaceAll('"', '\\"')}"`;
}
