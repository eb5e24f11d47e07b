/**
 * The sum (design 6):
 *
 *   limit x (1 - head room) >= master + fork-shared + P x (private + (T-1) x stack charge)
 *                              + shared memory(P,T) + kernel(P,T) + tmpfs + others
 *
 * File cache is outside of it: the kernel reclaims it before it kills.
 */
import type { Platform } from '../memory/sample.ts';
import { bytes, computedBytes, formatSize, kib, sumBytes, type Bytes } from '../quantity.ts';
import {
  chargeForOtherWorkers,
  kernelFormula,
  privateAt,
  scaleByFormula,
  sharedMemoryFormula,
  type MeasuredPoint,
  type PrivatePoint,
  type Shape,
} from './growth.ts';
import { isHugeStack, pageTableBytes } from './huge-pages.ts';
import type { Estimate } from './estimate.ts';
import type { Budget, BudgetLine, Policy, Provenance } from './types.ts';
import type { Usage } from './usage.ts';

/** Kernel and shared memory above this many times their formula is taken as fixed, not as growing (growth.ts). */
const KERNEL_CAP = 2;
const SHARED_CAP = 1.5;

/** What a budget is computed from besides the values that are tried. */
export interface BudgetBasis {
  readonly usage: Usage;
  readonly platform: Platform;
  readonly stackCharge: Policy['stackCharge'];
  /** Size of the stacks that were measured. */
  readonly measuredStack: Bytes;
  /** limit x (1 - head room), null without a limit. */
  readonly limit: Bytes | null;
}

/** Processes, threads and the size that stacks will really have. */
export interface Candidate extends Shape {
  readonly stack: Bytes;
}

/** Head room off a limit, rounded down: the safe side. */
export function budgetLimitOf(limit: Bytes, headroomPercent: number): Bytes {
  return bytes(Math.floor((limit * (100 - headroomPercent)) / 100));
}

/** The sum for one candidate. */
export function budgetFor(candidate: Candidate, basis: BudgetBasis): Budget {
  const { usage } = basis;
  const stacks = stackLine(candidate, basis);
  const lines = [
    fixedLine('master', usage.master, 'private memory of the uWSGI master'),
    fixedLine('fork-shared', usage.forkShared, 'pages that master and workers share, counted once'),
    workersLine(candidate, usage),
    stacks,
    sharedLine(candidate, usage),
    kernelLine(candidate, basis),
    fixedLine('tmpfs', usage.tmpfs, 'files in memory, such as emptyDir with medium Memory and /dev/shm'),
    fixedLine('others', usage.others, 'mules, spoolers and other programs in the container'),
  ].filter((line) => line !== null);
  const charged = sumBytes(lines.map((line) => line.bytes));
  return {
    lines,
    charged,
    expected: sumBytes(lines.map((line) => line.expectedBytes)),
    limit: basis.limit,
    worstCase: computedBytes(charged - stacks.bytes + stackCount(candidate) * candidate.stack),
  };
}

/** Thread stacks of a pod: core 0 of each worker runs on the main stack. */
export function stackCount({ processes, threads }: Shape): number {
  return processes * (threads - 1);
}

/** Less than this is rounding between two files of the kernel, not memory. */
const LEAST_LINE = kib(4);

/** What was not measured is no line; what was measured as nothing is none either. */
function fixedLine(name: string, estimate: Estimate<number> | null, detail: string): BudgetLine | null {
  if (estimate === null || estimate.charged < LEAST_LINE) return null;
  return line(name, estimate, 'measured', detail);
}

/** What was measured with other counts of workers is charged for that before the points are compared. */
function workersLine(candidate: Candidate, usage: Usage): BudgetLine {
  const known = usage.private ?? { charged: 0, expected: 0 };
  const charge = ({ processes, threads, private: measured }: MeasuredPoint): PrivatePoint => ({
    threads,
    private: { ...measured, charged: measured.charged * chargeForOtherWorkers(processes, candidate.processes) },
  });
  const { processes, threads } = usage;
  const each = privateAt(candidate.threads, charge({ processes, threads, private: known }), usage.points.map(charge));
  const detail = `${candidate.processes} x ${formatSize(Math.round(each.charged))} private at ${candidate.threads} threads`;
  const why = otherWorkers(processes, candidate.processes);
  return line('workers', times(each, candidate.processes), provenanceOf(candidate, usage), detail + why);
}

