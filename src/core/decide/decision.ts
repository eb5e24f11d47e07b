/** What one reconcile shall do: at most one effect, and the status that must stand before it. */
import type { TuningStatus } from '../../api/uwsgi-tuning.ts';

/** One effect. `act` performs it and decides nothing. */
export type Action =
  /** Measure these pods; `verify` samples judge the change in flight and every one counts. */
  | { readonly kind: 'Sample'; readonly pods: readonly string[]; readonly purpose: 'Observe' | 'Verify' }
  /** Look up other users of the config; with `baseline` also how the pods behaved until now, right before a plan. */
  | { readonly kind: 'Preflight'; readonly baseline: boolean }
  | { readonly kind: 'AddFinalizer' }
  | { readonly kind: 'RemoveFinalizer' }
  /** Save the text before the first byte is changed. */
  | {
      readonly kind: 'SaveConfig';
      readonly text: string;
      readonly hash: string;
      readonly configMapUid: string;
      readonly key: string;
    }
  /** Write the key's text, only if the object is still the one that was read. */
  | {
      readonly kind: 'WriteText';
      readonly configMap: string;
      readonly key: string;
      readonly text: string;
      readonly uid: string;
      readonly resourceVersion: string;
    }
  /** Set the pod template's annotation; null removes it. */
  | { readonly kind: 'Annotate'; readonly workload: string; readonly uid: string; readonly value: string | null };

export interface Decision {
  /** The status as it shall be; null leaves it alone. */
  readonly status: TuningStatus | null;
  /** Performed only when the stored status already says the same. */
  readonly action: Action | null;
  /** When to look again without an event, milliseconds from now. */
  readonly requeueAfterMs: number;
}

/** How often a change in flight is looked at: well inside the 5 s in which harm must be seen. */
export const CHANGE_POLL_MS = 2000;
/** How often a state that needs somebody is looked at again. */
export const TROUBLE_POLL_MS = 15_000;
/** How long the same write waits after it was made: the cluster did not keep it, and it may not do so for long. */
const SAME_WRITE_MS = 2000;

/** An action as it was performed. */
export interface Performed {
  readonly action: Action;
  readonly at: number;
}

/** Milliseconds to wait before an action that was performed just now and had no lasting effect; 0 for any other. */
export function pauseBefore(action: Action, last: Performed | null, now: number): number {
  if (last === null || action.kind === 'Sample' || JSON.stringify(action) !== JSON.stringify(last.action)) return 0;
  return Math.max(0, last.at + SAME_WRITE_MS - now);
}
