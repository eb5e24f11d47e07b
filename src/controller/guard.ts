/**
 * Watches the containers that carry a change: follows each log for uWSGI's own words and probes its processes. A sign
 * of harm wakes the reconciler at once; what is harm is decided in core/decide/evidence.ts. Only counts are kept.
 */
import type { ClusterError } from '../cluster/errors.ts';
import { countSign, NO_SIGNS, readLogLine, type LogCounts } from '../core/decide/log-patterns.ts';
import type { Evidence } from '../core/decide/snapshot.ts';
import type { GuardProbe } from '../core/memory/guard-probe.ts';

/** One container to watch. */
export interface WatchedContainer {
  readonly pod: string;
  readonly podUid: string;
  readonly node: string;
  readonly containerId: string;
}

/** Who hears of a followed log: once that it is open, then each line. */
export interface LogListener {
  readonly onOpen: () => void;
  readonly onLine: (line: string) => void;
}

/** How a guard reaches the cluster. */
export interface GuardSources {
  /** Follows the log from its start until it ends, breaks (rejects) or the signal fires. */
  readonly follow: (pod: string, to: LogListener, signal: AbortSignal) => Promise<unknown>;
  readonly probe: (container: WatchedContainer, signal: AbortSignal) => Promise<GuardProbe>;
  /** Whether a failure means that logs cannot be had at all. */
  readonly isForbidden: (error: unknown) => error is ClusterError;
  /** Called when there is news that may be harm. */
  readonly onNews: () => void;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

const PROBE_INTERVAL_MS = 4000;
const REOPEN_MS = 500;
/** An API server that has just started may forbid what it allows a moment later. */
const FORBIDDEN_MS = 10_000;

/** The guard of one change. */
export class ChangeGuard {
  readonly changeId: string;
  readonly #sources: GuardSources;
  readonly #workers: number;
  readonly #watches = new Map<string, ContainerWatch>();

  /** `workers`: the worker processes that the change asks for; the first that many are no respawns. */
  constructor(changeId: string, workers: number, sources: GuardSources) {
    this.changeId = changeId;
    this.#workers = workers;
    this.#sources = sources;
  }

  /** Watches exactly these containers; what was seen of the others is forgotten. */
  watch(containers: readonly WatchedContainer[]): void {
    const wanted = new Map(containers.map((container) => [container.containerId, container]));
    for (const [id, watch] of this.#watches) {
      if (wanted.has(id)) continue;
      watch.stop();
      this.#watches.delete(id);
    }
    for (const [id, container] of wanted) {
      if (!this.#watches.has(id)) this.#watches.set(id, new ContainerWatch(container, this.#workers, this.#sources));
    }
  }

  evidence(): readonly Evidence[] {
    return [...this.#watches.values()].map((watch) => watch.evidence());
  }

  stop(): void {
    this.watch([]);
  }
}

class ContainerWatch {
  readonly #container: WatchedContainer;
  readonly #workers: number;
  readonly #sources: GuardSources;
  readonly #stopping = new AbortController();
  /** Identities of processes that were there before the expected number was complete. */
  readonly #first = new Set<string>();
  readonly #later = new Set<string>();
  #complete = false;
  #log: LogCounts | null = null;
  #logFails = false;
  #probe: Evidence['probe'] = null;

  constructor(container: WatchedContainer, workers: number, sources: GuardSources) {
    this.#container = container;
    this.#workers = workers;
    this.#sources = sources;
    void this.#followForever();
    void this.#probeForever();
  }

  evidence(): Evidence {
    const { podUid, containerId } = this.#container;
    return { podUid, containerId, log: this.#log, logFails: this.#logFails, probe: this.#probe };
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #followForever(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      // Each opening reads from the start again, so a lost connection loses nothing; only a rotated log can.
      const known = this.#log;
      let counts = NO_SIGNS;
      let pause = REOPEN_MS;
      const onLine = (line: string): void => {
        const sign = readLogLine(line);
        if (sign === null) return;
        counts = countSign(counts, sign);
        this.#log = known === null ? counts : larger(known, counts);
        if (sign.kind !== 'Started') this.#sources.onNews();
      };
      const onOpen = (): void => {
        this.#logFails = false;
      };
      try {
        await this.#sources.follow(this.#container.pod, { onOpen, onLine }, signal);
      } catch (error) {
        this.#logFails = !this.#sources.isForbidden(error);
        if (!this.#logFails) {
          // What was read says nothing about now: other evidence must do, until the log may be read again.
          this.#log = null;
          pause = FORBIDDEN_MS;
        }
      }
      await this.#sources.sleep(pause, signal).catch(() => undefined);
    }
  }

  async #probeForever(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const result = await this.#sources.probe(this.#container, signal);
        this.#takeProbe(result);
      } catch {
        // No probe is no evidence; missingEvidence() judges that.
      }
      await this.#sources.sleep(PROBE_INTERVAL_MS, signal).catch(() => undefined);
    }
  }

  #takeProbe(result: GuardProbe): void {
    const before = this.#probe;
    for (const { pid, startTicks } of result.processes) {
      const identity = `${pid}@${startTicks}`;
      if (!this.#complete) this.#first.add(identity);
      else if (!this.#first.has(identity)) this.#later.add(identity);
    }
    // The master, and the workers that were asked for.
    if (result.processes.length > this.#workers) this.#complete = true;
    this.#probe = { at: this.#sources.now(), oomKills: result.oomKills, respawns: this.#later.size };
    if ((before?.oomKills ?? 0) !== (result.oomKills ?? 0) || before?.respawns !== this.#later.size)
      this.#sources.onNews();
  }
}

/** Of two readings of one log the one that shows more, figure by figure. */
function larger(known: LogCounts, fresh: LogCounts): LogCounts {
  const deaths = { ...known.deaths };
  for (const [signal, count] of Object.entries(fresh.deaths)) deaths[signal] = Math.max(deaths[signal] ?? 0, count);
  return {
    started: known.started || fresh.started,
    stackKib: fresh.stackKib ?? known.stackKib,
    stackRefused: fresh.stackRefused || known.stackRefused,
    deaths,
    harakiris: Math.max(known.harakiris, fresh.harakiris),
    failedRequests: Math.max(known.failedRequests, fresh.failedRequests),
  };
}
