/** One node cluster with the operator installed, for all tests of this tier. */
import type { TestProject } from 'vitest/node';
import { startNodeCluster } from '../cluster/index.ts';
import { allOperatorRequests } from '../support/audit.ts';
import { installOperator } from '../support/operator.ts';
import { keepUses } from '../support/rights-record.ts';
import { usesIn } from '../support/rights.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    cluster: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await startNodeCluster({ images: ['uwsgi-bookworm', 'uwsgi-forky', 'uwsgi-noshell'] });
  // All that the operator ever logs is there to be looked at.
  await installOperator(cluster, ['log.level=debug']);
  project.provide('cluster', cluster.name);
  return async () => {
    await keepUses(usesIn(await allOperatorRequests(cluster.auditLog)));
    await cluster.down();
  };
}
