/** The running controller: everything wired together, started, and ended in order. */
import { randomUUID } from 'node:crypto';
import { keyOf, type UwsgiTuning } from '../api/uwsgi-tuning.ts';
import { sleep, systemClock, type Clock } from '../cluster/clock.ts';
import type { Credentials } from '../cluster/credentials.ts';
import { isClusterError } from '../cluster/errors.ts';
import { EventRecorder } from '../cluster/events.ts';
import { ExecLimiter } from '../cluster/exec-limiter.ts';
import { leaseAccess } from '../cluster/lease.ts';
import { followLog } from '../cluster/logs.ts';
import { Reflector } from '../cluster/reflector.ts';
import { ServerClock } from '../cluster/server-clock.ts';
import { createTransport, type Transport } from '../cluster/transport.ts';
import { createWriter } from '../cluster/writers.ts';
import { tunings } from './act.ts';
import { changeOfOther, isNews, olderTwin, tuningSkeleton } from './duplicates.ts';
import { publishEvents } from './event-notes.ts';
import type { GuardSources } from './guard.ts';
import { reflectorMoves, reflectorSynced, startHealthServer } from './health.ts';
import { electionIdentity, LeaderElector } from './leader-election.ts';
import type { Logger } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { Reconciler } from './reconciler.ts';
import { Sampler } from './sampler.ts';
import { labelsOf, recordStatus } from './status-metrics.ts';
import { WorkQueue } from './workqueue.ts';

export interface ControllerSettings {
  readonly credentials: Credentials;
  /** Watched namespaces; empty: all. */
  readonly namespaces: readonly string[];
  readonly readOnly: boolean;
  /** Port of /healthz, /readyz and /metrics; null: none. */
  readonly port: number | null;
  readonly host?: string;
  readonly leaseNamespace: string;
  readonly leaseName: string;
  /** Reconciles at the same time. */
  readonly workers: number;
  readonly logger: Logger;
  readonly version: string;
}

/**
 * Requests to the API server but the lease's. A new tuning costs seven and two execs, one at rest four per interval: this
 * is enough for 20 new tunings a second, and for 10,000 at rest.
 */
const RATE_LIMIT = { perSecond: 200, burst: 300 };
/** How long work under way may take to end. */
const DRAIN_MS = 25_000;
/** Who else tunes a workload is known once all tunings are listed; a namespace that cannot be listed holds nobody up for long. */
const LIST_PATIENCE_MS = 30_000;
const UNLISTED_MS = 200;
/** A followed log that says nothing for so long is opened anew: its connection may be dead. */
const QUIET_LOG_MS = 30_000;
/** Longest time between two looks at a tuning, however long its interval. */
const LONGEST_WAIT_MS = 600_000;

/** Runs until `signal` fires; resolves when everything has ended and the lease is given back. */
export async function runController(settings: ControllerSettings, signal: AbortSignal): Promise<void> {
  const { logger } = settings;
  const metrics = createMetrics();
  metrics.buildInfo.set({ version: settings.version }, 1);
  metrics.maxConcurrentReconciles.set({ controller: metrics.controller }, settings.workers);
  const clock = new ServerClock();
  const transport = createTransport(settings.credentials, {
    onAnswer: metrics.onAnswer,
    onDate: (date, sentAt, answeredAt) => {
      clock.observe(date, sentAt, answeredAt);
    },
    userAgent: `uwsgi-tuner/${settings.version}`,
    rateLimit: RATE_LIMIT,
  });
  const queueMetrics = metrics.observeQueue();
  const queue = new WorkQueue({ observer: queueMetrics.observer });
  queueMetrics.bind(queue);
  const reflector = new Reflector<UwsgiTuning>(transport, {
    resource: tunings,
    namespaces: settings.namespaces.length > 0 ? settings.namespaces : undefined,
    transform: tuningSkeleton,
    onChange: (key, before, after) => {
      if (isNews(before, after)) queue.add(key);
    },
    onList: (reason) => {
      metrics.relists.inc({ kind: 'UwsgiTuning', reason });
    },
    onError: (error) => {
      logger.warn('watch failed and starts again', { kind: 'UwsgiTuning', error });
    },
  });
  metrics.observeReflector('UwsgiTuning', reflector);
  metrics.observeTunings(() => Array.from(reflector.values(), labelsOf));
  const elector = new LeaderElector(leaseAccess(transport, settings.leaseNamespace, settings.leaseName), {
    clock,
    identity: electionIdentity(process.env),
    onLeading: () => {
      metrics.leader.set({ name: settings.leaseName }, 1);
      logger.info('leads');
      for (const tuning of reflector.values()) queue.add(keyOf(tuning.metadata));
    },
    onLost: (reason) => {
      metrics.leader.set({ name: settings.leaseName }, 0);
      reconciler.stop();
      logger.warn('no longer leads', { reason });
    },
    onError: (error) => {
      logger.warn('lease cannot be read or written', { error });
    },
  });
  const reconciler = buildReconciler({ settings, transport, clock, metrics, reflector, elector, queue });
  const server =
    settings.port === null
      ? null
      : await startHealthServer({
          port: settings.port,
          ...(settings.host === undefined ? {} : { host: settings.host }),
          live: [reflectorMoves('UwsgiTuning', reflector)],
          ready: [reflectorSynced('UwsgiTuning', reflector)],
          registry: metrics.registry,
        });
  logger.info('started', { version: settings.version, ...(server === null ? {} : { port: server.port }) });
  let listed = false;
  const list = Promise.race([reflector.start(), sleep(LIST_PATIENCE_MS, systemClock, signal)]);
  const done = (): void => {
    listed = true;
  };
  list.then(done, done);
  elector.start();
  const working = queue.run(settings.workers, (key) =>
    work(key, { elector, reconciler, queue, metrics, logger, isListed: () => listed }),
  );
  await aborted(signal);
  logger.info('stops');
  await queue.drain(DRAIN_MS);
  reconciler.stop();
  await reflector.stop();
  await elector.stop();
  await server?.close();
  await transport.close();
  await Promise.race([working, sleep(1000, systemClock)]);
  logger.info('stopped');
}

