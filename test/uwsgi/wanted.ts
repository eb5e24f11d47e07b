/** Values to set in a generated config. */
import { kib } from '../../src/core/quantity.ts';
import type { WantedValues } from '../../src/core/uwsgi/edit.ts';
import { TUNED_OPTIONS } from '../../src/core/uwsgi/reading.ts';
import type { Dice } from './dice.ts';

/** All three values, or one of them; stacks of whole pages. */
export function throwWanted(dice: Dice): WantedValues {
  const all = {
    processes: dice.int(1, 5),
    threads: dice.int(1, 5),
    threadStackSize: kib(4 * dice.int(4, 64)),
  };
  const ids = dice.once(2) ? TUNED_OPTIONS : [dice.pick(TUNED_OPTIONS)];
  return Object.fromEntries(ids.map((id) => [id, all[id]]));
}
