/** The thread stack: the largest of what is demanded, up to a page, inside the bounds. */
import { bytes, ceilToPage, computedBytes, formatQuantity, kib, scaleUp, type Bytes } from '../quantity.ts';
import { belowFloorConsequence, floorDemands, runtimeFloor, runtimeReserve, type Demand } from './floor.ts';
import { invitesHugePages, pageSizeOf } from './huge-pages.ts';
import type { RecommendInput, Refusal, StackChoice } from './types.ts';

/** What the C library gives a thread when nothing is set and the size was not measured (uwsgi.md 1.5). */
const GLIBC_DEFAULT = kib(8192);
const MUSL_DEFAULT = kib(128);

export type StackRefusal = Pick<Refusal, 'reason' | 'message'>;

/** The size of the stacks that run now: set, measured, or the C library's default. */
export function stackInForce(input: Pick<RecommendInput, 'current' | 'usage' | 'platform'>): Bytes {
  const fallback = input.platform.libc?.name === 'musl' ? MUSL_DEFAULT : GLIBC_DEFAULT;
  return input.current.threadStackSize ?? input.usage.stack.size ?? fallback;
}

/**
 * Chooses the stack. A high-water mark that was not measured forbids a smaller stack than the one that runs; a larger
 * one, up to the floor, is always right: pages that are not touched are not charged.
 */
export function chooseStack(input: RecommendInput): StackChoice | StackRefusal {
  const { current, usage, policy, platform } = input;
  if (!policy.controlled.includes('ThreadStackSize')) {
    return kept(current.threadStackSize, 'NotControlled', 'ThreadStackSize is not in bounds.controlled and is kept');
  }
  const floor = largest(floorDemands({ platform, policy, lessons: input.lessons, image: usage.image }));
  const inForce = stackInForce(input);
  if (current.threads === 1 && usage.stack.highWater === null) {
    const tooSmall = current.threadStackSize !== null && current.threadStackSize < floor.size;
    if (!tooSmall)
      return kept(current.threadStackSize, 'NoStacks', 'One thread per worker: there are no thread stacks');
  }
  if (usage.stack.highWater === null) return withoutHighWater(input, floor, inForce);
  const demand = largest([floor, highWaterDemand(input, usage.stack.highWater)]);
  return withinBounds(
    input,
    demand,
    demand.decidedBy === 'HighWater' ? floor : highWaterDemand(input, usage.stack.highWater),
  );
}

/** high-water x margin, and on Python 3.14 the 32 KiB that it keeps for itself. */
function highWaterDemand({ usage, platform }: RecommendInput, highWater: Bytes): Demand {
  const reserve = runtimeReserve(platform);
  const kept = reserve > 0 ? ` + ${formatQuantity(reserve)} that the runtime keeps` : '';
  return {
    size: computedBytes(scaleUp(highWater, usage.margin) + reserve),
    decidedBy: 'HighWater',
    why: `high-water mark ${formatQuantity(highWater)} x margin ${usage.margin}${kept}`,
  };
}

function withoutHighWater(input: RecommendInput, floor: Demand, inForce: Bytes): StackChoice | StackRefusal {
  const { max } = input.policy.bounds.threadStackSize;
  const { threadStackSize } = input.current;
  if (floor.size > inForce) return withinBounds(input, floor, null);
  if (max !== null && inForce > max) {
    return {
      reason: 'HighWaterUnknown',
      message: `bounds.threadStackSize.max ${formatQuantity(max)} asks for a smaller stack than the ${formatQuantity(inForce)} in force, but how deep the stacks were used could not be measured`,
    };
  }
  const explanation = `${formatQuantity(inForce)} is kept: how deep the stacks were used could not be measured`;
  return kept(threadStackSize, 'Kept', explanation);
}

function withinBounds(input: RecommendInput, demand: Demand, runnerUp: Demand | null): StackChoice | StackRefusal {
  const { platform, policy } = input;
  const page = pageSizeOf(platform);
  const { max } = policy.bounds.threadStackSize;
  const rounded = ceilToPage(demand.size, page);
  const sidestepped = invitesHugePages(rounded, platform) ? computedBytes(rounded + page) : rounded;
  const size = max !== null && sidestepped > max ? rounded : sidestepped;
  if (max !== null && size > max) {
    const shortfall = formatQuantity(bytes(size - max));
    return {
      reason: 'BoundsImpossible',
      message: `bounds.threadStackSize.max ${formatQuantity(max)} is ${shortfall} below the ${formatQuantity(size)} that the stack needs: ${demand.why}`,
    };
  }
  const against =
    runnerUp === null ? '' : `; above ${formatQuantity(ceilToPage(runnerUp.size, page))} for ${runnerUp.why}`;
  const aside = size === rounded ? '' : `; one page more, so that stack and guard are no multiple of a huge page`;
  return {
    size,
    decidedBy: demand.decidedBy,
    explanation: `${formatQuantity(size)} for ${demand.why}${against}${aside}${undercut(input, size)}`,
  };
}

/** A stack below the runtime's floor is the user's own risk, and is always shown as such. */
function undercut({ platform }: RecommendInput, size: Bytes): string {
  const floor = runtimeFloor(platform);
  if (size >= floor.size) return '';
  return `; allowBelowFloor: this is below ${formatQuantity(floor.size)}, the floor for ${floor.why}: ${belowFloorConsequence(platform)}`;
}

function kept(size: Bytes | null, decidedBy: StackChoice['decidedBy'], explanation: string): StackChoice {
  return { size, decidedBy, explanation };
}

function largest(demands: readonly Demand[]): Demand {
  return demands.reduce((most, demand) => (demand.size > most.size ? demand : most));
}
