/** Objects for unit tests: every default filled in, a test names only what it is about. */
import type { UwsgiTuning } from '../../src/api/uwsgi-tuning.ts';
import { validateTuning } from '../../src/api/validate.ts';
import type { Platform, ProcessFootprint, Sample, ThreadStacks } from '../../src/core/memory/sample.ts';
import { bytes, kib, mib, type Bytes } from '../../src/core/quantity.ts';

export function tuning(spec: object = {}, rest: object = {}): UwsgiTuning {
  const object = {
    apiVersion: 'uwsgi-tuner.dev/v1alpha1',
    kind: 'UwsgiTuning',
    metadata: { name: 'web', namespace: 'shop', uid: 'tuning-1', generation: 1, resourceVersion: '1' },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      config: { configMapRef: { name: 'web-uwsgi', key: 'uwsgi.ini' } },
      ...spec,
    },
    ...rest,
  };
  const validation = validateTuning(object);
  if (!validation.ok) throw new Error(validation.problems.join('; '));
  return validation.tuning;
}

export interface SampleOptions {
  readonly pod?: string;
  readonly podUid?: string;
  readonly takenAt?: number;
  readonly processes: number;
  readonly threads: number;
  readonly stack: Bytes;
  readonly highWater?: Bytes;
  readonly limit?: Bytes;
  /** Private anonymous memory of one worker without stacks. */
  readonly privateEach?: Bytes;
  readonly tier?: 'smaps' | 'status';
}

/** Debian bookworm's uWSGI on a kernel of today. */
export const PLATFORM: Platform = {
  kernel: '6.18.0',
  architecture: 'x86_64',
  pageSize: kib(4),
  libc: { name: 'glibc', version: '2.36' },
  python: { major: 3, minor: 11 },
  transparentHugePages: 'madvise',
  threadStackMinimum: kib(16),
};

/** What a capture of totals tells of the stacks. */
export const STACKS_UNSEEN: ThreadStacks = {
  count: null,
  size: null,
  mapped: null,
  resident: null,
  highWater: null,
  hugePages: null,
};

/** A sample of a pod with a master and workers. */
export function sample(options: SampleOptions): Sample {
  const privateEach = options.privateEach ?? mib(20);
  const workers = Array.from({ length: options.processes }, (_, index) => worker(options, privateEach, index));
  const anon = bytes(workers.reduce((sum, each) => sum + (each.pssAnon ?? 0), 0) + mib(8));
  return {
    pod: options.pod ?? 'web-1',
    podUid: options.podUid ?? 'pod-1',
    node: 'node1',
    takenAt: options.takenAt ?? 0,
    quality: { tier: options.tier ?? 'smaps', reason: options.tier === 'status' ? 'smaps cannot be read' : null },
    platform: PLATFORM,
    cgroup: {
      version: 2,
      limit: options.limit ?? mib(1024),
      usage: bytes(anon + mib(20)),
      fileCache: mib(10),
      anon,
      shmem: mib(2),
      kernel: mib(5),
      oomKills: 0,
    },
    processes: [master(), ...workers],
  };
}

const NO_STACKS = { count: 0, size: null, mapped: bytes(0), resident: bytes(0), highWater: null, hugePages: bytes(0) };

function master(): ProcessFootprint {
  return {
    pid: 1,
    parentPid: 0,
    startTicks: 100,
    role: 'master',
    threads: 1,
    threadStacks: NO_STACKS,
    mapped: mib(60),
    rss: mib(14),
    pss: mib(9),
    pssAnon: mib(4),
    pssFile: mib(4),
    pssShmem: mib(1),
    privateAnon: mib(1),
    swap: bytes(0),
    pageTables: kib(100),
    arenas: { count: 0, resident: bytes(0) },
    busyThreads: 1,
  };
}

function worker(options: SampleOptions, privateEach: Bytes, index: number): ProcessFootprint {
  const count = options.threads - 1;
  const highWater = options.highWater ?? kib(20);
  const status = options.tier === 'status';
  const stacks = {
    count,
    size: options.stack,
    mapped: bytes(count * options.stack),
    resident: bytes(count * kib(16)),
    highWater,
    hugePages: bytes(0),
  };
  return {
    pid: 7 + index,
    parentPid: 1,
    startTicks: 120 + index,
    role: 'worker',
    threads: options.threads,
    threadStacks: status ? STACKS_UNSEEN : stacks,
    mapped: bytes(mib(100) + stacks.mapped),
    rss: bytes(privateEach + stacks.resident + mib(12)),
    pss: status ? null : bytes(privateEach + stacks.resident + mib(4)),
    pssAnon: status ? null : bytes(privateEach + stacks.resident + mib(1)),
    pssFile: status ? null : mib(2),
    pssShmem: status ? null : mib(1),
    privateAnon: privateEach,
    swap: bytes(0),
    pageTables: kib(200),
    arenas: { count: 2, resident: mib(2) },
    busyThreads: options.threads,
  };
}
