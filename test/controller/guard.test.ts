import { describe, expect, test } from 'vitest';
import { ClusterError, isClusterError } from '../../src/cluster/errors.ts';
import { ChangeGuard, type GuardSources, type WatchedContainer } from '../../src/controller/guard.ts';
import type { Evidence } from '../../src/core/decide/snapshot.ts';
import type { GuardProbe } from '../../src/core/memory/guard-probe.ts';

const CONTAINER: WatchedContainer = { pod: 'web-1', podUid: 'pod-1', node: 'node1', containerId: 'container-1' };
const START = '*** Starting uWSGI 2.0.28 (64bit) on [Thu Jan  1 00:00:00 2026] ***';
const SEGV = 'DAMN ! worker 1 (pid: 8) died, killed by signal 11 :( trying respawn ...';

/** One opened log: the test writes its lines and ends it. */
class FakeLog {
  readonly pod: string;
  readonly signal: AbortSignal;
  readonly #onLine: (line: string) => void;
  readonly #ending = Promise.withResolvers<undefined>();

  constructor(pod: string, onLine: (line: string) => void, signal: AbortSignal) {
    this.pod = pod;
    this.signal = signal;
    this.#onLine = onLine;
    signal.addEventListener('abort', () => {
      this.#ending.resolve(undefined);
    });
  }

  get ended(): Promise<undefined> {
    return this.#ending.promise;
  }

  say(...lines: string[]): void {
    for (const line of lines) this.#onLine(line);
  }

  async end(error?: Error): Promise<void> {
    if (error === undefined) this.#ending.resolve(undefined);
    else this.#ending.reject(error);
    await settle();
  }
}

/** Everything a guard reaches, in the hand of the test. Sleeps end when the test says so. */
class FakeSources implements GuardSources {
  readonly logs: FakeLog[] = [];
  readonly sleeps: { readonly ms: number; readonly wake: () => void }[] = [];
  news = 0;
  /** Whether a log opens before it ends or breaks. */
  opens = true;
  time = 1000;
  probed: GuardProbe | null = null;
  probes = 0;

  readonly follow: GuardSources['follow'] = async (pod, { onOpen, onLine }, signal) => {
    const log = new FakeLog(pod, onLine, signal);
    this.logs.push(log);
    if (this.opens) onOpen();
    await log.ended;
  };
  readonly probe: GuardSources['probe'] = () => {
    this.probes++;
    return this.probed === null
      ? Promise.reject(new ClusterError('Forbidden', 'exec: 403'))
      : Promise.resolve(this.probed);
  };
  readonly isForbidden: GuardSources['isForbidden'] = (error) => isClusterError(error, 'Forbidden');
  readonly onNews = (): void => {
    this.news++;
  };
  readonly now = (): number => this.time;
  readonly sleep: GuardSources['sleep'] = (ms, signal) =>
    new Promise((resolve, reject) => {
      this.sleeps.push({ ms, wake: resolve });
      signal.addEventListener('abort', () => {
        reject(new Error('aborted'));
      });
    });

  /** Ends every sleep of that length. */
  async wake(ms: number): Promise<void> {
    for (const sleep of this.sleeps.splice(0)) {
      if (sleep.ms === ms) sleep.wake();
      else this.sleeps.push(sleep);
    }
    await settle();
  }

