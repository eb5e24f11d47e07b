/** Logic blocks of a config: what a `for` goes through, and an option with the item filled in. */
import { atoi } from './c-number.ts';
import { MAX_OPTIONS, MAX_VALUE } from './dialect.ts';

/** A logic block that a directive stands in. */
export interface Block {
  readonly key: string;
  readonly argument: string;
  readonly line: number;
}

/** Whether what stands in a block is used: values for `%(_)`, or a reason why only the pod knows. */
export type Outcome =
  | { readonly kind: 'each'; readonly items: readonly string[] }
  | { readonly kind: 'once'; readonly item: string | null }
  | { readonly kind: 'pod'; readonly reason: string };

/** What a block's item takes the place of. */
export const ITEM = '%(_)';

/** What a `for` goes through; nothing for another block. */
export function itemsOf(key: string, argument: string): readonly string[] {
  if (key === 'for') return argument.split(' ').filter((item) => item !== '');
  if (key !== 'for-times') return [];
  const times = Math.min(Math.max(atoi(argument)?.value ?? 0, 0), MAX_OPTIONS + 1);
  return Array.from({ length: times }, (_, index) => String(index + 1));
}

/** A value with the block's item in it, and how many characters that made; null where they are too many for one value. */
export function fillItem(value: string, item: string | null): { readonly value: string | null; readonly made: number } {
  const pieces = item === null ? [] : value.split(ITEM);
  if (item === null || pieces.length < 2) return { value, made: 0 };
  const made = value.length + (pieces.length - 1) * (item.length - ITEM.length);
  return { value: made > MAX_VALUE ? null : pieces.join(item), made };
}
