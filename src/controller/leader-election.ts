/**
 * One leader among the running controllers, by a Lease. When another's lease ends is judged only by how long *we* have
 * not seen it change: remote clocks are never compared with ours. When our own ends is judged from the moment before the
 * last successful renewal was sent, so we stop well before anyone else may begin:
 *
 *   our renewal sent ---- 10 s: we stop ---- 14 s: our last write ended ---- 15 s and more: another may take over
 *
 * A lost lease never ends the process: it follows on and stands again.
 */
import { randomUUID } from 'node:crypto';
import { sleep, systemClock, type Clock } from '../cluster/clock.ts';
import { ClusterError, isClusterError } from '../cluster/errors.ts';
import type { Lease, LeaseAccess, LeaseClaim } from '../cluster/lease.ts';

/** Options; times are milliseconds. */
export interface LeaderElectionOptions {
  /** Who we are; no two running processes may share it. */
  readonly identity: string;
  /** How long others wait after our last renewal: 15 s. */
  readonly leaseMs?: number;
  /** How long after its last renewal a leader goes on: 10 s. Less than `leaseMs` by more than a write takes. */
  readonly renewDeadlineMs?: number;
  /** Between two tries: 2 s. */
  readonly retryMs?: number;
  /** Leading began; the signal fires when it ends. Must not throw. */
  readonly onLeading?: (signal: AbortSignal) => void;
  /** Leading ended, and why. Must not throw. */
  readonly onLost?: (reason: string) => void;
  /** A try failed; the next follows. */
  readonly onError?: (error: ClusterError) => void;
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** One request about the lease. */
const CALL_MS = 4_000;

/** POD_NAME with the pod's uid (or a random one): names this process among all that ever ran. */
export function electionIdentity(environment: Readonly<Record<string, string | undefined>>): string {
  return `${environment['POD_NAME'] ?? environment['HOSTNAME'] ?? 'local'}_${environment['POD_UID'] ?? randomUUID()}`;
}

/** Stands for election from `start` to `stop`. */
export class LeaderElector {
  readonly #leases: LeaseAccess;
  readonly #options: LeaderElectionOptions;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryMs: number;
  readonly #stopping = new AbortController();
  #running: Promise<void> | null = null;
  /** The lease as last seen, and the monotonic time at which we first saw it like this. */
  #seen: { readonly lease: Lease; readonly since: number } | null = null;
  /** Whether the lease may name us: a claim was sent, whatever came back. */
  #claimed = false;
  #term: { readonly controller: AbortController; expiresAt: number; cancel: () => void } | null = null;

  constructor(leases: LeaseAccess, options: LeaderElectionOptions) {
    this.#leases = leases;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#leaseMs = options.leaseMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryMs = options.retryMs ?? 2_000;
    if (this.#renewDeadlineMs >= this.#leaseMs) {
      throw new Error(
        `leader election: renew deadline ${this.#renewDeadlineMs} ms, want less than ${this.#leaseMs} ms`,
      );
    }
  }

