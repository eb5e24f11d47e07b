/** Paths of the API server. */

/** A kind of object as its URLs name it. */
export interface Resource {
  /** For example `v1` or `apps/v1`. */
  readonly apiVersion: string;
  /** For example `deployments`. */
  readonly plural: string;
}

export const pods: Resource = { apiVersion: 'v1', plural: 'pods' };
export const configMaps: Resource = { apiVersion: 'v1', plural: 'configmaps' };
export const namespaces: Resource = { apiVersion: 'v1', plural: 'namespaces' };
export const deployments: Resource = { apiVersion: 'apps/v1', plural: 'deployments' };
export const replicaSets: Resource = { apiVersion: 'apps/v1', plural: 'replicasets' };
export const statefulSets: Resource = { apiVersion: 'apps/v1', plural: 'statefulsets' };
export const daemonSets: Resource = { apiVersion: 'apps/v1', plural: 'daemonsets' };
export const jobs: Resource = { apiVersion: 'batch/v1', plural: 'jobs' };
export const cronJobs: Resource = { apiVersion: 'batch/v1', plural: 'cronjobs' };
export const leases: Resource = { apiVersion: 'coordination.k8s.io/v1', plural: 'leases' };
export const events: Resource = { apiVersion: 'events.k8s.io/v1', plural: 'events' };

/** Which object, or which collection where `name` is left out. */
export interface Place {
  /** Left out for cluster-scoped kinds and for all namespaces. */
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: 'status' | 'scale' | 'log' | 'exec' | undefined;
}

/** The path of an object or collection; every part is encoded, so a name can never reach another object. */
export function pathOf(resource: Resource, place: Place = {}): string {
  const root = resource.apiVersion.includes('/') ? `/apis/${resource.apiVersion}` : `/api/${resource.apiVersion}`;
  const parts = [root];
  if (place.namespace !== undefined) parts.push('namespaces', segment(place.namespace));
  parts.push(resource.plural);
  if (place.name !== undefined) parts.push(segment(place.name));
  if (place.subresource !== undefined) parts.push(place.subresource);
  return parts.join('/');
}

function segment(name: string): string {
  // URL normalises dot segments even when encoded, and the empty name is the collection.
  if (name === '' || name === '.' || name === '..') throw new Error(`not a name of a Kubernetes object: "${name}"`);
  return encodeURIComponent(name);
}
