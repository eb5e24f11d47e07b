/** The smallest stack that libc, the architecture, the language runtime, policy and past failures allow. */
import type { Platform } from '../memory/sample.ts';
import { bytes, computedBytes, formatQuantity, kib, type Bytes } from '../quantity.ts';
import { imageKey } from './history.ts';
import type { Lesson, Policy, StackDecision } from './types.ts';

/** One demand on the stack's size. */
export interface Demand {
  readonly size: Bytes;
  readonly decidedBy: StackDecision;
  /** What asks for it, to be read after the size: "512Ki for Python 3.11". */
  readonly why: string;
}

const MUSL_MINIMUM = bytes(2048);
const GLIBC_MINIMUM_X86 = kib(16);
/** glibc on aarch64; also what is assumed of an architecture that is not known. */
const GLIBC_MINIMUM_OTHER = kib(128);

const SHALLOW_RUNTIME = kib(512);
const DEEP_RUNTIME = kib(3072);
/** From 3.14 on Python keeps two margins of 2^11 words each at the end of a stack for itself (modern-runtimes.md 2). */
const PYTHON_RESERVE = kib(32);

/** PTHREAD_STACK_MIN: what the pod reports, else by C library and architecture. Below it uWSGI keeps the default. */
export function libcMinimum(platform: Platform): Demand {
  const demand = (size: Bytes, why: string): Demand => ({ size, decidedBy: 'LibcMinimum', why });
  if (platform.threadStackMinimum !== null) return demand(platform.threadStackMinimum, 'the C library in the pod');
  if (platform.libc?.name === 'musl') return demand(MUSL_MINIMUM, 'musl');
  if (platform.architecture === 'x86_64') return demand(GLIBC_MINIMUM_X86, 'glibc on x86_64');
  return demand(GLIBC_MINIMUM_OTHER, `glibc on ${platform.architecture ?? 'an unknown architecture'}`);
}

/**
 * By Python version (modern-runtimes.md 2): to 3.11 and on 3.14 recursion ends in an exception in 512 KiB; on 3.12 and
 * 3.13 a request body can crash a worker below 3072 KiB. What was not measured gets the strictest floor.
 */
export function runtimeFloor(platform: Platform): Demand {
  const demand = (size: Bytes, why: string): Demand => ({ size, decidedBy: 'RuntimeFloor', why });
  const { python } = platform;
  if (python === null) return demand(DEEP_RUNTIME, 'an unknown language runtime');
  const name = `Python ${python.major}.${python.minor}`;
  if (python.major < 3 || (python.major === 3 && python.minor <= 11)) return demand(SHALLOW_RUNTIME, name);
  if (python.major === 3 && python.minor === 14) return demand(SHALLOW_RUNTIME, name);
  return demand(DEEP_RUNTIME, name);
}

/** Whether a request from outside can crash a worker of this runtime whose stack is below the floor. */
export function belowFloorConsequence(platform: Platform): string {
  const { python } = platform;
  if (python === null) return 'an unknown runtime may crash on deep recursion that a request body can cause';
  if (python.major === 3 && python.minor >= 14) {
    return 'requests with deeply nested data fail with RecursionError or MemoryError, without a signal';
  }
  return 'a request body of deeply nested JSON kills the worker with signal 11 and every request in flight with it';
}

/** Bytes at the end of a stack that the runtime keeps from the program. */
export function runtimeReserve(platform: Platform): Bytes {
  const { python } = platform;
  return python !== null && python.major === 3 && python.minor >= 14 ? PYTHON_RESERVE : bytes(0);
}

/** A stack that failed at S asks for 2S on that image (design 5). */
export function lessonDemands(lessons: readonly Lesson[], image: string | null): readonly Demand[] {
  return lessons.flatMap((lesson): Demand[] => {
    if (lesson.kind !== 'StackTooSmall' || imageKey(lesson.image) !== image) return [];
    const why = `twice ${formatQuantity(lesson.stackSize)}, which failed on this image`;
    return [{ size: computedBytes(lesson.stackSize * 2), decidedBy: 'Lesson', why }];
  });
}

/**
 * Everything that bounds the stack from below except what was measured. allowBelowFloor lets the user's own minimum
 * take the place of the runtime floor and of nothing else, until a stack failed on this image.
 */
export function floorDemands(input: {
  readonly platform: Platform;
  readonly policy: Policy;
  readonly lessons: readonly Lesson[];
  readonly image: string | null;
}): readonly Demand[] {
  const { min, allowBelowFloor } = input.policy.bounds.threadStackSize;
  const user: Demand[] = min === null ? [] : [{ size: min, decidedBy: 'BoundsMin', why: 'bounds.threadStackSize.min' }];
  const learned = lessonDemands(input.lessons, input.image);
  const undercut = allowBelowFloor && min !== null && learned.length === 0;
  const runtime = undercut ? [] : [runtimeFloor(input.platform)];
  return [libcMinimum(input.platform), ...runtime, ...learned, ...user];
}