  /** Begins to stand. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends leading and standing, and gives the lease back. Call it when no write is under way any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#lose('stopped');
    if (this.#claimed) await this.#release();
  }

  /** True only while no other process can hold the lease. Reads the clock, so a process that was stopped knows at once. */
  get isLeader(): boolean {
    if (this.#term !== null && this.#clock.monotonic() >= this.#term.expiresAt) this.#lose('not renewed in time');
    return this.#term !== null;
  }

  /** Fires when the present term ends; null while not leading. */
  get term(): AbortSignal | null {
    return this.isLeader ? (this.#term?.controller.signal ?? null) : null;
  }

  /** The fence before each write. Throws `ClusterError` Aborted while not leading. */
  assertLeading(): void {
    if (!this.isLeader) throw new ClusterError('Aborted', 'write refused: this process does not hold the lease');
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#tryToHold();
      } catch (error) {
        if (!(error instanceof ClusterError)) throw error;
        if (error.kind !== 'Aborted') this.#options.onError?.(error);
      }
      const jitter = this.#term === null ? 1 + (this.#options.random ?? Math.random)() / 2 : 1;
      await sleep(this.#retryMs * jitter, this.#clock, signal).catch(() => undefined);
    }
  }

  /** One try: renew what we hold, or take what nobody holds. */
  async #tryToHold(): Promise<void> {
    if (this.isLeader && this.#seen !== null) {
      try {
        await this.#claim(this.#seen.lease);
        return;
      } catch (error) {
        // Somebody wrote in between: look who. Everything else is tried again until the deadline.
        if (!isClusterError(error, 'Conflict', 'NotFound')) throw error;
      }
    }
    const lease = await this.#leases.read(this.#call());
    if (lease === null) {
      await this.#claim(null);
      return;
    }
    this.#see(lease);
    const holder = lease.spec?.holderIdentity ?? '';
    if (holder !== '' && holder !== this.#options.identity) {
      this.#lose(`taken by ${holder}`);
      if (!this.#isExpired()) return;
    }
    await this.#claim(lease);
  }

  #see(lease: Lease): void {
    if (this.#seen?.lease.metadata.resourceVersion === lease.metadata.resourceVersion) return;
    this.#seen = { lease, since: this.#clock.monotonic() };
  }

  /** Whether the lease we see has not changed for as long as its holder promised to change it. */
  #isExpired(): boolean {
    if (this.#seen === null) return false;
    const promisedMs = (this.#seen.lease.spec?.leaseDurationSeconds ?? 0) * 1000;
    return this.#clock.monotonic() - this.#seen.since >= Math.max(this.#leaseMs, promisedMs);
  }

  async #claim(lease: Lease | null): Promise<void> {
    const { identity } = this.#options;
    const sentAt = this.#clock.monotonic();
    const now = this.#clock.wall();
    const isOurs = lease?.spec?.holderIdentity === identity;
    const claim: LeaseClaim = {
      holder: identity,
      durationSeconds: Math.ceil(this.#leaseMs / 1000),
      renewedAt: now,
      ...(isOurs ? {} : { acquiredAt: now }),
    };
    this.#claimed = true;
    const written = await (lease === null
      ? this.#leases.create(claim, this.#call())
      : this.#leases.replace(lease, claim, this.#call()));
    this.#see(written);
    if (!this.#stopping.signal.aborted) this.#lead(sentAt + this.#renewDeadlineMs);
  }

  #call(): { timeoutMs: number; signal: AbortSignal } {
    return { timeoutMs: Math.min(CALL_MS, this.#renewDeadlineMs / 2), signal: this.#stopping.signal };
  }

  /** Begins or prolongs the term, unless the answer came too late for that. */
  #lead(expiresAt: number): void {
    const left = expiresAt - this.#clock.monotonic();
    if (left <= 0) return;
    this.#term?.cancel();
    const cancel = this.#clock.after(left, () => {
      this.#lose('not renewed in time');
    });
    if (this.isLeader && this.#term !== null) {
      this.#term.expiresAt = expiresAt;
      this.#term.cancel = cancel;
      return;
    }
    const controller = new AbortController();
    this.#term = { controller, expiresAt, cancel };
    this.#options.onLeading?.(controller.signal);
  }

  #lose(reason: string): void {
    if (this.#term === null) return;
    const { controller, cancel } = this.#term;
    this.#term = null;
    cancel();
    controller.abort(ClusterError.aborted(`lease ${reason}`));
    this.#options.onLost?.(reason);
  }

  /** Lets the next one begin at once. When it fails, they wait for the lease to run out. */
  async #release(): Promise<void> {
    try {
      const lease = await this.#leases.read({ timeoutMs: CALL_MS });
      if (lease?.spec?.holderIdentity !== this.#options.identity) return;
      const claim = { holder: '', durationSeconds: 1, renewedAt: this.#clock.wall() };
      await this.#leases.replace(lease, claim, { timeoutMs: CALL_MS });
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      this.#options.onError?.(error);
    }
  }
}
