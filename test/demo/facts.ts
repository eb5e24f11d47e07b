/** Facts of a run that never was, with figures that no other place could give. */
import type { Changed, Found, PutBack } from '../../scripts/demo/facts.ts';
import { kib, mib } from '../../src/core/quantity.ts';

const TARGET = {
  targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
  config: { configMapRef: { name: 'web-uwsgi', key: 'uwsgi.ini' } },
} as const;

const LOAD = { ok: 777, failed: 0, atOnce: 55, seconds: 9.4 };

export const FOUND: Found = {
  workload: 'web',
  replicas: 3,
  load: LOAD,
  spec: { ...TARGET, memory: { headroomPercent: 17 } },
  status: {
    current: {
      processes: 5,
      threads: 42,
      threadStackSize: '8Mi',
      summary: '5x42 8Mi',
      threadStacks: { perWorker: 41, mapped: '1640Mi', resident: '5222Ki', highWater: '52Ki' },
    },
    limit: { limit: '900Mi', source: 'cgroup', budget: '747Mi' },
    recommendation: { summary: '5x42 512Ki', threadStackSize: '512Ki', reasons: ['Stack: 512Ki for Python 3.11.'] },
    budget: [
      { name: 'workers', bytes: mib(111), expectedBytes: mib(99), provenance: 'measured' },
      { name: 'thread stacks', bytes: mib(22), expectedBytes: mib(11), provenance: 'calculated' },
    ],
    savings: { mapped: '1537Mi', resident: '0' },
    worstCase: '234Mi',
    sample: { pods: 2, memoryUsed: '123Mi', platform: 'Linux 6.18.0 x86_64, glibc 2.36, Python 3.11' },
  },
  pmap: ['00007f0000000000   8192K rw---   [ anon ]'],
  stackTable: [
    { size: mib(8), mapped: mib(1640), provenance: 'measured', blog: '3.2 GB', risk: null },
    { size: kib(512), mapped: mib(102.5), provenance: 'calculated', blog: '200 MB', risk: null },
    {
      size: kib(64),
      mapped: kib(13120),
      provenance: 'calculated',
      blog: '25 MB',
      risk: { kind: 'crash', text: 'remote crash: a JSON body of nested lists (148 KiB deep) kills the worker' },
    },
  ],
  warnings: ['Warning: 64 is not safe here.'],
  python: '3.11',
};

export const CHANGED: Changed = {
  diff: '@@ -9,0 +10 @@\n+threads-stacksize = 512\n',
  savedIn: 'web-uwsgi-saved',
  rolloutSeconds: 6.6,
  load: { ...LOAD, failed: 4 },
  before: {
    summary: '5x42 8Mi',
    stacksMapped: '1640Mi',
    stacksResident: '5222Ki',
    highWater: '52Ki',
    memoryUsed: '123Mi',
  },
  after: {
    summary: '5x42 512Ki',
    stacksMapped: '104960Ki',
    stacksResident: '5Mi',
    highWater: '48Ki',
    memoryUsed: '121Mi',
  },
  charged: mib(133),
  history: { verdict: 'Verified', message: 'no harm', expectedMemory: '110Mi', measuredMemory: '99Mi' },
  applied: 'True/UpToDate',
  events: [{ time: '2026-01-02T03:04:05Z', type: 'Normal', reason: 'Verified', message: 'no harm was seen' }],
};

export const PUT_BACK: PutBack = {
  workload: 'web-64k',
  spec: { ...TARGET, bounds: { threadStackSize: { min: '64Ki', allowBelowFloor: true } } },
  from: '2x10 8Mi',
  to: '2x10 64Ki',
  warnings: ['Stack: 64Ki; allowBelowFloor: this is below 512Ki.'],
  diff: '@@ -8,0 +9 @@\n+threads-stacksize = 64\n',
  deaths: Array.from({ length: 6 }, (_, index) => ({
    pod: index % 2 === 0 ? 'web-64k-a' : 'web-64k-b',
    line: `DAMN ! worker ${index} (pid: ${index + 7}) died, killed by signal 11 :( trying respawn ...`,
    signal: 11,
  })),
  podsText: 'NAME        READY   STATUS    RESTARTS   AGE\nweb-64k-a   1/1     Running   0          5s\n',
  secondsToOldText: 0.74,
  secondsToVerdict: 5.26,
  history: { from: '2x10 8Mi', verdict: 'PutBack', reason: 'WorkerKilledBySignal' },
  rejected: { lesson: 'StackTooSmall', threadStackSize: '64Ki', image: 'example/web:7' },
  held: { status: 'False', reason: 'TooSoon', message: 'minInterval = 1h' },
  next: '2x10 128Ki',
  events: [{ time: '2026-01-02T03:04:05Z', type: 'Warning', reason: 'PutBack', message: 'worker deaths' }],
};
