import { describe, expect, it } from 'vitest';
import { ClusterError } from '../../src/cluster/errors.ts';
import { microTime } from '../../src/cluster/clock.ts';
import type { Lease, LeaseAccess, LeaseClaim } from '../../src/cluster/lease.ts';
import { electionIdentity, LeaderElector } from '../../src/controller/leader-election.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

/** One lease as an API server keeps it, with faults to switch on. */
class FakeLease {
  lease: Lease | null = null;
  writes = 0;
  down = false;
  hang = false;

  access(reachable: () => boolean): LeaseAccess {
    return {
      read: () => this.#answer(reachable, () => this.lease),
      create: (claim) =>
        this.#answer(reachable, () => {
          if (this.lease !== null) throw new ClusterError('AlreadyExists', 'lease exists');
          return this.#write(claim);
        }),
      replace: (lease, claim) =>
        this.#answer(reachable, () => {
          if (this.lease?.metadata.resourceVersion !== lease.metadata.resourceVersion) {
            throw new ClusterError('Conflict', 'lease changed');
          }
          return this.#write(claim);
        }),
    };
  }

  get holder(): string | null | undefined {
    return this.lease?.spec?.holderIdentity;
  }

  #answer<T>(reachable: () => boolean, work: () => T): Promise<T> {
    if (this.hang) return new Promise(() => undefined);
    if (this.down || !reachable()) return Promise.reject(new ClusterError('Unavailable', 'down'));
    return Promise.resolve().then(work);
  }

  #write(claim: LeaseClaim): Lease {
    this.writes += 1;
    const before = this.lease?.spec;
    const acquireTime = claim.acquiredAt === undefined ? before?.acquireTime : microTime(claim.acquiredAt);
    this.lease = {
      metadata: { name: 'l', resourceVersion: String(this.writes) },
      spec: {
        holderIdentity: claim.holder,
        leaseDurationSeconds: claim.durationSeconds,
        renewTime: microTime(claim.renewedAt),
        acquireTime: acquireTime ?? null,
      },
    };
    return this.lease;
  }
}

interface Candidate {
  reachable: boolean;
  readonly elector: LeaderElector;
  readonly log: string[];
}

function stand(lease: FakeLease, clock: FakeClock, identity: string): Candidate {
  const log: string[] = [];
  const elector: LeaderElector = new LeaderElector(
    lease.access(() => candidate.reachable),
    {
      identity,
      clock,
      random: () => 0,
      onLeading: (signal) => {
        log.push('leading');
        signal.addEventListener('abort', () => log.push('signal'));
      },
      onLost: (reason) => log.push(`lost: ${reason}`),
      onError: (error) => log.push(error.kind),
    },
  );
  const candidate: Candidate = { reachable: true, elector, log };
  elector.start();
  return candidate;
}

