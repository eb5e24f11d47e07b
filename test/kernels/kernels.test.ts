/**
 * The sampler on other kernels than this machine's, under cgroup v2: what it tells of real uWSGI equals an independent
 * reading of the same processes.
 */
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { samplerArgv, samplerArgvPython, splitCapture } from '../../src/core/memory/capture.ts';
import type { Depth } from '../../src/core/memory/capture-script.ts';
import { depthAfter, leavesOpen } from '../../src/core/memory/earlier-sample.ts';
import { guardArgv, parseGuardProbe } from '../../src/core/memory/guard-probe.ts';
import { sampleFromCapture } from '../../src/core/memory/sample-from-capture.ts';
import type { ProcessFootprint, Sample } from '../../src/core/memory/sample.ts';
import { bytes, kib, mib } from '../../src/core/quantity.ts';
import { addSample, emptyDigest, usageOf } from '../../src/core/recommend/digest.ts';
import { recommend } from '../../src/core/recommend/recommend.ts';
import type { Recommendation } from '../../src/core/recommend/types.ts';
import { ensureGuest } from './guest.ts';
import type { Suite } from './guest.ts';
import { runLab } from './lab.ts';
import type { Found, Look, ProcessReading, Reading, Scenario } from './lab.ts';

const COMMON = { limit: mib(900), hugePages: 'always', busybox: false, outOfMemory: false } as const;
const SCENARIOS: readonly Scenario[] = [
  {
    ...COMMON,
    name: '2x1 256K',
    processes: 2,
    threads: 1,
    stackKib: 256,
    limit: mib(128),
    hugePages: 'madvise',
    outOfMemory: true,
  },
  { ...COMMON, name: '2x1', processes: 2, threads: 1, stackKib: null },
  { ...COMMON, name: '2x60 256K', processes: 2, threads: 60, stackKib: 256 },
  { ...COMMON, name: '2x60', processes: 2, threads: 60, stackKib: null, busybox: true },
];
/** Stack and guard are a multiple of 2 MiB, and what is recommended in place of it. */
const HUGE = { ...COMMON, name: '2x60 8188K', processes: 2, threads: 60, stackKib: 8188 };
const SMALLER = { ...COMMON, name: '2x60 512K', processes: 2, threads: 60, stackKib: 512 };

interface Machine {
  readonly suite: Suite;
  /** Of a sample that is not the first. */
  readonly depth: Depth;
  readonly kernel: RegExp;
  readonly scenarios: readonly Scenario[];
}

const BOOKWORM: Machine = {
  suite: 'bookworm',
  depth: 'rows',
  kernel: /^6\.1\./,
  scenarios: [...SCENARIOS, HUGE, SMALLER],
};
/** Debian's testing suite: its kernel moves on. */
const FORKY: Machine = { suite: 'forky', depth: 'merged', kernel: /^[7-9]\./, scenarios: SCENARIOS };
const IDENTITY = { pod: 'web', podUid: 'uid', node: 'node', takenAt: 0 };
/** The sampler's own shells, cat, tee, grep and gzip are in the container's group while it reads; measured: 0.6 to 1.2 MiB. */
const SAMPLER_BYTES = mib(2);

function sampleIn(look: Look, name: string, earlier: Sample | null = null): Sample {
  const capture = splitCapture(look.outputs.get(name) ?? new Uint8Array(), gunzipSync);
  if (!capture.ok) throw new Error(`${name}: ${capture.message}`);
  return sampleFromCapture(capture.sections, IDENTITY, undefined, earlier);
}

/** What both readings tell of one process. */
interface Told {
  readonly pid: number | null;
  readonly threads: number | null;
  readonly pageTables: number | null;
  readonly stacks: number | null;
  readonly size: number | null;
  readonly highWater: number | null;
  readonly hugePages: number | null;
}

function toldBy({ pid, threads, pageTables, threadStacks }: ProcessFootprint): Told {
  const { count, size, highWater, hugePages } = threadStacks;
  return { pid, threads, pageTables, stacks: count, size, highWater, hugePages };
}

/** What frames may leave untouched in a stack. */
const SKIPPED_BYTES = kib(16);

/**
 * A huge page hides how deep a stack was touched: only the others tell. Of a stack in a row of its own smaps counts the
 * pages that were touched, and a frame that skips one makes it less deep.
 */
