import { describe, expect, it } from 'vitest';
import type { Platform } from '../../../src/core/memory/sample.ts';
import { bytes, formatQuantity, kib } from '../../../src/core/quantity.ts';
import { libcMinimum, runtimeFloor } from '../../../src/core/recommend/floor.ts';
import { invitesHugePages, pageTableBytes, stacksMayBeHuge } from '../../../src/core/recommend/huge-pages.ts';
import { chooseStack } from '../../../src/core/recommend/stack-size.ts';
import type { Policy, RecommendInput } from '../../../src/core/recommend/types.ts';
import { PLATFORM } from '../../support/builders.ts';
import { IMAGE, inputOf, POLICY, python, type PodShape, within } from './builders.ts';

type StackBounds = Partial<Policy['bounds']['threadStackSize']>;

function withStack(bounds: StackBounds): { policy: Partial<Policy> } {
  const threadStackSize = { ...POLICY.bounds.threadStackSize, ...bounds };
  return { policy: within({ threadStackSize }) };
}

/** Size and rule as text, or the refusal's code. */
function chosen(shape: PodShape, overrides: Parameters<typeof inputOf>[1] = {}): string {
  const choice = chooseStack(inputOf(shape, overrides));
  if ('reason' in choice) return choice.reason;
  return `${choice.size === null ? 'unset' : formatQuantity(choice.size)} ${choice.decidedBy}`;
}

describe('runtime floor', () => {
  it.each([
    [8, '512Ki'],
    [11, '512Ki'],
    [12, '3Mi'],
    [13, '3Mi'],
    [14, '512Ki'],
    [15, '3Mi'],
  ])('of Python 3.%i is %s', (minor, size) => {
    expect(formatQuantity(runtimeFloor(python(minor)).size)).toBe(size);
  });

  it('of an unknown runtime is the strictest', () => {
    expect(runtimeFloor({ ...PLATFORM, python: null }).size).toBe(kib(3072));
  });
});

describe('minimum of the C library', () => {
  const unread: Platform = { ...PLATFORM, threadStackMinimum: null };
  it.each([
    ['what the pod reports', { ...PLATFORM, threadStackMinimum: kib(128) }, '128Ki'],
    ['glibc on x86_64', unread, '16Ki'],
    ['glibc on aarch64', { ...unread, architecture: 'aarch64' }, '128Ki'],
    ['an unknown architecture', { ...unread, architecture: null }, '128Ki'],
    ['musl', { ...unread, libc: { name: 'musl' as const, version: '1.2.3' } }, '2Ki'],
  ])('is %s', (_name, platform, size) => {
    expect(formatQuantity(libcMinimum(platform).size)).toBe(size);
  });
});

