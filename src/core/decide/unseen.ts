/** What may be decided of a tuning whose cluster cannot be read: a deleted one is let go in the end. */
import { CHANGE_FINALIZER, type TuningStatus, type UwsgiTuning } from '../../api/uwsgi-tuning.ts';
import { boundStatus } from './bound-status.ts';
import { finish, PUT_BACK_TIMEOUT_MS, withFinished } from './step.ts';

/** A cluster that could be read a moment ago, or that was just started, gets this long to be readable again. */
const PATIENCE_MS = 60_000;

/** First the status, which says that the change was given up, then the finalizer. */
export type UnseenDecision =
  { readonly kind: 'Settle'; readonly status: TuningStatus } | { readonly kind: 'Release' } | { readonly kind: 'Wait' };

/**
 * `since`: when the first of the failed looks at the cluster was, milliseconds since the epoch; `failure`: what could not
 * be read. Wait: look again.
 */
export function decideUnseen(
  { metadata, status }: UwsgiTuning,
  { since, failure }: { readonly since: number; readonly failure: string },
  now: number,
): UnseenDecision {
  const { deletionTimestamp, finalizers } = metadata;
  if (deletionTimestamp === undefined || finalizers?.includes(CHANGE_FINALIZER) !== true) return { kind: 'Wait' };
  if (now < Date.parse(deletionTimestamp) + PUT_BACK_TIMEOUT_MS || now < since + PATIENCE_MS) return { kind: 'Wait' };
  const { change, ...rest } = status ?? {};
  if (change === undefined) return { kind: 'Release' };
  const message = `the tuning was deleted and its change was given up as it stands: ${failure}`;
  const { finished } = finish(change, 'Failed', 'PutBackFailed', message, now);
  return { kind: 'Settle', status: boundStatus({ ...rest, ...withFinished(rest, finished) }) };
}
