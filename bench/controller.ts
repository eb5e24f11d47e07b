/**
 * What the controller costs beside a real API server, by the number of tunings: run by hand, `node bench/controller.ts`.
 *
 * The operator is the bundle of `npm run build`, run as the image runs it, with the chart's rights. Its pods are made up
 * (test/support/fake-node): exec goes through the API server to a kubelet that answers at once, so what is measured is
 * the operator and not the sampler. Each size has a control plane of its own. They are filled one after the other, rest
 * side by side for one sampling interval, and lose their API server one after the other.
 */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startControlPlane } from '../test/cluster/index.ts';
import { installRights } from '../test/support/operator-process.ts';
import { waitFor } from '../test/support/wait.ts';
import { createTunings, startFleet, type Fleet } from './controller/fleet.ts';
import { ImageProcess } from './controller/image-process.ts';
import { report, type Figures } from './controller/report.ts';
import { cpuSeconds, requestsBetween, residentBytes, watchProcess } from './controller/usage.ts';

const ROOT = join(import.meta.dirname, '..');
const CREATES_PER_SECOND = 20;
/** The default spec.sampling.interval: in this time each tuning is measured once. */
const REST_SECONDS = 300;
/** Longer than the lease, so that leading is lost and everything is measured anew. */
const OUTAGE_SECONDS = 30;
const EDITED = 10;

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '25,250,1000' },
    rest: { type: 'string', default: String(REST_SECONDS) },
    'no-outage': { type: 'boolean', default: false },
    'node-flag': { type: 'string', multiple: true, default: [] },
  },
});
const sizes = options.sizes.split(',').map(Number);
const restSeconds = Number(options.rest);
const begun = performance.now();

function say(text: string): void {
  process.stderr.write(`${((performance.now() - begun) / 1000).toFixed(0).padStart(4)} s  ${text}\n`);
}

interface Run {
  readonly size: number;
  readonly fleet: Fleet;
  readonly operator: ImageProcess;
  readonly keys: readonly string[];
  figures: Figures;
}

/** One control plane with its workloads, the operator, and all tunings recommended for. */
async function fill(size: number): Promise<Run> {
  const about = (text: string): void => {
    say(`${size} tunings: ${text}`);
  };
  const cluster = await startControlPlane();
  await installRights(cluster);
  const fleet = await startFleet(cluster, size, about);
  const operator = await ImageProcess.start(cluster, options['node-flag']);
  await waitFor('the lease', () => Promise.resolve(operator.log.includes('leads') ? true : null), {
    timeoutMs: 60_000,
    describe: () => Promise.resolve(operator.log),
  });
  await sleep(5_000);
  about('create');
  const cpuBefore = cpuSeconds(operator.pid);
  const since = Date.now();
  const sent = await createTunings(fleet.workloads, CREATES_PER_SECOND);
  await waitFor(
    'all recommendations',
    () => {
      const done = [...sent.keys()].filter((key) => fleet.recommendedAt(key, 1) !== undefined).length;
      about(`${done} recommended`);
      return Promise.resolve(done === size ? true : null);
    },
    { timeoutMs: 600_000, everyMs: 2_000, describe: () => Promise.resolve(operator.log.slice(-3000)) },
  );
  const latencies = [...sent].map(([key, at]) => (fleet.recommendedAt(key, 1) ?? NaN) - at).sort((a, b) => a - b);
  await sleep(3_000);
  const requests = await requestsBetween(cluster.auditLog, since, Date.now());
  const create = { latencies, cpuSeconds: cpuSeconds(operator.pid) - cpuBefore, requests };
  return { size, fleet, operator, keys: [...sent.keys()], figures: { size, create } };
}

async function rest(run: Run): Promise<void> {
  const usage = await watchProcess(run.operator.pid, restSeconds);
  const requests = await requestsBetween(run.fleet.cluster.auditLog, usage.since, usage.until);
  const most = residentBytes(run.operator.pid).most;
  run.figures = { ...run.figures, rest: { usage, requests, most } };
}

/** Kills the API server, starts it again, edits some tunings, and waits until they and all pods were dealt with. */
async function outage(run: Run): Promise<void> {
  const { fleet, size, keys } = run;
  say(`${size} tunings: the API server goes away`);
  await fleet.cluster.stopApiServer();
  await sleep(OUTAGE_SECONDS * 1000);
  await fleet.cluster.startApiServer();
  const ready = Date.now();
  const count = Math.min(EDITED, size);
  const edited = fleet.workloads.filter((_, index) => index % Math.ceil(size / count) === 0);
  for (const workload of edited) await workload.patch('tuning', { spec: { memory: { headroomPercent: 16 } } });
  const measured = (): number =>
    [...fleet.node.servers.values()].filter((server) => server.askedAt !== null && server.askedAt > ready).length;
  let allMs = NaN;
  const seen = (): readonly (number | undefined)[] =>
    edited.map(({ namespace, name }) => fleet.recommendedAt(`${namespace}/${name}`, 2));
  await waitFor(
    'every tuning after the outage',
    () => {
      if (Number.isNaN(allMs) && measured() === keys.length * 2) allMs = Date.now() - ready;
      return Promise.resolve(!Number.isNaN(allMs) && seen().every((at) => at !== undefined) ? true : null);
    },
    { timeoutMs: 300_000, everyMs: 100, describe: () => Promise.resolve(`${measured()} pods measured`) },
  );
  const editedMs = Math.max(...seen().map((at) => at ?? NaN)) - ready;
  run.figures = {
    ...run.figures,
    outage: { seconds: OUTAGE_SECONDS, edited: edited.length, editedMs, allMs },
  };
}

for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit(1));
execFileSync(process.execPath, [join(ROOT, 'scripts', 'build.ts')], { stdio: 'ignore' });
const runs: Run[] = [];
try {
  for (const size of [0, ...sizes]) runs.push(await fill(size));
  say(`all rest for ${restSeconds} s`);
  await Promise.all(runs.map(rest));
  if (!options['no-outage']) for (const run of runs.slice(1)) await outage(run);
} finally {
  for (const { operator, fleet } of runs) {
    await operator.stop();
    await fleet.stop();
  }
}
const model = cpus()[0]?.model ?? 'unknown';
process.stdout.write(
  `${cpus().length} x ${model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}, load ${loadavg()[2]?.toFixed(0)}\n`,
);
process.stdout.write(report(runs.map(({ figures }) => figures)));
say('done');
