/** How far what was seen can be trusted (design 5, Statistics; the shape is the VPA recommender's). */
import type { QualityTier } from '../memory/sample.ts';

const FULL_CONFIDENCE_DAYS = 7;
const FULL_CONFIDENCE_SAMPLES = 200;
const DAY_MS = 24 * 60 * 60 * 1000;

/** A capture that shows only totals hides the stacks: half is the most it can be worth. */
const STATUS_TIER_CAP = 0.5;

/**
 * min(1, days/7, samples/200), rounded down to hundredths so that a margin made from it does not move with each sample.
 * 1 sample: 0. One day at a sample every 5 minutes: 0.14. Three and a half days and 100 samples: 0.5. A week: 1.
 */
export function confidenceOf(observedMs: number, samples: number, tier: QualityTier): number {
  const days = observedMs / DAY_MS;
  const confidence = Math.min(1, days / FULL_CONFIDENCE_DAYS, samples / FULL_CONFIDENCE_SAMPLES);
  const rounded = Math.floor(Math.max(0, confidence) * 100) / 100;
  return tier === 'smaps' ? rounded : Math.min(STATUS_TIER_CAP, rounded);
}

/** What a stack's high-water mark is multiplied by: 3 when nothing is known yet, 2.5 at confidence 0.5, 2 at 1. */
export function stackMargin(confidence: number): number {
  return Math.round((3 - confidence) * 100) / 100;
}
