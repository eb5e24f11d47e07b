/**
 * How memory grows with processes and threads. The formulas are fits of a measured table (docs of the memory model:
 * 15 runs, CPython 3.11, glibc, x86_64); only their shape is used wherever the workload's own numbers are known.
 */
import { kib, type Bytes } from '../quantity.ts';
import type { Estimate } from './estimate.ts';

/** Processes and threads per process, counts. */
export interface Shape {
  readonly processes: number;
  readonly threads: number;
}

/** Exponent of the first extrapolation of private memory over threads: median error 2 %, worst 23 % on the table. */
export const DEFAULT_EXPONENT = 0.68;

/** How far below the default law a point of the workload's own may pull the charge: it may have been idle. */
const TRUST_BELOW_LAW = 0.75;

const FEWER_WORKERS_EXPONENT = 0.25;

/** Standard deviation of private memory among the workers of one pod, a share: 3 to 5 % was measured. */
const WORKER_SPREAD = 0.04;
/** Standard deviations up to the 95th percentile, which memory is charged at. */
const CHARGED_DEVIATIONS = 1.65;
/** Standard deviation of what is believed of the exponent before a workload's own points are known. */
const EXPONENT_SPREAD = 0.2;

/**
 * Kernel memory of a pod in bytes: 305 + 247 P + 25.8 P T KiB (kernel stacks of 16 KiB, tasks, page tables, sockets).
 * 1 x 1: 578 KiB. 4 x 50: 6.3 MiB. 8 x 50: 12.3 MiB.
 */
export function kernelFormula({ processes, threads }: Shape): Bytes {
  return kib(305 + 247 * processes + 25.8 * processes * threads);
}

/**
 * uWSGI's shared memory in bytes: 270 + 60 P + 12.2 P T KiB (per-core buffers).
 * 1 x 1: 342 KiB. 4 x 50: 2.9 MiB. 8 x 50: 5.5 MiB.
 */
export function sharedMemoryFormula({ processes, threads }: Shape): Bytes {
  return kib(270 + 60 * processes + 12.2 * processes * threads);
}

/**
 * A measured total at one shape, moved to another. Up to `cap` times the formula grows with the formula; what is above
 * it (a uWSGI cache in shared memory, dentries in the slab) is taken as fixed.
 */
export function scaleByFormula(
  formula: (shape: Shape) => number,
  factor: number,
  { from, to, cap }: { readonly from: Shape; readonly to: Shape; readonly cap: number },
): number {
  const growing = Math.min(factor, cap);
  return growing * formula(to) + (factor - growing) * formula(from);
}

/**
 * What private memory of a worker is multiplied by, in the charge only, when there are other workers than were measured.
 *
 * Fewer: where CPU was scarce each of the remaining workers gets more of it, serves more at once and grows: on 2 cores
 * 8 x 50 took 25 MiB each, 4 x 50 34 MiB, 2 x 50 36 MiB. 8 to 7: 1.03. 8 to 4: 1.19. 8 to 2: 1.41.
 *
 * More: workers are not equal, and the few that were measured may be the small ones. The error of their average is that
 * of a sample out of a finite number. 1 to 4: 1.06. 2 to 4: 1.03. 4 to 8: 1.02. 8 to 10: 1.01. None for equal counts.
 */
export function chargeForOtherWorkers(measured: number, processes: number): number {
  if (processes <= measured) return (measured / processes) ** FEWER_WORKERS_EXPONENT;
  return 1 + CHARGED_DEVIATIONS * WORKER_SPREAD * Math.sqrt(1 / measured - 1 / processes);
}

/** Private memory of one worker that was measured at one count of threads, bytes. */
export interface PrivatePoint {
  readonly threads: number;
  readonly private: Estimate<number>;
}

/** The same with the count of workers that it is the average of. */
export interface MeasuredPoint extends PrivatePoint, Shape {}

/**
 * Private memory of a worker at another count of threads, bytes. `anchor` is the point that runs now; `points` are all
 * points of this image, the anchor among them or not.
 *
 * expected: the power law through the neighbouring points, set to the anchor's level; T^0.68 where there is no second
 * point, and outside of the points a law between theirs and that one. charged: never below the truth if the truth is concave and grows. One point at T bounds fewer threads by "no
 * more than now" and more threads by growth in proportion; several points give the least of these bounds.
 */
export function privateAt(threads: number, anchor: PrivatePoint, points: readonly PrivatePoint[]): Estimate<number> {
  if (threads === anchor.threads) return anchor.private;
  return {
    charged: chargedAt(threads, anchor, points),
    expected: anchor.private.expected * growthBetween(anchor.threads, threads, [anchor, ...points]),
  };
}

function chargedAt(threads: number, anchor: PrivatePoint, points: readonly PrivatePoint[]): number {
  let upper = upperBound(threads, anchor.threads, anchor.private.charged);
  let lower = 0;
  for (const point of points) {
    const law = anchor.private.charged * (point.threads / anchor.threads) ** DEFAULT_EXPONENT;
    const trusted = Math.max(point.private.charged, law * TRUST_BELOW_LAW);
    upper = Math.min(upper, upperBound(threads, point.threads, trusted));
    if (point.threads <= threads) lower = Math.max(lower, point.private.charged);
  }
  if (anchor.threads <= threads) lower = Math.max(lower, anchor.private.charged);
  return Math.max(upper, lower);
}

function upperBound(threads: number, known: number, charged: number): number {
  return threads <= known ? charged : (charged * threads) / known;
}

/** private(to) / private(from) along the power laws between points, and along an estimated one outside of them. */
function growthBetween(from: number, to: number, points: readonly PrivatePoint[]): number {
  const known = [...new Map(points.map((point) => [point.threads, point])).values()]
    .filter((point) => point.private.expected > 0)
    .sort((a, b) => a.threads - b.threads);
  if (known.length < 2) return (to / from) ** DEFAULT_EXPONENT;
  return curve(to, known) / curve(from, known);
}

/** The piecewise power law through at least two points. Its exponents stay in 0..1: growing and concave. */
function curve(threads: number, points: readonly PrivatePoint[]): number {
  const next = points.findIndex((point) => point.threads >= threads);
  const high = next === -1 ? points.length - 1 : Math.max(1, next);
  const [a, b] = [points[high - 1], points[high]];
  if (a === undefined || b === undefined) return 1;
  const slope = Math.log(b.private.expected / a.private.expected) / Math.log(b.threads / a.threads);
  const exponent = Math.min(1, Math.max(0, slope));
  const base = threads >= b.threads ? b : a;
  const outside = threads < a.threads || threads > b.threads;
  const own = outside ? estimatedExponent(exponent, b.threads / a.threads) : exponent;
  return base.private.expected * (threads / base.threads) ** own;
}

/**
 * The law outside of two points: the closer they are, the more of their slope is the difference between two workers, and
 * the more the default law is believed. Both are weighted by their variance. Points at twice the threads of each other
 * count for 0.86, at 1.5 times 0.67, at 1.1 times 0.10.
 */
function estimatedExponent(slope: number, ratio: number): number {
  const slopeSpread = (Math.SQRT2 * WORKER_SPREAD) / Math.log(ratio);
  const trust = EXPONENT_SPREAD ** 2 / (EXPONENT_SPREAD ** 2 + slopeSpread ** 2);
  return DEFAULT_EXPONENT + trust * (slope - DEFAULT_EXPONENT);
}