interface Parts {
  readonly settings: ControllerSettings;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly reflector: Reflector<UwsgiTuning>;
  readonly elector: LeaderElector;
  readonly queue: WorkQueue;
}

function buildReconciler({ settings, transport, clock, metrics, reflector, elector, queue }: Parts): Reconciler {
  const { logger } = settings;
  const writer = createWriter(transport, {
    fence: () => {
      elector.assertLeading();
    },
  });
  const recorder = new EventRecorder(transport, writer, {
    clock,
    instance: process.env['POD_NAME'] ?? randomUUID(),
    onError: (error) => {
      logger.debug('event not written', { error });
    },
  });
  const sampler = new Sampler(transport, new ExecLimiter(), clock, (result, seconds) => {
    metrics.execTime.observe({ result }, seconds);
  });
  const guardSources = (tuning: UwsgiTuning, container: string): GuardSources => {
    const namespace = tuning.metadata.namespace ?? '';
    return {
      follow: (pod, listener, signal) =>
        followLog(transport, { namespace, pod, container }, { ...listener, signal, idleTimeoutMs: QUIET_LOG_MS }),
      probe: (watched, signal) => sampler.probe({ namespace, container }, watched, signal),
      isForbidden: (error) => isClusterError(error, 'Forbidden'),
      onNews: () => {
        queue.add(keyOf(tuning.metadata));
      },
      now: () => clock.wall(),
      sleep: (ms, signal) => sleep(ms, systemClock, signal),
    };
  };
  return new Reconciler({
    transport,
    writer,
    sampler,
    guardSources,
    readOnly: settings.readOnly,
    now: () => clock.wall(),
    duplicateOf: (tuning) => olderTwin(tuning, reflector.values()),
    otherChange: (tuning) => changeOfOther(tuning, reflector.values()),
    publish: (events, tuning, workload) => {
      for (const event of events) {
        logger.info('transition', { key: keyOf(tuning.metadata), reason: event.reason, status: event.message });
      }
      publishEvents(recorder, events, tuning, workload);
    },
    onStatus: (_tuning, before, after) => {
      recordStatus(metrics, before, after);
    },
  });
}

interface Work {
  readonly elector: LeaderElector;
  readonly reconciler: Reconciler;
  readonly queue: WorkQueue;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly isListed: () => boolean;
}

/** One key: never rejects, so that no fault of one tuning ends the loop of all. */
async function work(key: string, { elector, reconciler, queue, metrics, logger, isListed }: Work): Promise<void> {
  const { controller } = metrics;
  const term = elector.term;
  // Whoever begins to lead adds every key again.
  if (term === null) return;
  if (!isListed()) {
    queue.addAfter(key, UNLISTED_MS);
    return;
  }
  metrics.activeWorkers.inc({ controller });
  const stopTimer = metrics.reconcileTime.startTimer({ controller });
  try {
    const wait = await reconciler.reconcile(key, term);
    queue.forget(key);
    if (wait !== null) queue.addAfter(key, Math.min(wait, LONGEST_WAIT_MS));
    metrics.reconcileTotal.inc({ controller, result: wait === null ? 'success' : 'requeue_after' });
  } catch (error) {
    const waitMs = queue.addRateLimited(key);
    const result = isClusterError(error, 'Conflict', 'Aborted') ? 'requeue' : 'error';
    metrics.reconcileTotal.inc({ controller, result });
    if (result === 'error') {
      metrics.reconcileErrors.inc({ controller });
      logger.error('reconcile failed', { key, error, waitMs });
    }
  } finally {
    stopTimer();
    metrics.activeWorkers.dec({ controller });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else {
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
    }
  });
}
