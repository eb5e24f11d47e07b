import { describe, expect, it } from 'vitest';
import { WorkQueue } from '../../src/controller/workqueue.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

function make(): { clock: FakeClock; queue: WorkQueue } {
  const clock = new FakeClock();
  return { clock, queue: new WorkQueue({ clock }) };
}

describe('a work queue', () => {
  it('gives a key once however often it was added', async () => {
    const { queue } = make();
    queue.add('a');
    queue.add('a');
    queue.add('b');
    expect(queue.depth).toBe(2);
    expect([await queue.get(), await queue.get()]).toEqual(['a', 'b']);
    expect(queue.depth).toBe(0);
  });

  it('hands a key to whoever waits', async () => {
    const { queue } = make();
    const taken = queue.get();
    queue.add('a');
    expect(await taken).toBe('a');
  });

  it('never gives a key that is being worked on; an add meanwhile comes back after done', async () => {
    const { queue } = make();
    queue.add('a');
    await queue.get();
    queue.add('a');
    queue.add('a');
    let second: string | undefined;
    void queue.get().then((key) => {
      second = key;
    });
    await settle();
    expect(second).toBeUndefined();
    queue.done('a');
    await settle();
    expect(second).toBe('a');
    queue.done('a');
    expect(queue.depth).toBe(0);
  });

  it('counts the earliest of several waits', async () => {
    const { clock, queue } = make();
    queue.addAfter('a', 1_000);
    queue.addAfter('a', 500);
    queue.addAfter('a', 2_000);
    await clock.advance(499);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(await queue.get()).toBe('a');
    queue.done('a');
    await clock.advance(10_000);
    expect(queue.depth).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('ends the wait of a key that is taken before', async () => {
    const { clock, queue } = make();
    queue.addAfter('a', 1_000);
    queue.add('a');
    expect(await queue.get()).toBe('a');
    queue.done('a');
    await clock.advance(10_000);
    expect(queue.depth).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('doubles the wait of a failing key up to the cap and starts over after forget', () => {
    const { queue } = make();
    const waits = Array.from({ length: 16 }, () => queue.addRateLimited('a'));
    expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(waits.at(-1)).toBe(60_000);
    expect(queue.failures('a')).toBe(16);
    queue.forget('a');
    expect(queue.addRateLimited('a')).toBe(5);
  });

  it('runs as many workers as asked and one key in one of them only', async () => {
    const { queue } = make();
    const running = new Set<string>();
    let most = 0;
    let handled = 0;
    const done = queue.run(3, async (key) => {
      expect(running.has(key)).toBe(false);
      running.add(key);
      most = Math.max(most, running.size);
      queue.add(handled < 50 ? key : 'last');
      await settle();
      running.delete(key);
      handled += 1;
      if (handled === 60) queue.close();
    });
    for (const key of ['a', 'b', 'c', 'd', 'e']) queue.add(key);
    await done;
    expect(most).toBe(3);
  });

  it('drains: takes nothing more, lets work end, says when it did not', async () => {
    const { clock, queue } = make();
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 10);
    await queue.get();
    const tooShort = queue.drain(30_000);
    await clock.advance(30_000);
    expect(await tooShort).toBe(false);
    const drained = queue.drain(30_000);
    queue.done('a');
    expect(await drained).toBe(true);
    expect(await queue.get()).toBeUndefined();
    queue.add('d');
    expect(queue.depth).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('tells its observer waits, work and retries', async () => {
    const clock = new FakeClock();
    const seen: string[] = [];
    const queue = new WorkQueue({
      clock,
      observer: {
        added: () => seen.push('added'),
        retried: () => seen.push('retried'),
        taken: (ms) => seen.push(`taken after ${ms}`),
        finished: (ms) => seen.push(`finished after ${ms}`),
      },
    });
    queue.add('a');
    await clock.advance(7);
    await queue.get();
    await clock.advance(9);
    expect(queue.unfinishedMs()).toEqual([9]);
    queue.addRateLimited('a');
    queue.done('a');
    expect(seen).toEqual(['added', 'taken after 7', 'retried', 'finished after 9']);
  });
});