  log(index: number): FakeLog {
    const log = this.logs[index];
    if (log === undefined) throw new Error(`log ${index} was not opened`);
    return log;
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

async function guarding(workers = 2): Promise<{ sources: FakeSources; guard: ChangeGuard; evidence: () => Evidence }> {
  const sources = new FakeSources();
  const guard = new ChangeGuard('change-1', workers, sources);
  guard.watch([CONTAINER]);
  await settle();
  const evidence = (): Evidence => {
    const [first] = guard.evidence();
    if (first === undefined) throw new Error('nothing is watched');
    return first;
  };
  return { sources, guard, evidence };
}

function processes(...identities: [pid: number, startTicks: number][]): GuardProbe {
  return { oomKills: 0, processes: identities.map(([pid, startTicks]) => ({ pid, parentPid: 1, startTicks })) };
}

describe('the followed log', () => {
  test('one that cannot be opened is told from one that may not be', async () => {
    const { sources, evidence } = await guarding();
    expect(evidence().logFails).toBe(false);
    sources.opens = false;
    await sources.log(0).end(new ClusterError('Unavailable', '500'));
    expect(evidence()).toMatchObject({ log: null, logFails: true });
    await sources.wake(500);
    await sources.log(1).end(new ClusterError('Forbidden', '403'));
    expect(evidence().logFails).toBe(false);
    await sources.wake(10_000);
    await sources.log(2).end(new ClusterError('Unavailable', '500'));
    sources.opens = true;
    await sources.wake(500);
    expect(evidence().logFails).toBe(false);
  });

  test('is no evidence before its first sign', async () => {
    const { evidence } = await guarding();
    expect(evidence()).toEqual({
      podUid: 'pod-1',
      containerId: 'container-1',
      log: null,
      logFails: false,
      probe: null,
    });
  });

  test('is counted, and harm wakes the reconciler at once', async () => {
    const { sources, evidence } = await guarding();
    sources.log(0).say(START, 'GET /secret?token=1', SEGV);
    expect(evidence().log).toEqual({
      started: true,
      stackKib: null,
      stackRefused: false,
      deaths: { '11': 1 },
      harakiris: 0,
      failedRequests: 0,
    });
    expect(sources.news).toBe(1);
  });

  test('that broke is read again from its start, and nothing is counted twice', async () => {
    const { sources, evidence } = await guarding();
    sources.log(0).say(START, SEGV);
    await sources.log(0).end(new ClusterError('Unavailable', 'reset'));
    await sources.wake(500);
    expect(sources.logs).toHaveLength(2);
    sources.log(1).say(START, SEGV);
    expect(evidence().log?.deaths).toEqual({ '11': 1 });
    sources.log(1).say(SEGV);
    expect(evidence().log?.deaths).toEqual({ '11': 2 });
  });

  test('that was rotated keeps what was seen before', async () => {
    const { sources, evidence } = await guarding();
    sources.log(0).say(START, 'threads stack size set to 512k', SEGV, SEGV);
    await sources.log(0).end();
    await sources.wake(500);
    sources.log(1).say('RecursionError: maximum recursion depth exceeded');
    expect(evidence().log).toEqual({
      started: true,
      stackKib: 512,
      stackRefused: false,
      deaths: { '11': 2 },
      harakiris: 0,
      failedRequests: 1,
    });
  });

  test('that becomes forbidden is no evidence any more, and is tried again later', async () => {
    const { sources, evidence } = await guarding();
    sources.log(0).say(START);
    await sources.log(0).end(new ClusterError('Forbidden', 'logs: 403'));
    expect(evidence().log).toBeNull();
    await sources.wake(500);
    expect(sources.logs).toHaveLength(1);
    await sources.wake(10_000);
    sources.log(1).say(START);
    expect(evidence().log?.started).toBe(true);
  });
});

describe('the probe', () => {
  test('that fails is no evidence and is tried again', async () => {
    const { sources, evidence } = await guarding();
    expect(evidence().probe).toBeNull();
    sources.probed = processes([1, 1]);
    await sources.wake(4000);
    expect(evidence().probe).toEqual({ at: 1000, oomKills: 0, respawns: 0 });
  });

  test('that fails later leaves the time of the last one', async () => {
    const { sources, evidence } = await guarding();
    sources.probed = processes([1, 1]);
    await sources.wake(4000);
    sources.probed = null;
    sources.time = 9000;
    await sources.wake(4000);
    expect(evidence().probe?.at).toBe(1000);
  });

  test('counts new processes only once the master and all workers were there', async () => {
    const { sources, evidence } = await guarding(2);
    const rounds: [GuardProbe, number][] = [
      [processes([1, 1]), 0],
      [processes([1, 1], [7, 5]), 0],
      [processes([1, 1], [7, 5], [8, 5]), 0],
      [processes([1, 1], [7, 5], [8, 99]), 1],
      [processes([1, 1], [7, 5], [8, 99]), 1],
      [processes([1, 1], [9, 120], [8, 99]), 2],
    ];
    const seen: (number | undefined)[] = [];
    for (const [probe] of rounds) {
      sources.probed = probe;
      await sources.wake(4000);
      seen.push(evidence().probe?.respawns);
    }
    expect(seen).toEqual(rounds.map(([, respawns]) => respawns));
  });

  test('of an OOM kill wakes the reconciler', async () => {
    const { sources, evidence } = await guarding();
    sources.probed = processes([1, 1]);
    await sources.wake(4000);
    const before = sources.news;
    await sources.wake(4000);
    expect(sources.news).toBe(before);
    sources.probed = { ...processes([1, 1]), oomKills: 2 };
    await sources.wake(4000);
    expect(sources.news).toBe(before + 1);
    expect(evidence().probe?.oomKills).toBe(2);
  });
});

describe('what is watched', () => {
  test('a container that is no longer asked for is forgotten, a new one is followed, a known one is kept', async () => {
    const { sources, guard } = await guarding();
    sources.log(0).say(START);
    const other = { ...CONTAINER, pod: 'web-2', containerId: 'container-2' };
    guard.watch([CONTAINER, other]);
    await settle();
    expect(sources.logs.map(({ pod }) => pod)).toEqual(['web-1', 'web-2']);
    guard.watch([other]);
    expect(guard.evidence().map(({ containerId }) => containerId)).toEqual(['container-2']);
    expect(sources.logs.map(({ signal }) => signal.aborted)).toEqual([true, false]);
  });

  test('ends with the guard: no log, no probe, no sleep afterwards', async () => {
    const { sources, guard } = await guarding();
    guard.stop();
    await settle();
    const [logs, probes] = [sources.logs.length, sources.probes];
    await sources.wake(500);
    await sources.wake(4000);
    expect([sources.logs.length, sources.probes]).toEqual([logs, probes]);
    expect(guard.evidence()).toEqual([]);
  });
});
