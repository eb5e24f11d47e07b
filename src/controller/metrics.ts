/** Metrics for Prometheus: the names dashboards for controller-runtime and its workqueue know, and our own. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { WorkQueue, WorkQueueObserver } from './workqueue.ts';

/** What the age metric reads of a reflector. */
export interface Reflected {
  readonly lastEventAgeMs: number;
}

/** What a tuning counts as. */
export interface TuningLabels {
  readonly mode: string;
  /** True, False or Unknown. */
  readonly ready: string;
}

/** Buckets of client-go's workqueue, seconds. */
const QUEUE_BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];
/** Seconds; a reconcile that samples takes as long as its execs. */
const RECONCILE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60];
const EXEC_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30];

/** All metrics. Durations are seconds. */
export type Metrics = ReturnType<typeof createMetrics>;

/** Metrics in a registry of their own. `controller` names ours in shared metrics. */
export function createMetrics(controller = 'uwsgituning') {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter<L>({ name, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> =>
    new Gauge<L>({ name, help, labelNames, registers });
  const histogram = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    buckets: number[],
  ): Histogram<L> => new Histogram<L>({ name, help, labelNames, buckets, registers });

  const metrics = {
    registry,
    controller,
    /** result: success, error, requeue, requeue_after. */
    reconcileTotal: counter('controller_runtime_reconcile_total', 'Reconciles by result.', ['controller', 'result']),
    reconcileErrors: counter('controller_runtime_reconcile_errors_total', 'Reconciles that failed.', ['controller']),
    reconcileTime: histogram(
      'controller_runtime_reconcile_time_seconds',
      'Time of one reconcile in seconds.',
      ['controller'],
      RECONCILE_BUCKETS,
    ),
    activeWorkers: gauge('controller_runtime_active_workers', 'Reconciles running now.', ['controller']),
    maxConcurrentReconciles: gauge(
      'controller_runtime_max_concurrent_reconciles',
      'Most reconciles at the same time.',
      ['controller'],
    ),
    leader: gauge('leader_election_master_status', '1 while this process holds the lease, else 0.', ['name']),
    restRequests: counter('rest_client_requests_total', 'Answers of the API server by status; <error> for none.', [
      'code',
      'method',
    ]),
    execTime: histogram(
      'uwsgi_tuner_exec_duration_seconds',
      'Time of one exec in a pod in seconds, by how it ended.',
      ['result'],
      EXEC_BUCKETS,
    ),
    relists: counter('uwsgi_tuner_relists_total', 'Full lists of a kind, by why.', ['kind', 'reason']),
    changes: counter('uwsgi_tuner_changes_total', 'Changes of a workload that ended, by verdict.', ['verdict']),
    putBacks: counter('uwsgi_tuner_put_backs_total', 'Configs put back, by reason.', ['reason']),
    buildInfo: gauge('uwsgi_tuner_build_info', 'Always 1; the version is a label.', ['version']),
  };
  const queues = queueMetrics(controller, registry);
  let countedTunings: () => Iterable<TuningLabels> = () => [];
  new Gauge({
    name: 'uwsgi_tuner_tunings',
    help: 'UwsgiTunings by mode and Ready.',
    labelNames: ['mode', 'ready'],
    registers,
    collect() {
      this.reset();
      for (const labels of countedTunings()) this.inc({ ...labels });
    },
  });
  const watches = new Map<string, Reflected>();
  new Gauge({
    name: 'uwsgi_tuner_watch_last_event_age_seconds',
    help: 'Seconds since the API server last said anything about a kind: list, event or bookmark.',
    labelNames: ['kind'],
    registers,
    collect() {
      for (const [kind, { lastEventAgeMs }] of watches) this.set({ kind }, lastEventAgeMs / 1000);
    },
  });

  return {
    ...metrics,
    /** Makes the queue's observer; `bind` it once the queue exists. */
    observeQueue: queues,
    /** Shows the age of what `reflector` last heard. */
    observeReflector: (kind: string, reflector: Reflected): void => {
      watches.set(kind, reflector);
    },
    /** Counts what `tunings` gives at each scrape: counting at each change would cost as much as there are tunings. */
    observeTunings: (tunings: () => Iterable<TuningLabels>): void => {
      countedTunings = tunings;
    },
    /** For `TransportOptions.onAnswer`. */
    onAnswer: (method: string, status: number | null): void => {
      metrics.restRequests.inc({ method, code: status === null ? '<error>' : String(status) });
    },
  };
}

/** The workqueue's metrics under one name. */
export interface QueueMetrics {
  readonly observer: WorkQueueObserver;
  /** Lets scrapes read depth and unfinished work from `queue`. */
  bind<K>(queue: WorkQueue<K>): void;
}

function queueMetrics(controller: string, registry: Registry): (name?: string) => QueueMetrics {
  const registers = [registry];
  const labelNames = ['name', 'controller'];
  const adds = new Counter({ name: 'workqueue_adds_total', help: 'Keys added.', labelNames, registers });
  const retries = new Counter({
    name: 'workqueue_retries_total',
    help: 'Keys added after a failure.',
    labelNames,
    registers,
  });
  const buckets = QUEUE_BUCKETS;
  const waited = new Histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'Seconds a key waited before it was taken.',
    labelNames,
    buckets,
    registers,
  });
  const worked = new Histogram({
    name: 'workqueue_work_duration_seconds',
    help: 'Seconds the work on a key took.',
    labelNames,
    buckets,
    registers,
  });
  const bound = new Map<string, WorkQueue<never>>();
  const live = (name: string, help: string, read: (queue: WorkQueue<never>) => number): void => {
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        for (const [queueName, queue] of bound) this.set({ name: queueName, controller }, read(queue));
      },
    });
  };
  const seconds = (ms: readonly number[]): number[] => ms.map((each) => each / 1000);
  live('workqueue_depth', 'Keys that wait.', (queue) => queue.depth);
  live('workqueue_unfinished_work_seconds', 'Seconds of all work now under way, added up.', (queue) =>
    seconds(queue.unfinishedMs()).reduce((sum, each) => sum + each, 0),
  );
  live('workqueue_longest_running_processor_seconds', 'Seconds of the longest work now under way.', (queue) =>
    Math.max(0, ...seconds(queue.unfinishedMs())),
  );
  return (name = controller) => {
    const labels = { name, controller };
    return {
      observer: {
        added: () => {
          adds.inc(labels);
        },
        retried: () => {
          retries.inc(labels);
        },
        taken: (ms) => {
          waited.observe(labels, ms / 1000);
        },
        finished: (ms) => {
          worked.observe(labels, ms / 1000);
        },
      },
      bind: (queue) => {
        bound.set(name, queue as unknown as WorkQueue<never>);
      },
    };
  };
}
