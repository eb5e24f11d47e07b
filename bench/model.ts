/**
 * The memory that is predicted for a shape (processes x threads) against what it needs: run by hand as root,
 * `node bench/model.ts [--quick] [-o json]`. About nine minutes; --quick about five.
 *
 * Real uWSGI in memory cgroups, from both test images. Every pod runs alone, under the same load per connection; the
 * first shape, and then the first two, are what the others are predicted from.
 */
import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Sample } from '../src/core/memory/sample.ts';
import type { Shape } from '../src/core/recommend/growth.ts';
import type { ImageName } from '../test/cluster/index.ts';
import { Pod } from './model/pod.ts';
import type { Observation } from './model/predict.ts';
import { renderReport, reportOf, type Report } from './model/report.ts';
import { unpackImage } from './model/root.ts';

const IMAGES: readonly ImageName[] = ['uwsgi-bookworm', 'uwsgi-forky'];
const FIRST: Shape = { processes: 4, threads: 20 };
/** The workload's own second point. */
const SECOND: Shape = { processes: 4, threads: 40 };
const OTHERS: readonly (readonly [number, number])[] = [
  [2, 20],
  [6, 20],
  [2, 10],
  [4, 10],
  [8, 10],
  [1, 40],
  [2, 40],
  [2, 60],
  [2, 30],
];
const QUICK: readonly (readonly [number, number])[] = [
  [6, 20],
  [8, 10],
  [2, 40],
];
/** Pods of the first two shapes, the operator's default of sampling.maxPods: workers of one pod differ by a few per cent. */
const PODS = 3;
/** Work of a few hundred KiB, then a wait so long that the cores are never short: workers grow when they are. */
const PATH = '/work?ms=3000';
const LOAD_SECONDS = 14;
const SAMPLES = 5;
const EVERY_MS = 1000;

async function observe(root: string, shape: Shape): Promise<Observation> {
  const pod = await Pod.start(root, shape);
  try {
    const connections = shape.processes * shape.threads;
    const load = pod.load(connections, LOAD_SECONDS, PATH);
    // An early end of the load is told by the await below.
    load.catch(() => undefined);
    await sleep(LOAD_SECONDS * 1000 - SAMPLES * EVERY_MS);
    const samples: Sample[] = [];
    const measured: number[] = [];
    for (let count = 0; count < SAMPLES; count += 1) {
      const next = sleep(EVERY_MS);
      // Before the sampler is there: its own memory is in the samples only.
      measured.push(await pod.measured());
      samples.push(await pod.sample());
      await next;
    }
    const { ok, failed } = await load;
    if (failed > 0) throw new Error(`${shape.processes} x ${shape.threads}: ${failed} requests failed, allowed: 0`);
    measured.sort((a, b) => a - b);
    return { ...shape, samples, served: ok / connections, measured: measured[Math.floor(measured.length / 2)] ?? NaN };
  } finally {
    await pod.end();
  }
}

/** One pod after the other as samples of one workload; the usage is that of the average pod. */
async function observePods(root: string, shape: Shape, pods: number): Promise<Observation> {
  const each: Observation[] = [];
  for (let count = 0; count < pods; count += 1) each.push(await observe(root, shape));
  const average = (read: (one: Observation) => number): number => each.reduce((sum, one) => sum + read(one), 0) / pods;
  return {
    ...shape,
    samples: each.flatMap(({ samples }) => samples),
    served: average(({ served }) => served),
    measured: average(({ measured }) => measured),
  };
}

async function measureImage(image: ImageName, shapes: readonly Shape[]): Promise<Report> {
  const root = await unpackImage(image);
  const observations: Observation[] = [];
  for (const [index, shape] of shapes.entries()) {
    process.stderr.write(`${image}: ${shape.processes} x ${shape.threads} (${index + 1} of ${shapes.length})\n`);
    observations.push(await observePods(root, shape, index < 2 ? PODS : 1));
  }
  return reportOf(image, observations);
}

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, output: { type: 'string', short: 'o', default: 'text' } },
});
if (values.output !== 'text' && values.output !== 'json') {
  process.stderr.write(`bench/model.ts: -o ${values.output}, allowed: text, json\n`);
  process.exit(2);
}
if (process.getuid?.() !== 0) {
  process.stderr.write('bench/model.ts: needs root (namespaces, cgroups, mounts)\n');
  process.exit(1);
}
// What else runs here must not take the processor: pods, load and sampler inherit this. Needs CAP_SYS_NICE.
setPriority(-20);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const others = (values.quick ? QUICK : OTHERS).map(([processes, threads]) => ({ processes, threads }));
const reports: Report[] = [];
for (const image of IMAGES) {
  const report = await measureImage(image, [FIRST, SECOND, ...others]);
  reports.push(report);
  if (values.output === 'text') process.stdout.write(renderReport(report));
}
if (values.output === 'json') process.stdout.write(`${JSON.stringify(reports, null, 2)}\n`);
