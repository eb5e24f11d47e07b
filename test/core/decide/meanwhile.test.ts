/**
 * What somebody does at any moment of a change, and how the change then ends: the table "What others do meanwhile" of
 * docs/change-protocol.md, row by row. A cell is: verdict/reason, then the config, the annotation, and the config that
 * the pods run at the end.
 */
import { expect, test } from 'vitest';
import type { Change } from '../../../src/api/uwsgi-tuning.ts';
import { hashText } from '../../../src/core/decide/hash.ts';
import { tuning } from '../../support/builders.ts';
import { INI, World } from './world.ts';

const SPEC = {
  sampling: { interval: '5s', minSamples: 1, minObservation: '0s' },
  updatePolicy: { mode: 'Patch', minChangePercent: 1, verifyWindow: '20s', rolloutTimeout: '2m' },
};
const NEW = INI.replace('threads = 20\n', 'threads = 20\nthreads-stacksize = 512\n');
const COMMENT = '# by somebody\n';
const EDITED = NEW + COMMENT;
const THEIRS = INI.replace('processes = 4', 'processes = 3').replace('threads = 20', 'threads = 10');

const change = (world: World): Change | undefined => world.tuning.status?.change;

/** The moments of a change, in their order. From `decided` on it has done harm and is put back. */
const PHASES = {
  planned: (world: World) => change(world) !== undefined,
  guarded: (world: World) => (world.tuning.metadata.finalizers ?? []).length > 0,
  saved: (world: World) => world.saved !== null,
  written: (world: World) => world.textWrites.length === 1,
  rolling: (world: World) => world.annotation !== null,
  watched: (world: World) => change(world)?.rolledOutAt !== undefined,
  decided: (world: World) => change(world)?.direction === 'PutBack',
  textBack: (world: World) => world.textWrites.length === 2,
  annotationBack: (world: World) => world.annotations.length === 2,
} as const;
type Phase = keyof typeof PHASES;
const HARMED: readonly Phase[] = ['decided', 'textBack', 'annotationBack'];

/** The columns of the table in the docs. A phase of its own name speaks before its column. */
const COLUMNS: Readonly<Record<Phase, Column>> = {
  planned: 'before',
  guarded: 'before',
  saved: 'before',
  written: 'written',
  rolling: 'annotated',
  watched: 'annotated',
  decided: 'puttingBack',
  textBack: 'puttingBack',
  annotationBack: 'puttingBack',
};
type Column = 'before' | 'written' | 'annotated' | 'puttingBack';
type Row = Readonly<Record<Column, string>> & Partial<Readonly<Record<Phase, string>>>;

const VERIFIED = 'Verified/Verified: new hash new';
const PUT_BACK = 'PutBack/WorkerKilledBySignal: old none old';
const GOES_ON: Row = { before: VERIFIED, written: VERIFIED, annotated: VERIFIED, puttingBack: PUT_BACK };

type Event = readonly [name: string, act: (world: World) => void, outcome: Row];

const EVENTS: readonly Event[] = [
  ['does nothing', () => undefined, GOES_ON],
  ['edits the spec', (world) => (world.tuning = respecified(world)), GOES_ON],
  [
    'deletes the tuning',
    (world) => {
      world.deleteTuning();
    },
    {
      before: 'Dropped/TuningDeleted: old none old',
      written: 'PutBack/TuningDeleted: old none old',
      annotated: 'PutBack/TuningDeleted: old none old',
      puttingBack: PUT_BACK,
    },
  ],
  [
    'deletes the namespace',
    (world) => {
      world.terminating = true;
      world.deleteTuning();
    },
    {
      before: 'Superseded/NamespaceTerminating: old none old',
      written: 'Superseded/NamespaceTerminating: new none old',
      annotated: 'Superseded/NamespaceTerminating: new hash new',
      decided: 'Superseded/NamespaceTerminating: new hash new',
      textBack: 'Superseded/NamespaceTerminating: old hash new',
      puttingBack: 'Superseded/NamespaceTerminating: old none old',
    },
  ],
  [
    'deletes the Deployment',
    (world) => {
      world.workloadMissing = true;
      world.pods = [];
      world.annotation = null;
    },
    {
      before: 'PutBack/TargetGone: old none -',
      written: 'PutBack/TargetGone: old none -',
      annotated: 'PutBack/TargetGone: old none -',
      puttingBack: 'PutBack/WorkerKilledBySignal: old none -',
    },
  ],
  [
    'deletes the Deployment and applies it anew',
    (world) => {
      world.replaceWorkload();
    },
    {
      before: 'PutBack/TargetGone: old none old',
      written: 'PutBack/TargetGone: old restarted old',
      annotated: 'PutBack/TargetGone: old restarted old',
      decided: 'PutBack/WorkerKilledBySignal: old restarted old',
      puttingBack: PUT_BACK,
    },
  ],
  [
    'deletes the ConfigMap',
    (world) => (world.configMapMissing = true),
    {
      before: 'Superseded/ConfigMapGone: - none old',
      written: 'Superseded/ConfigMapGone: - none old',
      annotated: 'Superseded/ConfigMapGone: - hash new',
      decided: 'Superseded/ConfigMapGone: - hash new',
      textBack: 'Superseded/ConfigMapGone: - hash new',
      puttingBack: 'Superseded/ConfigMapGone: - none old',
    },
  ],
  [
    'deletes the ConfigMap and applies its old text anew',
    (world) => {
      world.configMapUid = 'configmap-2';
      world.editText(INI);
    },
    {
      before: 'Superseded/ConfigMapGone: old none old',
      written: 'Superseded/ConfigMapGone: old none old',
      annotated: 'Superseded/ConfigMapGone: old hash new',
      puttingBack: PUT_BACK,
    },
  ],
  [
    'edits the pod template',
    (world) => {
      world.startPods();
    },
    GOES_ON,
  ],
  [
    'sets a new image',
    (world) => {
      world.image = 'shop/web:2';
      world.startPods();
    },
    GOES_ON,
  ],
  [
    'edits the config, other lines',
    (world) => {
      world.editText(world.text + COMMENT);
    },
    {
      before: 'Superseded/TextEdited: old+ none old',
      written: 'Verified/Verified: new+ hash new+',
      annotated: 'Verified/Verified: new+ hash new',
      annotationBack: 'PutBack/WorkerKilledBySignal: old+ none old',
      puttingBack: 'PutBack/WorkerKilledBySignal: old+ none old+',
    },
  ],
  [
    'edits the config, our values',
    (world) => {
      world.editText(THEIRS);
    },
    {
      before: 'Superseded/TextEdited: theirs none old',
      written: 'Superseded/TextEdited: theirs none old',
      annotated: 'Superseded/TextEdited: theirs hash new',
      annotationBack: 'PutBack/WorkerKilledBySignal: theirs none old',
      puttingBack: 'PutBack/WorkerKilledBySignal: theirs none theirs',
    },
  ],
  [
    'restores the old config',
    (world) => {
      world.editText(INI);
    },
    {
      before: VERIFIED,
      written: VERIFIED,
      annotated: 'PutBack/TextReverted: old none old',
      puttingBack: PUT_BACK,
    },
  ],
  [
    'scales to 0',
    (world) => {
      world.replicas = 0;
      world.startPods();
    },
    {
      before: 'Dropped/TargetScaledToZero: old none -',
      written: 'PutBack/NoEvidence: old none -',
      annotated: 'PutBack/NoEvidence: old none -',
      puttingBack: 'PutBack/WorkerKilledBySignal: old none -',
    },
  ],
  [
    'scales up, or an HPA does',
    (world) => {
      world.replicas = 4;
      world.pods = [...world.pods, world.newPod(), world.newPod()];
    },
    GOES_ON,
  ],
  [
    'scales down, or an HPA does',
    (world) => {
      world.replicas = 1;
      world.pods = world.pods.slice(0, 1);
    },
    GOES_ON,
  ],
];

