import { describe, expect, it } from 'vitest';
import type { CaptureSections } from '../../../src/core/memory/capture.ts';
import { afterRound, depthAfter, earlierOf, leavesOpen } from '../../../src/core/memory/earlier-sample.ts';
import type { ThreadSamples } from '../../../src/core/memory/earlier-sample.ts';
import type { Sample } from '../../../src/core/memory/sample.ts';
import { NOT_CONFIGURED, sampleFromCapture } from '../../../src/core/memory/sample-from-capture.ts';
import { IDENTITY, sample, sections } from './captures.ts';

const NAMES = [
  '1x1',
  '4x100',
  '1x20-132k',
  '2x20-64k',
  '1x20-arena2',
  '1x40-deep',
  '2x8-256k-others',
  '1x30-python-threads',
  '1x10-pyuwsgi',
  '1x10-uid-drop',
  'forky-1x100',
  'forky-1x30-256k-offload',
  'forky-2x12-64k-mule',
];

/** The same capture as it is without threads: own stat only, no limits, hints and facts. */
function withoutThreads(name: string): CaptureSections {
  const whole = sections(name);
  return {
    files: new Map([...whole.files].filter(([file]) => !['conf', 'osrelease', 'machine'].includes(file))),
    processes: whole.processes.map((process) => {
      const threads = process.files.threads.filter((thread) => thread.id === process.pid);
      return { ...process, hint: null, files: { ...process.files, threads, stackLimit: null } };
    }),
  };
}

function light(name: string, earlier: Sample | null): Sample {
  return sampleFromCapture(withoutThreads(name), IDENTITY, NOT_CONFIGURED, earlier);
}

describe('a sample without threads', () => {
  it.each(NAMES)('of %s says the same in the light of an earlier one, but for the threads that work', (name) => {
    const full = sample(name);
    const processes = full.processes.map((process) =>
      process.threads === 1 ? process : { ...process, busyThreads: null },
    );
    const found = light(name, full);
    expect(found).toEqual({ ...full, processes });
    expect(leavesOpen(found, full)).toBe(false);
  });

  it.each(NAMES)('of %s never guesses cores where no earlier one tells', (name) => {
    const full = sample(name);
    const nobody = { ...full, processes: [] };
    const found = light(name, null);
    for (const [index, process] of found.processes.entries()) {
      if (process.threads === 1) continue;
      // By its children a master is known, and by its name a worker of uWSGI 2.0.31; nothing else is.
      expect([null, full.processes[index]?.role]).toContain(process.role);
      if (process.role !== 'master')
        expect(process).toMatchObject({ busyThreads: null, threadStacks: { count: null } });
    }
    expect(leavesOpen(found, nobody)).toBe(full.processes.some(({ threads }) => threads !== 1));
  });

  it('leaves a process open that is another one, or has other threads than before', () => {
    const full = sample('4x100');
    const change = (more: object): Sample => ({
      ...full,
      processes: full.processes.map((process, index) => (index === 2 ? { ...process, ...more } : process)),
    });
    for (const earlier of [change({ startTicks: 1 }), change({ threads: 60 })]) {
      const found = light('4x100', earlier);
      expect(found.processes.map(({ threadStacks }) => threadStacks.count)).toEqual([0, 99, null, 99, 99]);
      expect(leavesOpen(found, earlier)).toBe(true);
    }
  });

  it('is not taken again where threads told nothing either', () => {
    const full = sample('4x100');
    const unknown = { count: null, size: null, mapped: null, resident: null, highWater: null, hugePages: null };
    const earlier = { ...full, processes: full.processes.map((one) => ({ ...one, threadStacks: unknown })) };
    expect(leavesOpen(light('4x100', earlier), earlier)).toBe(false);
  });
});

describe('threads are read', () => {
  const full = sample('4x100');
  const ordinary = light('4x100', full);
  const after = (known: ThreadSamples, one: Sample, live = ['a']): ThreadSamples =>
    afterRound(known, live, [{ containerId: 'a', sample: one }]);

  it('in the first sample of a container and in every twelfth', () => {
    let known: ThreadSamples = new Map();
    const turns: boolean[] = [];
    for (let round = 0; round < 25; round += 1) {
      const earlier = earlierOf(known, 'a');
      turns.push(earlier === null);
      known = after(known, earlier === null ? full : ordinary);
    }
    expect(turns.flatMap((turn, round) => (turn ? [round] : []))).toEqual([0, 12, 24]);
  });

  it('anew in another container, and those that are gone are forgotten', () => {
    const known = after(new Map(), full);
    expect(earlierOf(known, 'b')).toBeNull();
    expect(earlierOf(after(known, ordinary, ['b']), 'a')).toBeNull();
    expect(after(new Map(), ordinary).size).toBe(0);
  });

  it('at a depth that suits how the platform guards its stacks', () => {
    const platform = (kernel: string, version: string | null, name: 'glibc' | 'musl' = 'glibc'): string =>
      depthAfter({ ...full, platform: { ...full.platform, kernel, libc: { name, version } } });
    expect(depthAfter(null)).toBe('threads');
    expect(platform('6.18.4', '2.36')).toBe('rows');
    expect(platform('6.12.99', '2.43')).toBe('rows');
    expect(platform('6.13.0-rc1', '2.42')).toBe('merged');
    expect(platform('7.2.0', null)).toBe('merged');
    expect(platform('7.2.0', '1.2.5', 'musl')).toBe('merged');
  });
});