describe('a leader elector', () => {
  it('takes a lease that does not exist and renews it every two seconds', async () => {
    const clock = new FakeClock();
    const lease = new FakeLease();
    const { elector, log } = stand(lease, clock, 'a');
    await clock.advance(60_000);
    expect(log).toEqual(['leading']);
    expect(lease.writes).toBe(31);
    expect(lease.lease?.spec).toMatchObject({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:01:00.000000Z',
    });
    expect(() => {
      elector.assertLeading();
    }).not.toThrow();
  });

  it('waits while another renews, and takes over 15 s after the last change it saw', async () => {
    const clock = new FakeClock();
    const lease = new FakeLease();
    const first = stand(lease, clock, 'a');
    await clock.advance(1_000);
    const second = stand(lease, clock, 'b');
    await clock.advance(30_000);
    expect(second.log).toEqual([]);
    expect(() => {
      second.elector.assertLeading();
    }).toThrow(expect.objectContaining({ kind: 'Aborted' }) as Error);
    // The first loses its way to the API server and never comes back.
    first.reachable = false;
    await clock.advance(14_000);
    expect(second.log).toEqual([]);
    expect(first.elector.isLeader).toBe(false);
    await clock.advance(5_000);
    expect(second.log).toEqual(['leading']);
  });

  it('never believes the time another wrote', async () => {
    const clock = new FakeClock();
    const lease = new FakeLease();
    lease.lease = {
      metadata: { name: 'l', resourceVersion: 'x' },
      spec: { holderIdentity: 'gone', leaseDurationSeconds: 15, renewTime: '1999-01-01T00:00:00.000000Z' },
    };
    const { log } = stand(lease, clock, 'a');
    await clock.advance(14_900);
    expect(log).toEqual([]);
    await clock.advance(3_000);
    expect(log).toEqual(['leading']);
  });

  it('waits longer where the holder promised less often', async () => {
    const clock = new FakeClock();
    const lease = new FakeLease();
    lease.lease = {
      metadata: { name: 'l', resourceVersion: 'x' },
      spec: { holderIdentity: 'slow', leaseDurationSeconds: 60 },
    };
    const { log } = stand(lease, clock, 'a');
    await clock.advance(59_000);
    expect(log).toEqual([]);
    await clock.advance(4_000);
    expect(log).toEqual(['leading']);
  });

  it('stops ten seconds after its last renewal, before anyone may take over, and stands again', async () => {
    const clock = new FakeClock();
    const lease = new FakeLease();
    const { elector, log } = stand(lease, clock, 'a');
    await clock.advance(4_000);
    lease.down = true;
    await clock.advance(9_999);
    expect(elector.isLeader).toBe(true);
    const term = elector.term;
    await clock.advance(1);
    expect(elector.isLeader).toBe(false);
    expect(term?.aborted).toBe(true);
    expect(log.filter((line) => line !== 'Unavailable')).toEqual(['leading', 'signal', 'lost: not renewed in time']);
    lease.down = false;
    await clock.advance(3_000);
    expect(log.at(-1)).toBe('leading');
    expect(elector.term?.aborted).toBe(false);
  });

  it('stops in time when the API server hangs', async () => {
    const clock = new FakeClock();
    const lease = new FakeLease();
    const { elector } = stand(lease, clock, 'a');
    await clock.advance(4_000);
    lease.hang = true;
    await clock.advance(10_000);
    expect(elector.isLeader).toBe(false);
  });

  it('knows after a stall that it is late, before any timer fires', async () => {
    const clock = new FakeClock();
    const lease = new FakeLease();
    const { elector, log } = stand(lease, clock, 'a');
    await clock.advance(4_000);
    clock.stall(10_000);
    expect(() => {
      elector.assertLeading();
    }).toThrow('does not hold the lease');
    expect(log).toEqual(['leading', 'signal', 'lost: not renewed in time']);
  });

  it('stops at once when it sees another holder', async () => {
    const clock = new FakeClock();
    const lease = new FakeLease();
    const { elector, log } = stand(lease, clock, 'a');
    await clock.advance(4_000);
    lease.lease = {
      metadata: { name: 'l', resourceVersion: 'other' },
      spec: { holderIdentity: 'b', leaseDurationSeconds: 15 },
    };
    await clock.advance(2_000);
    expect(elector.isLeader).toBe(false);
    expect(log).toEqual(['leading', 'signal', 'lost: taken by b']);
  });

  it('keeps leading when someone only touched the lease', async () => {
    const clock = new FakeClock();
    const lease = new FakeLease();
    const { log } = stand(lease, clock, 'a');
    await clock.advance(1_000);
    if (lease.lease === null) throw new Error('no lease');
    lease.lease = { ...lease.lease, metadata: { name: 'l', resourceVersion: 'labelled' } };
    await clock.advance(30_000);
    expect(log).toEqual(['leading']);
  });

  it('gives the lease back when stopped, and the next takes it at once', async () => {
    const clock = new FakeClock();
    const lease = new FakeLease();
    const first = stand(lease, clock, 'a');
    await settle();
    const second = stand(lease, clock, 'b');
    await clock.advance(1_000);
    const stopped = first.elector.stop();
    await settle();
    await stopped;
    expect(lease.holder).toBe('');
    expect(first.log).toEqual(['leading', 'signal', 'lost: stopped']);
    await clock.advance(2_000);
    expect(second.log).toEqual(['leading']);
    expect(lease.holder).toBe('b');
  });

  it('never has two leaders, whatever fails when', async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const clock = new FakeClock();
      const lease = new FakeLease();
      let state = seed * 2_654_435_761;
      const random = (): number => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return state / 2 ** 32;
      };
      const candidates = ['a', 'b', 'c'].map((identity) => stand(lease, clock, identity));
      for (let step = 0; step < 60; step += 1) {
        for (const candidate of candidates) candidate.reachable = random() > 0.4;
        await clock.advance(random() * 6_000);
        if (random() < 0.1) clock.stall(random() * 20_000);
        expect(candidates.filter(({ elector }) => elector.isLeader).length).toBeLessThanOrEqual(1);
      }
    }
  });

  it('refuses a renew deadline that is no shorter than the lease', () => {
    expect(
      () =>
        new LeaderElector(
          new FakeLease().access(() => true),
          { identity: 'a', renewDeadlineMs: 15_000 },
        ),
    ).toThrow('leader election: renew deadline 15000 ms, want less than 15000 ms');
  });

  it('is named after the pod and its uid', () => {
    expect(electionIdentity({ POD_NAME: 'p', POD_UID: 'u' })).toBe('p_u');
    expect(electionIdentity({ POD_NAME: 'p' })).toMatch(/^p_[0-9a-f-]{36}$/);
  });
});