function readOf({ pid, threads, pageTables, stacks }: ProcessReading, stackKib: number | null, depth: Depth): Told {
  const deep = depth === 'merged' ? 'highWater' : 'resident';
  const small = stacks.filter(({ huge }) => huge === 0).map((stack) => stack[deep]);
  return {
    pid,
    threads,
    pageTables,
    stacks: stacks.length,
    size: stacks.length === 0 ? null : kib(stackKib ?? 8192),
    highWater: small.length === 0 ? null : Math.max(...small),
    hugePages: sum(stacks.map(({ huge }) => huge)),
  };
}

function byPid(a: { readonly pid: number | null }, b: { readonly pid: number | null }): number {
  return (a.pid ?? 0) - (b.pid ?? 0);
}

function sum(values: readonly (number | null)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? NaN), 0);
}

function hugeIn({ processes }: Reading): number {
  return sum(processes.flatMap(({ stacks }) => stacks.map(({ huge }) => huge)));
}

function stacksOf(sample: Sample): readonly Told[] {
  return sample.processes.map(toldBy).toSorted(byPid);
}

function recommended(found: Found, { processes, threads, stackKib, limit }: Scenario): Recommendation {
  const sample = sampleIn(found.before, 'full');
  const digest = addSample(emptyDigest(), sample, { image: 'web:1', nowMs: 0 });
  const open = { min: null, max: null };
  const outcome = recommend({
    usage: usageOf(digest, 0),
    current: { processes, threads, threadStackSize: stackKib === null ? null : kib(stackKib) },
    cheaper: null,
    limit: { bytes: bytes(limit), source: 'cgroup' },
    platform: sample.platform,
    policy: {
      objective: 'PreserveConcurrency',
      bounds: { processes: open, threads: open, threadStackSize: { ...open, allowBelowFloor: false } },
      controlled: ['Processes', 'Threads', 'ThreadStackSize'],
      headroomPercent: 15,
      stackCharge: 'HighWater',
    },
    lessons: [],
    threadsTunable: true,
  });
  if (outcome.kind === 'Refusal') throw new Error(outcome.message);
  return outcome;
}

function foundIn(all: ReadonlyMap<string, Found>, { name }: Pick<Scenario, 'name'>): Found {
  const found = all.get(name);
  if (found === undefined) throw new Error(`the virtual machine tells nothing of ${name}`);
  return found;
}

async function runAll({ suite, depth, scenarios }: Machine): Promise<ReadonlyMap<string, Found>> {
  const argv = {
    full: samplerArgv(),
    light: samplerArgv({ depth }),
    python: samplerArgvPython(),
    guard: guardArgv(),
  };
  return runLab(await ensureGuest(suite), scenarios, argv);
}

let found: ReadonlyMap<string, Found>;