describe('the stack', () => {
  it('is the runtime floor when the stacks are shallow', () => {
    expect(chosen({ highWaterKib: 16 })).toBe('512Ki RuntimeFloor');
    expect(chosen({ highWaterKib: 16 }, { platform: python(13) })).toBe('3Mi RuntimeFloor');
  });

  it('is high-water x margin, up to a page, when they are deep: 1640 KiB x 3', () => {
    expect(chosen({ highWaterKib: 1640 })).toBe('4920Ki HighWater');
    const choice = chooseStack(inputOf({ highWaterKib: 1640 }));
    expect(choice).toMatchObject({
      explanation: '4920Ki for high-water mark 1640Ki x margin 3; above 512Ki for Python 3.11',
    });
  });

  it('keeps 32 KiB more on Python 3.14, which reserves them', () => {
    expect(chosen({ highWaterKib: 400 }, { platform: python(14) })).toBe('1232Ki HighWater');
  });

  it('is twice what failed on this image, and not what failed on another', () => {
    const lesson = { kind: 'StackTooSmall', image: IMAGE, stackSize: kib(512) } as const;
    expect(chosen({ highWaterKib: 16 }, { lessons: [lesson] })).toBe('1Mi Lesson');
    expect(chosen({ highWaterKib: 16 }, { lessons: [{ ...lesson, image: 'web:other' }] })).toBe('512Ki RuntimeFloor');
  });

  it('steps over a size that makes stack and guard a multiple of a huge page', () => {
    expect(invitesHugePages(kib(8188), PLATFORM)).toBe(true);
    const min = kib(2044);
    expect(chosen({ highWaterKib: 16 }, withStack({ min }))).toBe('2Mi BoundsMin');
    expect(chosen({ highWaterKib: 16 }, withStack({ min, max: min }))).toBe('2044Ki BoundsMin');
  });

  it('goes up to whole pages of 64 KiB', () => {
    const platform = { ...PLATFORM, architecture: 'aarch64', pageSize: kib(64), threadStackMinimum: kib(192) };
    expect(chosen({ highWaterKib: 300 }, { platform })).toBe('960Ki HighWater');
  });

  describe('with allowBelowFloor', () => {
    const risk = { min: kib(64), allowBelowFloor: true };
    it.each([
      ['undercuts the runtime floor', {}, '64Ki BoundsMin', 16],
      ['never high-water x margin', {}, '216Ki HighWater', 72],
      ['never the C library', { platform: { ...PLATFORM, threadStackMinimum: kib(128) } }, '128Ki LibcMinimum', 16],
      [
        'no more once such a stack failed on this image',
        { lessons: [{ kind: 'StackTooSmall' as const, image: IMAGE, stackSize: kib(64) }] },
        '512Ki RuntimeFloor',
        16,
      ],
      [
        'never what was learned above the floor',
        { lessons: [{ kind: 'StackTooSmall' as const, image: IMAGE, stackSize: kib(512) }] },
        '1Mi Lesson',
        16,
      ],
      [
        'still after a failure on another image',
        { lessons: [{ kind: 'StackTooSmall' as const, image: 'shop/web:other', stackSize: kib(64) }] },
        '64Ki BoundsMin',
        16,
      ],
    ])('%s', (_name, overrides: Partial<Omit<RecommendInput, 'policy'>>, expected, highWaterKib) => {
      expect(chosen({ highWaterKib }, { ...overrides, ...withStack(risk) })).toBe(expected);
    });

    it('shows the risk by Python version', () => {
      const explain = (minor: number): unknown =>
        chooseStack(inputOf({ highWaterKib: 16 }, { ...withStack(risk), platform: python(minor) }));
      expect(explain(13)).toMatchObject({
        explanation: expect.stringContaining('kills the worker with signal 11') as string,
      });
      expect(explain(14)).toMatchObject({ explanation: expect.stringContaining('RecursionError') as string });
    });

    it('changes nothing without a min of its own', () => {
      expect(chosen({ highWaterKib: 16 }, withStack({ allowBelowFloor: true }))).toBe('512Ki RuntimeFloor');
    });
  });

  it('without allowBelowFloor a min below the floor does not undercut it', () => {
    expect(chosen({ highWaterKib: 16 }, withStack({ min: kib(64) }))).toBe('512Ki RuntimeFloor');
  });

  it('is refused when a max is below what it needs, with the shortfall', () => {
    expect(
      chooseStack(inputOf({ highWaterKib: 16 }, { ...withStack({ max: kib(1024) }), platform: python(13) })),
    ).toEqual({
      reason: 'BoundsImpossible',
      message: 'bounds.threadStackSize.max 1Mi is 2Mi below the 3Mi that the stack needs: Python 3.13',
    });
  });

  describe('whose depth was not measured', () => {
    const unknown: PodShape = { highWaterKib: null };
    it('is never made smaller', () => {
      expect(chosen(unknown)).toBe('unset Kept');
      expect(chosen(unknown, { current: { processes: 4, threads: 100, threadStackSize: kib(1024) } })).toBe('1Mi Kept');
      expect(chosen(unknown, withStack({ max: kib(1024) }))).toBe('HighWaterUnknown');
    });

    it('is not known either where every stack is resident to its end, as under never-swap', () => {
      expect(chosen({ highWaterKib: 8192, stackResidentKib: 8192 })).toBe('unset Kept');
    });

    it('is raised to the floor', () => {
      const current = { processes: 4, threads: 100, threadStackSize: kib(64) };
      expect(chosen(unknown, { current })).toBe('512Ki RuntimeFloor');
    });
  });

  it('is kept when it is not controlled, even below the floor', () => {
    const current = { processes: 4, threads: 100, threadStackSize: kib(64) };
    const policy = { controlled: ['Processes', 'Threads'] as const };
    expect(chosen({}, { current, policy })).toBe('64Ki NotControlled');
  });

  it('stays unset where workers have one thread', () => {
    expect(chosen({ threads: 1, stackKib: null, stackResidentKib: null })).toBe('unset NoStacks');
  });
});

describe('huge pages', () => {
  const always: Platform = { ...PLATFORM, transparentHugePages: 'always' };
  it.each([
    ['6.1.0-13-cloud-amd64', true],
    ['6.6.40', true],
    ['6.7.0', false],
    ['7.2.1', false],
    [null, true],
    ['5.15', true],
  ])('in stacks on kernel %s with THP always: %s', (kernel, possible) => {
    expect(stacksMayBeHuge({ ...always, kernel })).toBe(possible);
    expect(stacksMayBeHuge({ ...always, kernel, transparentHugePages: 'madvise' })).toBe(false);
  });

  it('page tables of one stack: 8 MiB against 256 KiB cost what was measured, 3.3 KiB a thread', () => {
    const difference = pageTableBytes(kib(8192), PLATFORM) - pageTableBytes(kib(256), PLATFORM);
    expect(difference / 1024).toBeGreaterThan(3.2);
    expect(difference / 1024).toBeLessThan(3.6);
    expect(pageTableBytes(bytes(0), PLATFORM)).toBe(8);
  });
});
