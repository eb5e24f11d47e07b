/**
 * A status, a spec, a saved copy and a cluster that anybody may have edited: decided without an exception, into a status
 * that the API server stores, that is not written again and again, and with no write that the stored status does not
 * announce.
 */
import fc from 'fast-check';
import type { Change, TuningStatus, UwsgiTuning } from '../../../src/api/uwsgi-tuning.ts';
import { validateTuning, withoutSpec } from '../../../src/api/validate.ts';
import { decide } from '../../../src/core/decide/decide.ts';
import { hashText } from '../../../src/core/decide/hash.ts';
import { NO_SIGNS } from '../../../src/core/decide/log-patterns.ts';
import type { Snapshot } from '../../../src/core/decide/snapshot.ts';
import { kib, mib } from '../../../src/core/quantity.ts';
import { addSample, decodeDigest, emptyDigest, encodeDigest } from '../../../src/core/recommend/digest.ts';
import { readConfig } from '../../../src/core/uwsgi/reading.ts';
import { change, configMap, pod, START, workload } from '../../core/decide/builders.ts';
import { sample, tuning } from '../../support/builders.ts';
import { refusedStatus } from '../api-oracle.ts';
import { edited, edits } from '../json.ts';
import { law, subject } from '../subject.ts';

const OLD = '[uwsgi]\nprocesses = 4\nthreads = 20\n';
const NEW = `${OLD}threads-stacksize = 512\n`;
const TEXTS = [
  OLD,
  NEW,
  `# by hand\n${NEW}`,
  '[uwsgi]\nprocesses = 9\n',
  '[uwsgi]\nprocesses = $(P)\n',
  '',
  '\u{1f600}=\0\n',
];
const NOW = START + 300_000;
const TIME = new Date(START).toISOString();

const flying: Change = change({ oldHash: hashText(OLD), newHash: hashText(NEW) });
const putBack = {
  reason: 'WorkerDied',
  message: '1 worker died',
  since: TIME,
  deadline: new Date(START + 600_000).toISOString(),
};
const SAMPLE = sample({ processes: 4, threads: 20, stack: kib(8192), takenAt: NOW, podUid: 'pod-1' });
const digest = encodeDigest(addSample(emptyDigest(), SAMPLE, { image: 'shop/web:1', nowMs: START }));
const CONDITION = {
  status: 'True',
  reason: 'Measured',
  message: 'the pods are measured',
  lastTransitionTime: TIME,
  observedGeneration: 1,
};
const PLAIN = {
  observedGeneration: 1,
  conditions: [
    { ...CONDITION, type: 'Ready' },
    { ...CONDITION, type: 'Stalled', status: 'False' },
  ],
  current: { processes: 4, threads: 20, threadStackSize: '8Mi', summary: '4x20 8Mi' },
  limit: { limit: '1Gi', source: 'cgroup' },
  recommendation: { processes: 4, threads: 20, threadStackSize: '512Ki', summary: '4x20 512Ki', confidence: '0.10' },
  budget: [{ name: 'master', bytes: 1, expectedBytes: 1, provenance: 'measured' }],
  sample: { tier: 'smaps', time: TIME, pods: 1, digest },
  rejected: [
    {
      time: TIME,
      image: 'shop/web:1',
      generation: 1,
      lesson: 'OutOfMemory',
      reason: 'OOMKilled',
      message: 'x',
      processes: 8,
      threads: 20,
    },
  ],
  history: [
    {
      id: 'change-0',
      startedAt: TIME,
      finishedAt: TIME,
      from: '4x20 8Mi',
      to: '4x20 1Mi',
      verdict: 'PutBack',
      reason: 'WorkerDied',
      message: 'x',
    },
  ],
} as unknown as TuningStatus;
const STATUSES: readonly TuningStatus[] = [
  {},
  PLAIN,
  { ...PLAIN, change: flying },
  { ...PLAIN, change: { ...flying, rolledOutAt: new Date(START + 60_000).toISOString() } },
  { ...PLAIN, change: { ...flying, direction: 'PutBack', putBack } },
  { change: { ...flying, direction: 'PutBack', putBack: { ...putBack, failed: true, image: 'shop/web:1' } } },
];
const SPECS = [
  { updatePolicy: { mode: 'Patch', minInterval: '1h' }, sampling: { minSamples: 1, minObservation: '0s' } },
  {
    objective: 'MaximizeConcurrency',
    bounds: { processes: { min: 2, max: 16 }, threads: { max: 40 }, threadStackSize: { min: '256Ki', max: '1Gi' } },
    memory: { limit: '512Mi' },
  },
  { bounds: { controlled: ['Threads'] }, memory: { stackCharge: 'Reserved', headroomPercent: 90, limit: '1Mi' } },
];
const HASHES = [null, flying.newHash ?? '', `${flying.newHash ?? ''}-2`, flying.oldHash ?? '', 'x'];

const input = fc.record({
  status: fc.tuple(fc.nat({ max: STATUSES.length - 1 }), edits),
  spec: fc.tuple(fc.nat({ max: SPECS.length - 1 }), fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, edits)),
  text: fc.option(fc.constantFrom(...TEXTS), { freq: 8 }),
  saved: fc.option(
    fc.record({ text: fc.constantFrom(...TEXTS), hash: fc.constantFrom(flying.oldHash ?? '', 'x', '') }),
    { freq: 4 },
  ),
  configHash: fc.constantFrom(...HASHES),
  podHash: fc.constantFrom(...HASHES),
  target: fc.option(
    fc.record({
      replicas: fc.nat({ max: 60 }),
      updated: fc.nat({ max: 3 }),
      paused: fc.boolean(),
      limit: fc.constantFrom(null, mib(1024), mib(16)),
    }),
    { freq: 9 },
  ),
  pods: fc.array(
    fc.record({
      ready: fc.boolean(),
      terminating: fc.boolean(),
      restarts: fc.nat({ max: 1 }),
      startedAt: fc.constantFrom(null, START - 1000, START + 1000, NOW),
    }),
    { maxLength: 3 },
  ),
  measured: fc.boolean(),
  evidence: fc.option(
    fc.record({
      oomKills: fc.nat({ max: 1 }),
      deaths: fc.constantFrom({}, { '11': 1 }, { '9': 2 }),
      started: fc.boolean(),
      stackKib: fc.constantFrom(null, 512, 99),
    }),
  ),
  deleted: fc.boolean(),
  later: fc.constantFrom(0, 10_000, 3_600_000, 864_000_000),
});

