/** From usage, limit, policy and lessons to the largest safe configuration, or to the reason why there is none. */
import { formatQuantity, formatSize, type Bytes } from '../quantity.ts';
import { budgetFor, budgetLimitOf, stackCount, type BudgetBasis } from './budget.ts';
import { searchConcurrency, type Concurrency } from './concurrency.ts';
import { isHugeStack } from './huge-pages.ts';
import { chooseStack, stackInForce } from './stack-size.ts';
import type { Policy, Recommendation, RecommendInput, Refusal, Savings, StackChoice, Values } from './types.ts';

const MOST_REASONS = 16;
const LONGEST_REASON = 512;

export function recommend(input: RecommendInput): Recommendation | Refusal {
  const { usage, policy } = input;
  const basis = basisOf(input);
  const refuse = (refusal: Pick<Refusal, 'reason' | 'message'> & Partial<Pick<Refusal, 'budget'>>): Refusal => ({
    budget: [],
    ...refusal,
    kind: 'Refusal',
    budgetLimit: basis.limit,
    confidence: usage.confidence,
  });
  if (usage.samples === 0) return refuse({ reason: 'NoSample', message: 'no pod has been measured yet' });
  if (usage.private === null) return refuse({ reason: 'NoResidentMemory', message: NO_RESIDENT });
  if (policy.objective === 'MaximizeConcurrency' && policy.bounds.processes.max === null) {
    return refuse({ reason: 'InvalidPolicy', message: 'objective MaximizeConcurrency needs bounds.processes.max' });
  }
  const found = solve(input, basis);
  if ('reason' in found) return refuse(found);
  const { stack, concurrency } = found;
  const { processes, threads, budget } = concurrency;
  const values = { processes, threads, threadStackSize: stack.size };
  const savings = savingsOf(input, values);
  return {
    kind: 'Recommendation',
    ...values,
    uncapped: uncappedOf(input, basis),
    confidence: usage.confidence,
    budget: budget.lines,
    charged: budget.charged,
    budgetLimit: basis.limit,
    expectedUsage: budget.expected,
    worstCase: budget.worstCase,
    savings,
    stack,
    reasons: reasonsOf(input, { stack, concurrency, savings }),
  };
}

const NO_RESIDENT =
  'the captures do not tell how much memory is resident, only what is mapped, and a memory limit charges resident memory; capture /proc/PID/smaps or pmap -X of every process';

interface Solution {
  readonly stack: StackChoice;
  readonly concurrency: Concurrency;
}

/** First the stack, which does not depend on memory; then the most concurrency that fits with it. */
function solve(input: RecommendInput, basis: BudgetBasis): Solution | Pick<Refusal, 'reason' | 'message'> {
  const stack = chooseStack(input);
  if ('reason' in stack) return stack;
  const concurrency = searchConcurrency(input, basis, stack.size ?? stackInForce(input));
  return 'reason' in concurrency ? concurrency : { stack, concurrency };
}

function basisOf(input: RecommendInput): BudgetBasis {
  const { usage, platform, policy, limit } = input;
  return {
    usage,
    platform,
    stackCharge: policy.stackCharge,
    measuredStack: usage.stack.size ?? stackInForce(input),
    limit: limit === null ? null : budgetLimitOf(limit.bytes, policy.headroomPercent),
  };
}

/** What the search would find without the user's bounds (VPA's uncapped target). */
function uncappedOf(input: RecommendInput, basis: BudgetBasis): Values | null {
  const open = { min: null, max: null };
  const bounds: Policy['bounds'] = {
    processes: open,
    threads: open,
    threadStackSize: { ...open, allowBelowFloor: false },
  };
  const found = solve({ ...input, policy: { ...input.policy, bounds } }, basis);
  if ('reason' in found) return null;
  const { processes, threads } = found.concurrency;
  return { processes, threads, threadStackSize: found.stack.size };
}

/**
 * mapped: stacks times their sizes, before and after. resident: only huge pages that were measured inside stacks and
 * that the new size cannot hold; everything else of a stack that is resident was touched and will be touched again.
 */
export function savingsOf(input: RecommendInput, after: Values): Savings {
  const { current, usage, platform } = input;
  const inForce = stackInForce(input);
  const size = after.threadStackSize ?? inForce;
  const mapped = stackCount(current) * inForce - stackCount(after) * size;
  const freed = isHugeStack(size, platform) ? 0 : usage.stack.hugeEach;
  return { mapped, resident: Math.round(freed * Math.min(stackCount(current), stackCount(after))) };
}

function reasonsOf(input: RecommendInput, found: Solution & { readonly savings: Savings }): readonly string[] {
  const { usage, limit } = input;
  const { budget } = found.concurrency;
  const reasons = [
    basedOn(input),
    ...found.concurrency.notes,
    `Stack: ${found.stack.explanation}.`,
    savingsReason(found.savings),
  ];
  if (limit === null) {
    reasons.push(
      'No memory limit is known, so only the stack is sized; processes and threads stay within their bounds.',
    );
  } else if (budget.worstCase > limit.bytes) {
    const [worst, most] = [formatSize(budget.worstCase), formatSize(limit.bytes)];
    reasons.push(`If every stack were touched to its end the pod would need ${worst}, above its limit of ${most}.`);
  }
  if (usage.tier === 'status') {
    reasons.push(
      'The pods show totals only, not each mapping: no stack is made smaller and confidence is capped at 0.5.',
    );
  }
  if (usage.kernelFactor === null) reasons.push('Kernel memory was not measured and is taken from a formula.');
  if (usage.oomKills > 0) reasons.push(`Processes killed for memory on this image: ${usage.oomKills}.`);
  if (usage.busyThreads !== null && usage.busyThreads < usage.threads) {
    reasons.push(`At most ${usage.busyThreads} of ${usage.threads} threads of a worker have worked so far.`);
  }
  return reasons.slice(0, MOST_REASONS).map((reason) => reason.slice(0, LONGEST_REASON));
}

function basedOn({ usage, limit, policy }: RecommendInput): string {
  const days = (usage.observedMs / 86_400_000).toFixed(1);
  const counted = usage.samples === 1 ? '1 sample' : `${usage.samples} samples`;
  const basis = `From ${counted} over ${days} days: confidence ${usage.confidence}`;
  if (limit === null) return `${basis}.`;
  return `${basis}; limit ${formatQuantity(limit.bytes)} (${limit.source}) less ${policy.headroomPercent} % head room.`;
}

function savingsReason({ mapped, resident }: Savings): string {
  if (mapped === 0) return 'Thread stacks map as much as before.';
  const address =
    mapped >= 0
      ? `Thread stacks map ${formatSize(mapped)} less address space`
      : `Thread stacks map ${formatSize(-mapped)} more address space`;
  if (resident > 0) return `${address} and free ${formatSize(resident)} of huge pages, which the limit charges.`;
  return `${address}; memory that the limit charges stays the same, because untouched stack was never resident.`;
}

/** The budget of what runs now, for showing beside a recommendation. */
export function currentBudget(input: RecommendInput): ReturnType<typeof budgetFor> {
  const stack: Bytes = stackInForce(input);
  const { processes, threads } = input.current;
  return budgetFor({ processes, threads, stack }, basisOf(input));
}