function respecified({ tuning: { metadata, spec, ...rest } }: World): World['tuning'] {
  const updatePolicy = { ...spec.updatePolicy, mode: 'Recommend' as const };
  return { ...rest, metadata: { ...metadata, generation: 2 }, spec: { ...spec, updatePolicy } };
}

/** A change at one of its moments. */
function at(phase: Phase): World {
  const world = new World(tuning(SPEC));
  if (HARMED.includes(phase)) {
    world.run(PHASES.rolling);
    world.log = { ...world.log, deaths: { '11': 1 } };
  }
  world.run(PHASES[phase]);
  return world;
}

const TEXTS = new Map([
  [INI, 'old'],
  [INI + COMMENT, 'old+'],
  [NEW, 'new'],
  [EDITED, 'new+'],
  [THEIRS, 'theirs'],
]);

function nameText(text: string | undefined): string {
  return text === undefined ? '-' : (TEXTS.get(text) ?? text);
}

function nameAnnotation(annotation: string | null): string {
  if (annotation === null) return 'none';
  if (annotation === hashText(NEW)) return 'hash';
  return annotation.startsWith(`${hashText(INI)}-`) ? 'restarted' : annotation;
}

/** The change has ended and nothing holds the tuning. */
function settled({ tuning: { status, metadata } }: World): boolean {
  return status?.change === undefined && status?.history !== undefined && (metadata.finalizers ?? []).length === 0;
}

function outcome(world: World): string {
  const { verdict, reason } = world.tuning.status?.history?.[0] ?? {};
  const run = new Set(world.pods.map(({ containerId }) => nameText(world.running.get(containerId))));
  const pods = run.size === 0 ? '-' : [...run].join(' and ');
  const text = nameText(world.configMapMissing ? undefined : world.text);
  return `${verdict ?? ''}/${reason ?? ''}: ${text} ${nameAnnotation(world.annotation)} ${pods}`;
}

const CASES = EVENTS.flatMap(([name, act, row]) =>
  (Object.keys(PHASES) as Phase[]).map((phase) => ({ name, phase, act, expected: row[phase] ?? row[COLUMNS[phase]] })),
);

test.each(CASES)('somebody $name while the change is $phase', ({ act, phase, expected }) => {
  const world = at(phase);
  act(world);
  world.run(settled, 5000);
  expect(outcome(world)).toBe(expected);
  // The saved copy stays: it is the way back for people.
  const wasSaved = phase !== 'planned' && phase !== 'guarded';
  if (wasSaved || world.textWrites.length > 0) expect(world.saved).toMatchObject({ text: INI, hash: hashText(INI) });
  else expect(world.saved).toBeNull();
  // Nobody's doing is taken for the values' fault, and harm stays known.
  const lessons = world.tuning.status?.rejected?.map(({ lesson, reason }) => `${lesson ?? ''}/${reason ?? ''}`) ?? [];
  if (HARMED.includes(phase)) expect(lessons).toEqual(['StackTooSmall/WorkerKilledBySignal']);
  else expect(lessons).toEqual(expected.includes('TextReverted') ? ['Failed/TextReverted'] : []);
  // Then it rests: minInterval has not passed.
  const [start, writes] = [world.now, [world.textWrites.length, world.annotations.length]];
  world.run(({ now }) => now > start + 600_000);
  expect([world.textWrites.length, world.annotations.length]).toEqual(writes);
});