/** Most status writes in a row at one moment: a plan, its end, and what both leave behind. */
const MOST_WRITES = 8;

export const statuses = subject('status', 10, input, (value) => {
  const [statusBase, statusEdits] = value.status;
  const [specBase, specEdits] = value.spec;
  const status = edited(STATUSES[statusBase] ?? {}, statusEdits);
  const object = tuning(SPECS[specBase], {});
  const raw = { ...object, spec: edited(object.spec, specEdits), status };
  const validation = validateTuning(raw);
  const read = validation.ok ? { ...validation.tuning, metadata: raw.metadata } : withoutSpec(raw);
  const subjectOf = withMarks(read, value.deleted);
  const now = NOW + value.later;
  const stored = refusedStatus(read.status ?? {}) === null;
  let snapshot: Snapshot = {
    ...clusterOf(value, now),
    digest: decodeDigest(read.status?.sample?.digest),
    tuning: subjectOf,
    problems: validation.ok ? [] : validation.problems,
  };
  for (let writes = 0; ; writes++) {
    const decision = decide(snapshot, now);
    law(
      Number.isFinite(decision.requeueAfterMs) && decision.requeueAfterMs >= 0,
      `looks again in ${decision.requeueAfterMs} ms`,
    );
    if (decision.status === null) {
      checkAction(snapshot, decision.action);
      return;
    }
    const refused = refusedStatus(decision.status);
    law(!stored || refused === null, `the API server refuses the status: ${String(refused)}`);
    law(writes < MOST_WRITES, 'the status is written again and again');
    const next = JSON.parse(JSON.stringify(decision.status)) as TuningStatus;
    snapshot = { ...snapshot, tuning: { ...snapshot.tuning, status: next } };
  }
});

function withMarks(read: UwsgiTuning, deleted: boolean): UwsgiTuning {
  const finalizers = ['uwsgi-tuner.dev/change-in-flight'];
  return deleted ? { ...read, metadata: { ...read.metadata, deletionTimestamp: TIME, finalizers } } : read;
}

type Input = typeof input extends fc.Arbitrary<infer T> ? T : never;

function clusterOf(value: Input, now: number): Omit<Snapshot, 'tuning' | 'problems' | 'digest'> {
  const { target, text, saved, evidence } = value;
  const pods = value.pods.map((overrides, index) =>
    pod({
      ...overrides,
      name: `web-${index}`,
      uid: `pod-${index}`,
      containerId: `container-${index}`,
      configHash: value.podHash,
    }),
  );
  const measured = { ...SAMPLE, takenAt: now, podUid: 'pod-0', pod: 'web-0' };
  return {
    readOnly: false,
    frozen: false,
    terminating: false,
    duplicateOf: null,
    otherChange: null,
    workload:
      target === null
        ? null
        : workload({
            ...target,
            total: target.replicas,
            available: target.replicas,
            configHash: value.configHash,
            candidates: [{ name: 'app', image: 'shop/web:1', memoryLimit: target.limit }],
          }),
    configMap: text === null ? null : configMap({ text }),
    saved: saved === null ? null : { ...saved, key: 'uwsgi.ini', configMapUid: 'configmap-1' },
    pods,
    round: value.measured ? { at: now, samples: [measured], failures: [] } : null,
    verifySamples: value.measured
      ? pods.map(({ containerId }) => ({ containerId, since: now, at: now, sample: measured, failure: null }))
      : [],
    preflight: {
      at: now,
      configMapUid: 'configmap-1',
      key: 'uwsgi.ini',
      otherUsers: [],
      failure: null,
      baseline: { podMinutes: 10, workerDeaths: 0, failedRequests: 0 },
    },
    evidence:
      evidence === null
        ? []
        : pods.map(({ uid, containerId }) => ({
            podUid: uid,
            containerId,
            log: { ...NO_SIGNS, started: evidence.started, deaths: evidence.deaths, stackKib: evidence.stackKib },
            probe: { at: now, oomKills: evidence.oomKills, respawns: 0 },
          })),
  };
}

/** A write of the config or of the pods needs a change that is stored; a text that is written is the old one or is proven. */
function checkAction(snapshot: Snapshot, action: ReturnType<typeof decide>['action']): void {
  if (action === null || action.kind === 'Sample' || action.kind === 'Preflight' || action.kind === 'RemoveFinalizer')
    return;
  const stored = snapshot.tuning.status?.change;
  law(stored !== undefined, `${action.kind} without a change in status`);
  if (action.kind !== 'WriteText') return;
  law(action.text !== snapshot.configMap?.text, 'writes the text that is there');
  if (stored.direction === 'PutBack') return;
  const { to } = stored;
  const reading = readConfig(action.text, { format: 'Ini', section: stored.configMap?.section ?? 'uwsgi' });
  law(
    hashText(action.text) === stored.newHash && reading.threads.value === to?.threads,
    'writes another text than the plan',
  );
}