/** What holds for every container on every kernel. */
function checkScenario(machine: Machine, scenario: Scenario): void {
  const looks = (): readonly Look[] => {
    const { before, after } = foundIn(found, scenario);
    return after === null ? [before] : [before, after];
  };

  test('threads, page tables and stacks of each process', () => {
    for (const look of looks()) {
      const expected = look.reading.processes
        .map((process) => readOf(process, scenario.stackKib, machine.depth))
        .toSorted(byPid);
      const skipped = look.reading.processes.flatMap(({ stacks }) =>
        stacks.filter(({ huge }) => huge === 0).map(({ highWater, resident }) => highWater - resident),
      );
      expect(Math.max(0, ...skipped)).toBeLessThanOrEqual(SKIPPED_BYTES);
      const others = scenario.threads - 1;
      expect(expected.map(({ stacks }) => stacks).toSorted()).toEqual([0, others, others]);
      const full = sampleIn(look, 'full');
      const whole = scenario.busybox ? ['full', 'python', 'busybox'] : ['full', 'python'];
      for (const name of whole) expect([name, stacksOf(sampleIn(look, name))]).toEqual([name, expected]);
      expect(depthAfter(full)).toBe(machine.depth);
      const light = sampleIn(look, 'light', full);
      expect(leavesOpen(light, full)).toBe(false);
      expect(stacksOf(light)).toEqual(expected);
    }
  });

  test('roles and the platform', () => {
    for (const look of looks()) {
      const { quality, processes, platform } = sampleIn(look, 'full');
      expect(quality).toEqual({ tier: 'smaps', reason: null });
      expect(processes.map(({ role }) => role).toSorted()).toEqual(['master', 'worker', 'worker']);
      const { reading } = look;
      expect(reading.kernel).toMatch(machine.kernel);
      expect(reading.hugePages).toContain(`[${scenario.hugePages}]`);
      expect(platform).toMatchObject({
        kernel: reading.kernel,
        architecture: reading.architecture,
        pageSize: 4096,
        transparentHugePages: scenario.hugePages,
      });
      expect(`${platform.libc?.name} ${platform.libc?.version}`).toBe(reading.libc);
    }
  });

  test('anonymous memory: that of the processes within 1.5 %, that of the group with the sampler in it', () => {
    for (const { reading, ...look } of looks()) {
      const { processes, cgroup } = sampleIn({ reading, ...look }, 'full');
      const told = sum(processes.map(({ pssAnon }) => pssAnon));
      // Each row's share is cut down to whole KiB; and a page more may be touched between the two readings.
      expect(told / reading.anonymous).toBeGreaterThan(0.985);
      expect(told / reading.anonymous).toBeLessThan(1.01);
      expect(cgroup.anon).toBeGreaterThanOrEqual(told);
      expect(cgroup.anon).toBeLessThan(reading.anonymous + SAMPLER_BYTES);
    }
  });

  test("the group's limit, kernel memory and count of processes killed for memory", () => {
    for (const { reading, ...look } of looks()) {
      const { cgroup } = sampleIn({ reading, ...look }, 'full');
      expect(cgroup).toMatchObject({ version: 2, limit: scenario.limit, oomKills: reading.oomKills });
      expect(reading.limit).toBe(scenario.limit);
      const kernel = sum([reading.stat['kernel'] ?? null, reading.stat['sock'] ?? null]);
      expect(cgroup.kernel).toBeGreaterThanOrEqual(kernel);
      expect(cgroup.kernel).toBeLessThan(kernel + SAMPLER_BYTES);
      const guard = parseGuardProbe(new TextDecoder().decode(look.outputs.get('guard')));
      expect(guard?.oomKills).toBe(reading.oomKills);
      const pids = reading.processes.map(({ pid }) => pid).toSorted();
      expect(guard?.processes.map(({ pid }) => pid).toSorted()).toEqual(pids);
    }
  });
}

function checkOutOfMemory(scenario: Scenario): void {
  test('a worker that outgrows the limit is one more killed for memory', () => {
    const { before, after, log } = foundIn(found, scenario);
    if (after === null) throw new Error('no reading after the kill');
    expect([before.reading.oomKills, after.reading.oomKills]).toEqual([0, 1]);
    expect(log).toMatch(/DAMN ! worker \d+ \(pid: \d+\) died, killed by signal 9/);
    const [first, second] = [before, after].map((look) => sampleIn(look, 'full').processes.map(({ pid }) => pid));
    expect(second?.filter((pid) => first?.includes(pid))).toHaveLength(2);
  });
}

describe.each([BOOKWORM, FORKY])('on the kernel of $suite', (machine) => {
  beforeAll(async () => {
    found = await runAll(machine);
  });

  describe.each(machine.scenarios)('$name', (scenario) => {
    checkScenario(machine, scenario);
    if (scenario.outOfMemory) checkOutOfMemory(scenario);
  });

  if (machine === BOOKWORM) {
    test('huge pages in stacks are told as memory that a smaller stack frees, and it frees them', () => {
      const huge = foundIn(found, HUGE);
      const inStacks = hugeIn(huge.before.reading);
      expect(inStacks).toBeGreaterThan(mib(8));
      const { savings, threadStackSize, reasons } = recommended(huge, HUGE);
      expect(threadStackSize).toBe(kib(SMALLER.stackKib));
      // The average stack is kept in whole bytes.
      expect(Math.abs(savings.resident - inStacks)).toBeLessThan(2 * 59);
      expect(reasons.join('\n')).toMatch(/ and free \d+Mi of huge pages, which the limit charges\./);
      const smaller = foundIn(found, SMALLER).before.reading;
      expect(hugeIn(smaller)).toBe(0);
      const freed = huge.before.reading.anonymous - smaller.anonymous;
      expect(freed).toBeGreaterThan(0.9 * savings.resident);
    });
  } else {
    test('stacks hold no huge pages, so a smaller stack frees nothing', () => {
      for (const each of found.values()) expect(hugeIn(each.before.reading)).toBe(0);
      const scenario = machine.scenarios.find(({ name }) => name === '2x60');
      if (scenario === undefined) throw new Error('no scenario 2x60');
      const { savings } = recommended(foundIn(found, scenario), scenario);
      expect(savings.mapped).toBeGreaterThan(mib(800));
      expect(savings.resident).toBe(0);
    });
  }
});
