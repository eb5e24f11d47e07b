/** How far a Deployment's rollout is: kubectl's questions (pkg/polymorphichelpers/rollout_status.go), as one value. */
import type { PodView, WorkloadView } from './snapshot.ts';

export type RolloutVerdict =
  | { readonly state: 'Done' }
  | { readonly state: 'Progressing'; readonly message: string }
  | { readonly state: 'Failed'; readonly message: string };

export function rolloutVerdict(workload: WorkloadView): RolloutVerdict {
  const { replicas, updated, total, available } = workload;
  if (!workload.observed) return { state: 'Progressing', message: 'the Deployment controller has not seen the change' };
  if (workload.progressDeadlineExceeded) {
    return {
      state: 'Failed',
      message: `the Deployment's own progress deadline passed with ${available} of ${replicas} pods available`,
    };
  }
  if (updated < replicas) return { state: 'Progressing', message: `${updated} of ${replicas} pods are updated` };
  if (total > updated) return { state: 'Progressing', message: `${total - updated} old pods still run` };
  if (available < updated)
    return { state: 'Progressing', message: `${available} of ${updated} updated pods are available` };
  return { state: 'Done' };
}

/** The pods that must not serve as the workload's present: they are being deleted. */
export function livePods(pods: readonly PodView[]): readonly PodView[] {
  return pods.filter((pod) => !pod.terminating);
}
