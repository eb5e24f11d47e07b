/** Where the demo plays: a cluster, an operator that works on it, and a way to send requests to its pods. */
import type { ChildProcess } from 'node:child_process';
import type { Pod } from '../../src/api/objects.ts';
import type { Kubectl } from './kubectl.ts';

/** The namespace that the demo makes; everything it writes is in it. */
export const NAMESPACE = 'uwsgi-tuner-demo';

/** A way to one pod's port 8080. */
export interface Route {
  readonly url: string;
  /** Starts Node with these arguments where the url can be reached. */
  readonly node: (args: readonly string[]) => ChildProcess;
  readonly close: () => void;
}

export interface Stage {
  readonly kind: 'throwaway' | 'context';
  /** What it is, and how the operator runs there, for the story. */
  readonly description: readonly string[];
  readonly kubectl: Kubectl;
  readonly image: { readonly reference: string; readonly pullPolicy: 'Never' | 'IfNotPresent' };
  routeTo(pod: Pod): Promise<Route>;
  /** Throws when the operator or the cluster is gone. */
  check(): void;
  /** The operator's last log lines. */
  operatorLog(lines: number): Promise<readonly string[]>;
  /** Removes everything, also when the story's kubectl was halted. */
  end(): Promise<void>;
}

/** A stage before the operator works on it. */
export interface Opening {
  readonly stage: Stage;
  /** Starts the operator; workloads can be made meanwhile, tunings afterwards. */
  readonly install: () => Promise<void>;
}
