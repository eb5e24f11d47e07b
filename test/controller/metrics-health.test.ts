import { afterEach, describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/controller/metrics.ts';
import { reflectorMoves, reflectorSynced, startHealthServer, type HealthServer } from '../../src/controller/health.ts';
import { labelsOf } from '../../src/controller/status-metrics.ts';
import { WorkQueue } from '../../src/controller/workqueue.ts';
import { tuning } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';

let server: HealthServer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

async function fetchText(path: string, method = 'GET'): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${server?.port ?? 0}${path}`, { method });
  return { status: response.status, text: await response.text() };
}

describe('metrics', () => {
  it('have the names that dashboards for controller-runtime know', async () => {
    const metrics = createMetrics();
    metrics.reconcileTotal.inc({ controller: metrics.controller, result: 'success' });
    const text = await metrics.registry.metrics();
    for (const name of [
      'controller_runtime_reconcile_total',
      'controller_runtime_reconcile_errors_total',
      'controller_runtime_reconcile_time_seconds',
      'controller_runtime_active_workers',
      'controller_runtime_max_concurrent_reconciles',
      'workqueue_depth',
      'workqueue_adds_total',
      'workqueue_queue_duration_seconds',
      'workqueue_work_duration_seconds',
      'workqueue_unfinished_work_seconds',
      'workqueue_longest_running_processor_seconds',
      'workqueue_retries_total',
      'leader_election_master_status',
      'rest_client_requests_total',
      'uwsgi_tuner_exec_duration_seconds',
      'uwsgi_tuner_watch_last_event_age_seconds',
      'uwsgi_tuner_relists_total',
      'uwsgi_tuner_changes_total',
      'uwsgi_tuner_put_backs_total',
      'uwsgi_tuner_tunings',
    ]) {
      expect(text).toContain(`# TYPE ${name} `);
    }
    expect(text).toContain('controller_runtime_reconcile_total{controller="uwsgituning",result="success"} 1');
  });

  it('count the tunings that there are when they are asked for', async () => {
    const metrics = createMetrics();
    const all = [tuning(), tuning({ updatePolicy: { mode: 'Patch' } })];
    metrics.observeTunings(() => all.map(labelsOf));
    expect(await metrics.registry.metrics()).toContain('uwsgi_tuner_tunings{mode="Patch",ready="Unknown"} 1');
    all.pop();
    const text = await metrics.registry.metrics();
    expect(text).toContain('uwsgi_tuner_tunings{mode="Recommend",ready="Unknown"} 1');
    expect(text).not.toContain('mode="Patch"');
  });

  it('follow a queue, in seconds', async () => {
    const metrics = createMetrics();
    const clock = new FakeClock();
    const queueMetrics = metrics.observeQueue();
    const queue = new WorkQueue({ clock, observer: queueMetrics.observer });
    queueMetrics.bind(queue);
    queue.add('a');
    queue.add('b');
    await clock.advance(2_000);
    await queue.get();
    await clock.advance(3_000);
    queue.addRateLimited('a');
    const text = await metrics.registry.metrics();
    const labels = '{name="uwsgituning",controller="uwsgituning"}';
    expect(text).toContain(`workqueue_depth${labels} 1`);
    expect(text).toContain(`workqueue_adds_total${labels} 2`);
    expect(text).toContain(`workqueue_retries_total${labels} 1`);
    expect(text).toContain(`workqueue_queue_duration_seconds_sum${labels} 2`);
    expect(text).toContain(`workqueue_unfinished_work_seconds${labels} 3`);
    expect(text).toContain(`workqueue_longest_running_processor_seconds${labels} 3`);
  });

  it('count answers and show the age of each watch', async () => {
    const metrics = createMetrics();
    metrics.onAnswer('GET', 200);
    metrics.onAnswer('GET', null);
    metrics.observeReflector('Pod', { lastEventAgeMs: 1_500 });
    const text = await metrics.registry.metrics();
    expect(text).toContain('rest_client_requests_total{method="GET",code="200"} 1');
    expect(text).toContain('rest_client_requests_total{method="GET",code="<error>"} 1');
    expect(text).toContain('uwsgi_tuner_watch_last_event_age_seconds{kind="Pod"} 1.5');
  });
});

describe('the health server', () => {
  it('is ready once the caches are full and alive while reflectors move', async () => {
    const pods = { hasSynced: false, lastActivityAgeMs: 0 };
    const { registry } = createMetrics();
    server = await startHealthServer({
      port: 0,
      host: '127.0.0.1',
      live: [reflectorMoves('Pod', pods)],
      ready: [reflectorSynced('Pod', pods)],
      registry,
    });
    expect(await fetchText('/readyz')).toEqual({ status: 503, text: '[-]cache-Pod failed: not listed yet\nfailed\n' });
    pods.hasSynced = true;
    expect(await fetchText('/readyz?verbose')).toEqual({ status: 200, text: '[+]cache-Pod ok\nok\n' });
    expect((await fetchText('/healthz')).status).toBe(200);
    pods.lastActivityAgeMs = 301_000;
    expect(await fetchText('/healthz')).toEqual({
      status: 503,
      text: '[-]reflector-Pod failed: stands still for 301 s\nfailed\n',
    });
    expect((await fetchText('/metrics')).text).toContain('process_resident_memory_bytes');
    expect((await fetchText('/')).status).toBe(404);
    expect((await fetchText('/healthz', 'POST')).status).toBe(405);
  });

  it('says when its port is taken', async () => {
    const { registry } = createMetrics();
    const options = { host: '127.0.0.1', live: [], ready: [], registry };
    server = await startHealthServer({ ...options, port: 0 });
    await expect(startHealthServer({ ...options, port: server.port })).rejects.toThrow('EADDRINUSE');
  });
});
