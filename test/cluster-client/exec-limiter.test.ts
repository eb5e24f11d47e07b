import { describe, expect, it } from 'vitest';
import { ExecLimiter } from '../../src/cluster/exec-limiter.ts';
import { settle } from '../support/fake-clock.ts';

function start(
  limiter: ExecLimiter,
  pod: string,
  node: string | null,
  signal?: AbortSignal,
): { end: () => void; begun: () => boolean; done: Promise<void> } {
  let begun = false;
  let end = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    end = resolve;
  });
  const work = (): Promise<void> => {
    begun = true;
    return gate;
  };
  return {
    end: () => {
      end();
    },
    begun: () => begun,
    done: limiter.run({ namespace: 'n', pod, node }, work, signal),
  };
}

describe('the exec limiter', () => {
  it('runs one exec per pod', async () => {
    const limiter = new ExecLimiter();
    const first = start(limiter, 'a', 'x');
    const second = start(limiter, 'a', 'x');
    await settle();
    expect([first.begun(), second.begun()]).toEqual([true, false]);
    first.end();
    await first.done;
    await settle();
    expect(second.begun()).toBe(true);
    second.end();
  });

  it('runs two per node and lets other nodes pass those that wait', async () => {
    const limiter = new ExecLimiter();
    const runs = [
      ['a', 'x'],
      ['b', 'x'],
      ['c', 'x'],
      ['d', 'y'],
    ].map(([pod = '', node = '']) => start(limiter, pod, node));
    await settle();
    expect(runs.map((run) => run.begun())).toEqual([true, true, false, true]);
  });

  it('runs no more than the total', async () => {
    const limiter = new ExecLimiter({ total: 3 });
    const runs = Array.from({ length: 6 }, (_, i) => start(limiter, `p${i}`, `n${i}`));
    await settle();
    expect(runs.filter((run) => run.begun()).length).toBe(3);
    for (const run of runs) run.end();
    await Promise.all(runs.map((run) => run.done));
    expect(limiter.active).toBe(0);
  });

  it('forgets who gave up waiting and frees the place of work that threw', async () => {
    const limiter = new ExecLimiter();
    const controller = new AbortController();
    const failing = limiter.run({ namespace: 'n', pod: 'a', node: 'x' }, () =>
      settle().then(() => Promise.reject(new Error('no'))),
    );
    const waiting = start(limiter, 'a', 'x', controller.signal);
    controller.abort();
    await expect(waiting.done).rejects.toMatchObject({ kind: 'Aborted' });
    await expect(failing).rejects.toThrow('no');
    expect(limiter.active).toBe(0);
    expect(await limiter.run({ namespace: 'n', pod: 'a', node: null }, () => Promise.resolve(1))).toBe(1);
  });
});
