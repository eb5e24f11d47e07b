/** Reading and writing one coordination.k8s.io/v1 Lease, on sockets of its own so that nothing else delays a renewal. */
import { microTime } from './clock.ts';
import { isClusterError } from './errors.ts';
import type { KubernetesObject } from './objects.ts';
import { leases, pathOf } from './paths.ts';
import type { Transport } from './transport.ts';

interface LeaseSpec {
  readonly holderIdentity?: string | null;
  readonly leaseDurationSeconds?: number | null;
  readonly acquireTime?: string | null;
  readonly renewTime?: string | null;
  readonly leaseTransitions?: number | null;
}

/** A Lease as the server has it. Fields that we do not know stay in it and are written back. */
export type Lease = KubernetesObject & { readonly spec?: LeaseSpec };

/** What a holder writes; times are wall clock milliseconds. */
export interface LeaseClaim {
  /** Empty: nobody, the lease is given back. */
  readonly holder: string;
  readonly durationSeconds: number;
  readonly renewedAt: number;
  /** Left out: the time of acquisition and the count of transitions stay. */
  readonly acquiredAt?: number;
}

/** Limits of one call. */
export interface LeaseCall {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Access to one lease. All reject with `ClusterError`; Conflict and AlreadyExists: someone else wrote first. */
export interface LeaseAccess {
  /** Null when it does not exist. */
  read(call: LeaseCall): Promise<Lease | null>;
  create(claim: LeaseClaim, call: LeaseCall): Promise<Lease>;
  /** Only over exactly the resourceVersion of `lease`. */
  replace(lease: Lease, claim: LeaseClaim, call: LeaseCall): Promise<Lease>;
}

/** Access over `transport`. */
export function leaseAccess(transport: Transport, namespace: string, name: string): LeaseAccess {
  const lane = { lane: 'lease', retry: 'never' } as const;
  const path = pathOf(leases, { namespace, name });
  return {
    read: async (call) => {
      try {
        return await transport.request<Lease>({ method: 'GET', path, ...lane, ...call });
      } catch (error) {
        if (isClusterError(error, 'NotFound')) return null;
        throw error;
      }
    },
    create: (claim, call) => {
      const body = {
        apiVersion: leases.apiVersion,
        kind: 'Lease',
        metadata: { namespace, name },
        spec: specOf({}, claim),
      };
      return transport.request<Lease>({ method: 'POST', path: pathOf(leases, { namespace }), body, ...lane, ...call });
    },
    replace: (lease, claim, call) => {
      const body = { ...lease, spec: specOf(lease.spec ?? {}, claim) };
      return transport.request<Lease>({ method: 'PUT', path, body, ...lane, ...call });
    },
  };
}

function specOf(before: LeaseSpec, claim: LeaseClaim): LeaseSpec {
  const spec = {
    ...before,
    holderIdentity: claim.holder,
    leaseDurationSeconds: claim.durationSeconds,
    renewTime: microTime(claim.renewedAt),
  };
  if (claim.acquiredAt === undefined) return spec;
  return {
    ...spec,
    acquireTime: microTime(claim.acquiredAt),
    leaseTransitions: before.renewTime === undefined ? 0 : (before.leaseTransitions ?? 0) + 1,
  };
}
