import { describe, expect, it } from 'vitest';
import { sampleFromCapture } from '../../../src/core/memory/sample-from-capture.ts';
import { kib, mib } from '../../../src/core/quantity.ts';
import { IDENTITY, sample, sections, summary } from './captures.ts';

const MASTER = 'master 1t: 0 x ?, resident 0, high ?, huge 0';

/** What each capture is of is in test/fixtures/captures/README.md; forky's numbers were read from pagemap apart. */
const CAPTURES: readonly (readonly [string, readonly string[]])[] = [
  ['1x1', [MASTER, 'worker 1t: 0 x ?, resident 0, high ?, huge 0']],
  [
    '4x100',
    [
      MASTER,
      'worker 100t: 99 x 8192, resident 2124, high 48, huge 0',
      'worker 100t: 99 x 8192, resident 3996, high 48, huge 0',
      'worker 100t: 99 x 8192, resident 2088, high 48, huge 0',
      'worker 100t: 99 x 8192, resident 1764, high 48, huge 0',
    ],
  ],
  ['1x20-132k', [MASTER, 'worker 20t: 19 x 132, resident 684, high 36, huge 0']],
  [
    '2x20-64k',
    [
      MASTER,
      'worker 20t: 19 x 64, resident 228, high 12, huge 0',
      'worker 20t: 19 x 64, resident 228, high 12, huge 0',
    ],
  ],
  ['1x20-arena2', [MASTER, 'worker 20t: 19 x 512, resident 912, high 48, huge 0']],
  ['1x40-deep', [MASTER, 'worker 40t: 39 x 8192, resident 5772, high 148, huge 0']],
  [
    '2x8-256k-others',
    [
      'master 2t: 0 x ?, resident 0, high ?, huge 0',
      'other 4t: 0 x ?, resident 0, high ?, huge 0',
      'worker 13t: 7 x 256, resident 336, high 48, huge 0',
      'worker 13t: 7 x 256, resident 336, high 48, huge 0',
      'other 4t: 0 x ?, resident 0, high ?, huge 0',
    ],
  ],
  ['1x30-python-threads', [MASTER, 'worker 33t: 29 x 8192, resident 1392, high 48, huge 0']],
  ['1x10-pyuwsgi', [MASTER, 'worker 10t: 9 x 8192, resident 180, high 20, huge 0']],
  ['forky-1x100', [MASTER, 'worker 100t: 99 x 8192, resident 4752, high 48, huge 0']],
  ['forky-1x30-256k-offload', [MASTER, 'worker 34t: 29 x 256, resident 1392, high 48, huge 0']],
  [
    'forky-2x12-64k-mule',
    [
      MASTER,
      'worker 12t: 11 x 64, resident 92, high 12, huge 0',
      'worker 12t: 11 x 64, resident 92, high 12, huge 0',
      'other 1t: 0 x ?, resident 0, high ?, huge 0',
    ],
  ],
];

describe('the sample of a capture', () => {
  it.each(CAPTURES)('tells roles and stacks of %s', (name, expected) => {
    expect(sample(name).processes.map(summary)).toEqual(expected);
  });

  it.each(CAPTURES)('keeps the parts of %s within their whole', (name) => {
    for (const process of sample(name).processes) {
      const { pss, pssAnon, pssFile, pssShmem, rss, mapped, privateAnon, threadStacks } = process;
      expect((pssAnon ?? NaN) + (pssFile ?? NaN) + (pssShmem ?? NaN)).toBe(pss);
      expect(rss).toBeLessThanOrEqual(mapped ?? NaN);
      expect((privateAnon ?? NaN) + (threadStacks.resident ?? NaN)).toBeLessThanOrEqual(rss ?? NaN);
    }
  });

  // Rows' Pss are cut down to whole KiB, the roll-up's sum is not: half a KiB is lost with each row that a fork shares.
  it.each([
    ['4x100', [2619, 6008, 8039, 5872, 5516]],
    ['2x8-256k-others', [2625, 2786, 3505, 3508, 2804]],
    ['1x30-python-threads', [3638, 5926]],
    ['forky-1x100', [3854, 10726]],
  ])("agrees with the kernel's own sum of anonymous shares in %s", (name, rollups) => {
    for (const [index, process] of sample(name).processes.entries()) {
      const rollup = kib(rollups[index] ?? NaN);
      expect(process.pssAnon).toBeLessThanOrEqual(rollup);
      expect(process.pssAnon).toBeGreaterThan(rollup - kib(48));
    }
  });

  it('tells the platform', () => {
    expect(sample('forky-1x100').platform).toEqual({
      kernel: '6.18.44',
      architecture: 'x86_64',
      pageSize: 4096,
      libc: { name: 'glibc', version: '2.43' },
      python: { major: 3, minor: 14 },
      transparentHugePages: 'madvise',
      threadStackMinimum: 16384,
    });
  });

  it('sees that MALLOC_ARENA_MAX=2 leaves one arena beside the heap', () => {
    expect(sample('1x20-arena2').processes[1]?.arenas).toEqual({ count: 1, resident: kib(124) });
    expect(sample('1x20-132k').processes[1]?.arenas.count).toBe(15);
  });

  it('names tree, start and page tables of a process', () => {
    const [master, worker] = sample('1x40-deep').processes;
    expect(worker?.parentPid).toBe(master?.pid);
    expect(worker?.startTicks).toBeGreaterThan(master?.startTicks ?? Infinity);
    expect(worker?.pageTables).toBe(kib(316));
  });

  it('falls back to totals where uWSGI dropped its uid, and says why', () => {
    const { quality, processes, cgroup, platform } = sample('1x10-uid-drop');
    expect(quality.tier).toBe('status');
    expect(quality.reason).toContain('denied the memory maps of 2 of 2 uWSGI processes');
    expect(processes.map(summary)).toEqual([
      'master 1t: ? x ?, resident ?, high ?, huge ?',
      'worker 10t: ? x ?, resident ?, high ?, huge ?',
    ]);
    expect(processes[1]).toMatchObject({ rss: kib(12300), pss: null, privateAnon: kib(5796), mapped: kib(724904) });
    expect(cgroup.limit).toBe(mib(900));
    expect(platform.python).toBeNull();
  });

  it('lists nothing where no uWSGI runs', () => {
    const foreign = sections('1x1').processes.map((process) => ({ ...process, uwsgi: false }));
    const { processes, quality } = sampleFromCapture({ ...sections('1x1'), processes: foreign }, IDENTITY);
    expect(processes).toEqual([]);
    expect(quality).toEqual({ tier: 'status', reason: 'no uWSGI process was found in the container' });
  });

  it('leaves out a process that ended while it was read', () => {
    const whole = sections('4x100');
    const [first, second, ...rest] = whole.processes;
    if (first === undefined || second === undefined) throw new Error('fixture');
    const ended = { ...second, files: { ...second.files, alive: false } };
    const { processes } = sampleFromCapture({ ...whole, processes: [first, ended, ...rest] }, IDENTITY);
    expect(processes).toHaveLength(4);
  });

  it('takes the configured shape only as a hint', () => {
    const configured = { processes: 1, threads: 30, stackSize: kib(256) };
    const plain = sample('forky-1x30-256k-offload').processes;
    expect(sampleFromCapture(sections('forky-1x30-256k-offload'), IDENTITY, configured).processes).toEqual(plain);
  });
});
