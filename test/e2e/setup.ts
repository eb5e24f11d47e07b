/** One node cluster with the operator installed, for all tests of this tier. */
import type { TestProject } from 'vitest/node';
import { startNodeCluster } from '../cluster/index.ts';
import { installOperator } from '../support/operator.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    cluster: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await startNodeCluster({ images: ['uwsgi-bookworm', 'uwsgi-forky', 'uwsgi-noshell'] });
  await installOperator(cluster);
  project.provide('cluster', cluster.name);
  return () => cluster.down();
}
