/** Generated configs of every dialect, damaged at random: read without failing, and edited with proof or not at all. */
import { expect, test } from 'vitest';
import { CONFIG_FORMATS } from '../../../src/core/uwsgi/analysis.ts';
import { editConfig, restoreValues } from '../../../src/core/uwsgi/edit.ts';
import { readConfig, TUNED_OPTIONS } from '../../../src/core/uwsgi/reading.ts';
import { throwBody } from '../../uwsgi/body.ts';
import { Dice } from '../../uwsgi/dice.ts';
import { DIALECTS } from '../../uwsgi/dialects.ts';
import { throwWanted } from '../../uwsgi/wanted.ts';

/** Inputs of each dialect: more by hand, `FUZZ=200000 SEED=1 npx vitest run --project unit dialect-fuzz`. */
const COUNT = Number(process.env['FUZZ'] ?? 2_500);
const SEED = Number(process.env['SEED'] ?? (process.env['CI'] === 'true' ? 20_261_124 : Date.now() % 1_000_000_000));

const PIECES = [
  '%',
  '%%',
  '"',
  "'",
  '\n',
  '\r',
  '\t',
  ' ',
  ':',
  '- ',
  '[',
  ']',
  '{',
  '}',
  '<',
  '>',
  '/>',
  '&',
  '#',
  ',',
  '=',
];
const MORE = [
  '\0',
  '\u2028',
  '\ufeff',
  '\\',
  '/*',
  '<!--',
  '-->',
  '<![CDATA[',
  'uwsgi',
  'threads',
  '%(np)',
  '$(N)',
  '\ud800',
];

test.each(CONFIG_FORMATS)(`texts of %s, from seed ${SEED}`, { timeout: 3_600_000 }, (format) => {
  const dialect = DIALECTS.find((candidate) => candidate.format === format);
  if (dialect === undefined) throw new Error(`nobody writes ${format}`);
  const options = { format, section: 'uwsgi' } as const;
  let edited = 0;
  for (let index = 0; index < COUNT; index++) {
    const dice = new Dice(SEED, index);
    const text = damage(dialect.write(throwBody(dice), dice).text, dice);
    const wanted = throwWanted(dice);
    const shown = JSON.stringify({ index, text, wanted });
    const reading = readConfig(text, options);
    for (const id of TUNED_OPTIONS) expect(reading[id].value === null, shown).toBe(reading[id].cause !== null);

    const result = editConfig(text, options, wanted);
    if (!result.ok) continue;
    edited++;
    const after = readConfig(result.text, options);
    for (const id of TUNED_OPTIONS) {
      if (wanted[id] !== undefined) expect(after[id].value, shown).toBe(wanted[id]);
      else if (reading[id].value !== null) expect(after[id].value, shown).toBe(reading[id].value);
    }
    expect(restoreValues(result.text, text, options), shown).toMatchObject({ ok: true, text });
    expect(result.text.split('%').length, shown).toBeLessThanOrEqual(text.split('%').length);
  }
  expect(edited).toBeGreaterThan(COUNT / 10);
});

function damage(text: string, dice: Dice): string {
  let result = text;
  for (let times = dice.once(3) ? 0 : dice.int(1, 3); times > 0; times--) {
    const from = dice.int(0, result.length);
    const to = dice.once(2) ? from : Math.min(result.length, from + dice.int(1, 8));
    const piece = dice.once(4) ? '' : dice.pick(dice.once(3) ? MORE : PIECES);
    result = result.slice(0, from) + piece + result.slice(to);
  }
  return result;
}
