/** Secrets that a test plants, and the search for them in whatever others can read. */
import { randomBytes } from 'node:crypto';
import type { NodeCluster } from '../cluster/index.ts';

/** Texts that are nowhere else, by the place where they are planted; short, so that a cut sentence may hold one whole. */
export function plant<P extends string>(...places: readonly P[]): Readonly<Record<P, string>> {
  const entries = places.map((place) => [place, randomBytes(6).toString('hex')]);
  return Object.fromEntries(entries) as Record<P, string>;
}

/** The places whose secret is in the text, sorted. */
export function foundIn(text: string, secrets: Readonly<Record<string, string>>): readonly string[] {
  const places = Object.keys(secrets).filter((place) => text.includes(secrets[place] ?? ''));
  return places.toSorted();
}

interface Listed {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** Every object of a namespace but its Secrets, with all that the API server keeps of it, by "Kind/name". */
export async function objectsOf(cluster: NodeCluster, namespace: string): Promise<ReadonlyMap<string, string>> {
  const kinds = await cluster.kubectlOk(['api-resources', '--namespaced', '--verbs=list', '--output=name']);
  const plurals = kinds.split('\n').filter((plural) => plural !== '' && plural !== 'secrets');
  const argv = ['get', plurals.join(','), '--namespace', namespace, '--show-managed-fields', '--output=json'];
  const { items } = JSON.parse(await cluster.kubectlOk(argv)) as { items: Listed[] };
  return new Map(items.map((item) => [`${item.kind}/${item.metadata.name}`, JSON.stringify(item)]));
}
