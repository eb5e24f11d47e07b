/** Watches all Deployments for a rollout that begins while another is under way. */
import type { Deployment } from '../../../src/api/objects.ts';
import { CONFIG_HASH_ANNOTATION } from '../../../src/api/uwsgi-tuning.ts';
import { deployments } from '../../../src/cluster/paths.ts';
import { Reflector } from '../../../src/cluster/reflector.ts';
import type { Transport } from '../../../src/cluster/transport.ts';
import { isRolledOut } from './workload.ts';

export class RolloutWatch {
  readonly #reflector: Reflector<Deployment>;
  readonly #found = new Map<string, string[]>();

  private constructor(transport: Transport) {
    this.#reflector = new Reflector<Deployment>(transport, {
      resource: deployments,
      onChange: (_key, before, after) => {
        this.#look(before, after);
      },
    });
  }

  static async start(transport: Transport): Promise<RolloutWatch> {
    const watch = new RolloutWatch(transport);
    await watch.#reflector.start();
    return watch;
  }

  /** What went wrong in these namespaces, a line each. */
  violations(namespaces: readonly string[]): string[] {
    return namespaces.flatMap((namespace) => this.#found.get(namespace) ?? []);
  }

  stop(): Promise<void> {
    return this.#reflector.stop();
  }

  #look(before: Deployment | undefined, after: Deployment | undefined): void {
    if (before === undefined || after === undefined) return;
    const [old, fresh] = [hashOf(before), hashOf(after)];
    // A put-back supersedes the rollout that it undoes: here it takes the annotation away.
    if (old === fresh || fresh === null || isRolledOut(before)) return;
    const { namespace = '' } = after.metadata;
    const line = `${namespace}: rolls to ${fresh} while ${old ?? 'nothing'} is under way`;
    this.#found.set(namespace, [...(this.#found.get(namespace) ?? []), line]);
  }
}

function hashOf(deployment: Deployment): string | null {
  return deployment.spec.template.metadata?.annotations?.[CONFIG_HASH_ANNOTATION] ?? null;
}
