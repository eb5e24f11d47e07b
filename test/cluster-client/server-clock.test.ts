import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import type { Clock } from '../../src/cluster/clock.ts';
import { ServerClock } from '../../src/cluster/server-clock.ts';

const SERVER = Date.parse('2026-01-01T00:00:00Z');

/** A machine whose wall clock is ten minutes ahead of the server's and whose monotonic clock began at zero. */
function machine(): Clock & { time: number } {
  return {
    time: 0,
    monotonic() {
      return this.time;
    },
    wall() {
      return SERVER + 600_000 + this.time;
    },
    after: () => () => undefined,
  };
}

const dateAt = (time: number): string => new Date(SERVER + time).toUTCString();

describe('the clock of the API server', () => {
  it('is this machine’s until the server said something', () => {
    const local = machine();
    const clock = new ServerClock(local);
    expect(clock.wall()).toBe(SERVER + 600_000);
    clock.observe(null, 0, 10);
    clock.observe('yesterday', 0, 10);
    expect(clock.wall()).toBe(SERVER + 600_000);
  });

  it('is the server’s to a second after one answer, whatever this machine’s says', () => {
    const local = machine();
    const clock = new ServerClock(local);
    clock.observe(dateAt(5_300), 5_290, 5_310);
    local.time = 65_000;
    expect(Math.abs(clock.wall() - (SERVER + 65_000))).toBeLessThan(1_000);
  });

  it('follows a server whose clock was set', () => {
    const local = machine();
    const clock = new ServerClock(local);
    clock.observe(dateAt(1_000), 990, 1_010);
    clock.observe(dateAt(3_601_000), 1_990, 2_010);
    local.time = 2_010;
    expect(Math.abs(clock.wall() - (SERVER + 3_602_000))).toBeLessThanOrEqual(1_010);
  });

  it('is never further off after an answer than before it', () => {
    const answers = fc.array(fc.record({ wait: fc.nat(5_000), way: fc.nat(3_000), back: fc.nat(3_000) }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(answers, (list) => {
        const local = machine();
        const clock = new ServerClock(local);
        for (const [index, { wait, way, back }] of list.entries()) {
          const sentAt = local.time + wait;
          const date = dateAt(sentAt + way);
          local.time = sentAt + way + back;
          const off = (): number => Math.abs(clock.wall() - (SERVER + local.time));
          const before = off();
          clock.observe(date, sentAt, local.time);
          if (index > 0) expect(off()).toBeLessThanOrEqual(before);
          expect(off()).toBeLessThanOrEqual(way + back + 1_000);
        }
      }),
    );
  });
});
