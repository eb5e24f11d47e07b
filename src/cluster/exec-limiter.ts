/** Bounds how many execs run at once: each costs memory here, on the API server and on a kubelet. */
import { ClusterError } from './errors.ts';

/** Most execs at the same time. */
export interface ExecLimits {
  readonly perNode: number;
  readonly total: number;
}

/** Where an exec runs. */
export interface ExecSlot {
  readonly namespace: string;
  readonly pod: string;
  /** Null: not known; counts as one node of its own. */
  readonly node: string | null;
}

interface Waiting {
  readonly pod: string;
  readonly node: string;
  readonly start: () => void;
}

/** At most one exec per pod, `perNode` per node and `total` in all; the longest waiting that fits goes first. */
export class ExecLimiter {
  readonly #limits: ExecLimits;
  readonly #pods = new Set<string>();
  readonly #nodes = new Map<string, number>();
  #waiting: Waiting[] = [];

  constructor(limits: Partial<ExecLimits> = {}) {
    this.#limits = { perNode: 2, total: 16, ...limits };
  }

  /** Execs running now. */
  get active(): number {
    return this.#pods.size;
  }

  /** Runs `work` when there is room. Rejects with `ClusterError` Aborted when `signal` fires before that. */
  async run<T>(slot: ExecSlot, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const pod = `${slot.namespace}/${slot.pod}`;
    const node = slot.node ?? '';
    await this.#enter(pod, node, signal);
    try {
      return await work();
    } finally {
      this.#leave(pod, node);
    }
  }

  #enter(pod: string, node: string, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting = this.#waiting.filter((other) => other !== entry);
        reject(ClusterError.aborted(`exec in ${pod}`));
      };
      const entry: Waiting = {
        pod,
        node,
        start: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      if (signal?.aborted === true) {
        onAbort();
        return;
      }
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(entry);
      this.#startWhatFits();
    });
  }

  #leave(pod: string, node: string): void {
    this.#pods.delete(pod);
    const left = (this.#nodes.get(node) ?? 1) - 1;
    if (left === 0) this.#nodes.delete(node);
    else this.#nodes.set(node, left);
    this.#startWhatFits();
  }

  #startWhatFits(): void {
    for (const entry of [...this.#waiting]) {
      if (this.#pods.size >= this.#limits.total) return;
      const onNode = this.#nodes.get(entry.node) ?? 0;
      if (this.#pods.has(entry.pod) || onNode >= this.#limits.perNode) continue;
      this.#waiting = this.#waiting.filter((other) => other !== entry);
      this.#pods.add(entry.pod);
      this.#nodes.set(entry.node, onNode + 1);
      entry.start();
    }
  }
}
