/**
 * The distribution of one measured quantity in a few numbers: weighted points that are merged with their nearest
 * neighbour when there are too many, and whose weights halve every 24 hours. It replaces the VPA's histogram of 176
 * buckets, which does not fit a status that must stay below 16 KiB and is 5 % coarse.
 */

/** [value, weight], sorted by value. The unit of the value is the owner's. */
export type Sketch = readonly (readonly [value: number, weight: number])[];

/** Points that are kept of a quantity still being measured. */
export const SKETCH_POINTS = 8;

const HALF_LIFE_MS = 24 * 60 * 60 * 1000;
/** A point that has this share of the total says nothing any more: ten half-lives. */
const NEGLIGIBLE_SHARE = 1 / 1024;
/** Where the tail begins, as a share of the weight, and how many times more a merge costs in it. */
const TAIL_BEGINS = 0.9;
const TAIL_COST = 8;
/** A value is one sample of weight 1. */
const ONE_SAMPLE = 1;

/** The share of a weight that is left: 1 at once, 0.5 after a day, 0.25 after two. */
export function decayOver(elapsedMs: number): number {
  return 2 ** (-Math.max(0, elapsedMs) / HALF_LIFE_MS);
}

/** Adds one sample to a distribution that was last touched `elapsedMs` ago. */
export function addToSketch(sketch: Sketch, value: number, elapsedMs: number): Sketch {
  if (!Number.isFinite(value) || value < 0) return sketch;
  const decay = decayOver(elapsedMs);
  const decayed = sketch.map(([known, weight]): [number, number] => [known, weight * decay]);
  return shrink([...decayed, [value, ONE_SAMPLE]], SKETCH_POINTS);
}

/** The value below which the given share of the weight lies; null when nothing was ever added. */
export function percentile(sketch: Sketch, share: number): number | null {
  const total = sketch.reduce((sum, [, weight]) => sum + weight, 0);
  let reached = 0;
  for (const [value, weight] of sketch) {
    reached += weight;
    // The tolerance keeps rounding of stored weights from skipping a point.
    if (reached >= total * share * (1 - 1e-6)) return value;
  }
  return sketch.at(-1)?.[0] ?? null;
}

/** Two points that keep the 50th and 95th percentile: for what is no longer measured. */
export function condense(sketch: Sketch): Sketch {
  const median = percentile(sketch, 0.5);
  const high = percentile(sketch, 0.95);
  if (median === null || high === null) return [];
  const total = sketch.reduce((sum, [, weight]) => sum + weight, 0);
  return rounded(
    median === high
      ? [[median, total]]
      : [
          [median, total * 0.9],
          [high, total * 0.1],
        ],
  );
}

/**
 * Merges until at most `limit` points are left. Neighbours merge that change the picture least: the product of their
 * distance (in proportion) and their lighter weight, so a rare high value far from the others is not averaged away.
 * The highest tenth of the weight is what the 95th percentile is read from: there a merge costs more.
 */
function shrink(points: [number, number][], limit: number): Sketch {
  const total = points.reduce((sum, [, weight]) => sum + weight, 0);
  const kept = points.filter(([, weight]) => weight >= total * NEGLIGIBLE_SHARE).sort(([a], [b]) => a - b);
  while (kept.length > limit) {
    let best = 0;
    let least = Infinity;
    let reached = 0;
    for (let index = 0; index + 1 < kept.length; index += 1) {
      const [low, high] = [kept[index], kept[index + 1]];
      if (low === undefined || high === undefined) break;
      reached += low[1];
      const inTail = reached + high[1] > total * TAIL_BEGINS;
      const cost =
        ((high[0] - low[0]) / Math.max(1e-9, high[0])) * Math.min(low[1], high[1]) * (inTail ? TAIL_COST : 1);
      if (cost < least) [best, least] = [index, cost];
    }
    const [low, high] = [kept[best], kept[best + 1]];
    if (low === undefined || high === undefined) break;
    const weight = low[1] + high[1];
    kept.splice(best, 2, [(low[0] * low[1] + high[0] * high[1]) / weight, weight]);
  }
  return rounded(kept);
}

/** Six digits of a value and three of a weight: the digest is text of bounded length. */
function rounded(points: readonly (readonly [number, number])[]): Sketch {
  return points.map(([value, weight]) => [Number(value.toPrecision(6)), Number(weight.toPrecision(3))]);
}
