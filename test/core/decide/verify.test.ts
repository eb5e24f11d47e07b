import { describe, expect, test } from 'vitest';
import type { LogCounts } from '../../../src/core/decide/log-patterns.ts';
import { NO_SIGNS } from '../../../src/core/decide/log-patterns.ts';
import { checkApplied, runningValues } from '../../../src/core/decide/verify.ts';
import { kib, mib } from '../../../src/core/quantity.ts';
import { sample, type SampleOptions } from '../../support/builders.ts';
import { change } from './builders.ts';

const NEW = { processes: 4, threads: 20, stack: kib(512) };
const smaller = change({
  from: { processes: 8, threads: 20, threadStackSize: '8Mi' },
  to: { processes: 4, threads: 20, threadStackSize: '512Ki' },
});

function check(
  options: SampleOptions,
  extra: { log?: LogCounts; cheaper?: boolean; change?: typeof smaller } = {},
): string {
  const applied = checkApplied(extra.change ?? change(), sample(options), extra.log ?? null, extra.cheaper ?? false);
  return applied.state === 'Applied' ? 'Applied' : `${applied.state}: ${applied.message}`;
}

describe('a changed pod', () => {
  test('that runs the new values', () => {
    expect(check(NEW)).toBe('Applied');
  });

  test('that runs exactly the old values has a stale mount', () => {
    expect(check({ ...NEW, stack: mib(8) })).toBe('Stale: pod web-1 runs stacks of 8Mi instead of 512Ki');
  });

  test('that runs neither', () => {
    expect(check({ ...NEW, stack: mib(1) })).toBe('Wrong: pod web-1 runs stacks of 1Mi instead of 512Ki');
    expect(check({ ...NEW, processes: 3 })).toBe('Wrong: pod web-1 runs 3 workers instead of 4');
    expect(check({ ...NEW, threads: 19 })).toBe('Wrong: pod web-1 runs 19 threads instead of 20');
  });

  test('that runs one new and one old value is wrong, not stale', () => {
    expect(check({ ...NEW, processes: 8 }, { change: smaller })).toBe('Wrong: pod web-1 runs 8 workers instead of 4');
  });

  test('with cheaper may run fewer workers, never more', () => {
    expect(check({ ...NEW, processes: 2 }, { cheaper: true })).toBe('Applied');
    expect(check({ ...NEW, processes: 5 }, { cheaper: true })).toBe('Wrong: pod web-1 runs 5 workers instead of 4');
  });

  test('in tier status is believed in its threads, and its log proves the stack', () => {
    const log = (stackKib: number): LogCounts => ({ ...NO_SIGNS, started: true, stackKib });
    expect(check({ ...NEW, tier: 'status' })).toBe('Applied');
    expect(check({ ...NEW, tier: 'status' }, { log: log(512) })).toBe('Applied');
    expect(check({ ...NEW, tier: 'status' }, { log: log(8192) })).toBe(
      'Stale: pod web-1 runs stacks of 8Mi instead of 512Ki',
    );
  });

  test('with one thread has no stacks to compare', () => {
    const to = { processes: 4, threads: 1, threadStackSize: '512Ki' };
    expect(check({ processes: 4, threads: 1, stack: mib(8) }, { change: change({ to }) })).toBe('Applied');
  });
});

test('the fewest threads of any worker count, so that lost threads show', () => {
  const whole = sample(NEW);
  const [master, first, ...rest] = whole.processes;
  if (master === undefined || first === undefined) throw new Error('no worker');
  const lost = { ...first, threadStacks: { ...first.threadStacks, count: 12 } };
  expect(runningValues({ ...whole, processes: [master, lost, ...rest] })).toEqual({
    processes: 4,
    threads: 13,
    threadStackSize: kib(512),
  });
});
