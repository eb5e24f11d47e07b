import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addToSketch, condense, percentile, SKETCH_POINTS, type Sketch } from '../../../src/core/recommend/sketch.ts';

const HOUR = 3_600_000;
const fill = (values: readonly number[], elapsedMs = 0): Sketch =>
  values.reduce<Sketch>((sketch, value) => addToSketch(sketch, value, elapsedMs), []);

describe('a sketch', () => {
  it('knows nothing before the first sample', () => {
    expect(percentile([], 0.5)).toBeNull();
  });

  it('keeps the median of 1..1000 within 15 % and the 95th percentile within 3 %', () => {
    const shuffled = Array.from({ length: 1000 }, (_, index) => ((index * 617) % 1000) + 1);
    const sketch = fill(shuffled);
    expect(sketch.length).toBeLessThanOrEqual(SKETCH_POINTS);
    expect(Math.abs((percentile(sketch, 0.95) ?? 0) / 950 - 1)).toBeLessThan(0.03);
    expect(Math.abs((percentile(sketch, 0.5) ?? 0) / 500 - 1)).toBeLessThan(0.15);
  });

  it('forgets by half in 24 hours: after two days a new level is the median', () => {
    const old = fill(Array<number>(100).fill(1000));
    let sketch = old;
    for (let hour = 0; hour < 48; hour += 1) sketch = addToSketch(sketch, 2000, HOUR);
    expect(percentile(sketch, 0.5)).toBe(2000);
    expect(percentile(sketch, 0.95)).toBe(2000);
  });

  it('keeps a rare high value at the top instead of averaging it away', () => {
    const sketch = fill([...Array<number>(90).fill(100), ...Array<number>(10).fill(400), 101, 99, 102, 98, 103, 97]);
    expect(percentile(sketch, 0.95)).toBe(400);
  });

  it('refuses what is no amount', () => {
    expect(fill([NaN, -1, Infinity])).toEqual([]);
  });

  it('keeps both percentiles when condensed to two points', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 10 ** 9 }), { minLength: 1, maxLength: 60 }), (values) => {
        const sketch = fill(values);
        const short = condense(sketch);
        expect(short.length).toBeLessThanOrEqual(2);
        expect(percentile(short, 0.5)).toBe(percentile(sketch, 0.5));
        expect(percentile(short, 0.95)).toBe(percentile(sketch, 0.95));
      }),
    );
  });

  it('never leaves the range of what was added', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1, max: 1e9, noNaN: true }), { minLength: 1 }), (values) => {
        const sketch = fill(values, HOUR);
        for (const share of [0, 0.5, 0.95, 1]) {
          const value = percentile(sketch, share) ?? 0;
          expect(value).toBeGreaterThanOrEqual(Math.min(...values) * 0.99999);
          expect(value).toBeLessThanOrEqual(Math.max(...values) * 1.00001);
        }
      }),
    );
  });
});