/** What the charge holds for another count of workers; nothing where that is below one per cent. */
function otherWorkers(measured: number, processes: number): string {
  const percent = Math.round((chargeForOtherWorkers(measured, processes) - 1) * 100);
  if (percent < 1) return '';
  const seen = `${measured} ${measured === 1 ? 'was' : 'were'} measured`;
  const cause = processes < measured ? 'fewer workers may each serve more' : `workers differ and ${seen}`;
  return `, ${percent} % more because ${cause}`;
}

/**
 * A thread is charged high-water x margin, never more than its stack; its whole stack where the policy says Reserved
 * or where huge pages can make it resident. Where only the resident total is known, that total x margin is charged;
 * where not even that is, the stacks are inside the workers' private memory.
 */
function stackLine(candidate: Candidate, { usage, platform, stackCharge }: BudgetBasis): BudgetLine {
  const { stack } = candidate;
  const count = stackCount(candidate);
  const { highWater, residentEach, hugeEach } = usage.stack;
  // Huge pages go where the new size cannot hold them.
  const huge = isHugeStack(stack, platform) ? 0 : hugeEach;
  const expected = Math.min(stack, Math.max(0, (residentEach?.expected ?? 0) - huge));
  const build = (charged: number, provenance: Provenance, detail: string): BudgetLine =>
    line('thread stacks', times({ charged, expected: Math.min(expected, charged) }, count), provenance, detail);
  const whole = `${count} x ${formatSize(stack)}, the whole stack`;
  if (stackCharge === 'Reserved') return build(stack, 'user', whole);
  if (isHugeStack(stack, platform)) return build(stack, 'calculated', `${whole}: huge pages can make it resident`);
  if (highWater !== null) {
    // Stacks are not all as deep as the deepest, but each may become so.
    const charged = Math.min(stack, Math.max(expected, highWater * usage.margin));
    return build(
      charged,
      'calculated',
      `${count} x ${formatSize(Math.round(charged))}, high-water mark x ${usage.margin}`,
    );
  }
  const charged = Math.min(stack, (residentEach?.charged ?? 0) * usage.margin);
  const inside =
    residentEach === null ? 'inside the workers line: not told apart' : `${count} x resident x ${usage.margin}`;
  return build(charged, residentEach === null ? 'default' : 'calculated', inside);
}

function sharedLine(candidate: Candidate, usage: Usage): BudgetLine {
  const at = { from: usage, to: candidate, cap: SHARED_CAP };
  const { sharedFactor } = usage;
  const factor = sharedFactor ?? { charged: 1, expected: 1 };
  const scale = (value: number): number => scaleByFormula(sharedMemoryFormula, value, at);
  const estimate = { charged: scale(factor.charged), expected: scale(factor.expected) };
  const provenance = sharedFactor === null ? 'default' : provenanceOf(candidate, usage);
  return line('shared memory', estimate, provenance, "uWSGI's buffers and caches shared by all processes");
}

function kernelLine(candidate: Candidate, { usage, platform, measuredStack }: BudgetBasis): BudgetLine {
  const at = { from: usage, to: candidate, cap: KERNEL_CAP };
  const { kernelFactor } = usage;
  const factor = kernelFactor ?? { charged: 1, expected: 1 };
  const scale = (value: number): number => scaleByFormula(kernelFormula, value, at);
  const tables = pageTableBytes(candidate.stack, platform) - pageTableBytes(measuredStack, platform);
  const change = stackCount(candidate) * tables;
  const estimate = {
    charged: scale(factor.charged) + Math.max(0, change),
    expected: Math.max(0, scale(factor.expected) + change),
  };
  const provenance = kernelFactor === null ? 'default' : provenanceOf(candidate, usage);
  return line('kernel', estimate, provenance, 'kernel stacks, page tables and sockets: charged, shown by no process');
}

function provenanceOf(candidate: Shape, usage: Usage): Provenance {
  return candidate.processes === usage.processes && candidate.threads === usage.threads ? 'measured' : 'calculated';
}

/** Charged rounds up, and is never less than expected. */
function line(name: string, estimate: Estimate<number>, provenance: Provenance, detail: string): BudgetLine {
  const expected = computedBytes(Math.max(0, estimate.expected));
  return {
    name,
    bytes: computedBytes(Math.max(expected, Math.ceil(estimate.charged))),
    expectedBytes: expected,
    provenance,
    detail,
  };
}

function times(estimate: Estimate<number>, count: number): Estimate<number> {
  return { charged: estimate.charged * count, expected: estimate.expected * count };
}
