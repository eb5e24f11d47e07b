import type { Bytes } from '../quantity.ts';

/** A quantity charged against the limit (safe: 95th percentile) and what is really expected (50th percentile). */
export interface Estimate<N extends number = Bytes> {
  readonly charged: N;
  readonly expected: N;
}
