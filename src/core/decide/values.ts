/** The three values that the product sizes, and their form in status. */
import { formatQuantity, parseQuantity } from '../quantity.ts';
import type { Values } from '../recommend/types.ts';

export type { Values };

/** The values as status carries them. */
export interface StatusValues {
  processes?: number;
  threads?: number;
  threadStackSize?: string | number;
  summary?: string;
}

export function statusValues(values: Values): StatusValues {
  return {
    processes: values.processes,
    threads: values.threads,
    ...(values.threadStackSize === null ? {} : { threadStackSize: formatQuantity(values.threadStackSize) }),
    summary: summarize(values),
  };
}

export function valuesOf(status: StatusValues | undefined): Values {
  const size = status?.threadStackSize;
  return {
    processes: status?.processes ?? 0,
    threads: status?.threads ?? 0,
    threadStackSize: size === undefined ? null : parseQuantity(size),
  };
}

/** "8x100 512Ki": processes x threads and the stack size. */
export function summarize(values: Values): string {
  const size = values.threadStackSize === null ? 'default' : formatQuantity(values.threadStackSize);
  return `${values.processes}x${values.threads} ${size}`;
}

export function sameValues(left: Values, right: Values): boolean {
  return (
    left.processes === right.processes &&
    left.threads === right.threads &&
    left.threadStackSize === right.threadStackSize
  );
}

/** Processes times threads of a summary, a count; null when the text is none. */
export function concurrencyOf(summary: string | undefined): number | null {
  const counts = /^(\d+)x(\d+) /.exec(summary ?? '');
  return counts === null ? null : Number(counts[1]) * Number(counts[2]);
}
