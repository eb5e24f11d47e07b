/** What the operator may do by the chart, what it did by the audit log, and how the two differ. */
import { loadAll } from 'js-yaml';
import { binaryPath, ensureBinaries } from '../cluster/index.ts';
import { runOk } from '../cluster/run.ts';
import type { AuditEntry } from './audit.ts';
import { OPERATOR_NAMESPACE } from './operator.ts';

/** One verb on one resource. */
export interface Right {
  /** Null: in every namespace. */
  readonly namespace: string | null;
  /** "verb resource.group/subresource", the core group without its dot. */
  readonly action: string;
  /** Empty: objects of any name. */
  readonly names: readonly string[];
}

/** One kind of request: its action as in `Right`, where, and whether RBAC refused it. */
export interface Use {
  /** Empty: all namespaces at once. */
  readonly namespace: string;
  readonly action: string;
  readonly name: string;
  readonly refused: boolean;
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly name: string; readonly namespace: string }[];
  readonly spec?: { readonly template?: { readonly spec: { readonly serviceAccountName: string } } };
}

/** The rights that the chart with these values gives to the account its Deployment runs under. */
export async function rightsOfChart(...values: readonly string[]): Promise<readonly Right[]> {
  await ensureBinaries(['helm']);
  const sets = values.flatMap((value) => ['--set', value]);
  const argv = ['template', 'uwsgi-tuner', 'charts/uwsgi-tuner', '--namespace', OPERATOR_NAMESPACE, ...sets];
  const manifests = loadAll(await runOk([binaryPath('helm'), ...argv])) as (Manifest | null)[];
  return rightsIn(manifests.filter((manifest) => manifest !== null));
}

/** The rights that bound roles give to the account of the one Deployment among the manifests. */
export function rightsIn(manifests: readonly Manifest[]): readonly Right[] {
  const account = manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template?.spec.serviceAccountName;
  return manifests
    .filter(({ subjects }) => subjects?.some(({ name }) => name === account) === true)
    .flatMap(({ metadata: { namespace = null }, roleRef }) => {
      const role = manifests.find(
        ({ kind, metadata: { name, namespace: place = null } }) =>
          kind === roleRef?.kind && name === roleRef.name && (kind === 'ClusterRole' || place === namespace),
      );
      return (role?.rules ?? []).flatMap((rule) => rightsOfRule(rule, namespace));
    });
}

function rightsOfRule({ apiGroups, resources, verbs, resourceNames = [] }: Rule, namespace: string | null): Right[] {
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.map((verb) => ({ namespace, action: actionOf(verb, group, resource), names: resourceNames })),
    ),
  );
}

function actionOf(verb: string, group: string, resource: string): string {
  const [plural = '', ...subresource] = resource.split('/');
  return [`${verb} ${plural}${group === '' ? '' : `.${group}`}`, ...subresource].join('/');
}

/** The requests as rights that they needed, each once. */
export function usesIn(requests: readonly AuditEntry[]): readonly Use[] {
  const uses = new Map<string, Use>();
  for (const { verb, objectRef: ref, requestURI, responseStatus, annotations } of requests) {
    const refused = annotations?.['authorization.k8s.io/decision'] !== 'allow';
    const add = (used: string): void => {
      const { apiGroup = '', resource, subresource, namespace = '', name = '' } = ref ?? {};
      const parts = subresource === undefined ? [resource] : [resource, subresource];
      const action = resource === undefined ? `${verb} ${requestURI}` : actionOf(used, apiGroup, parts.join('/'));
      const use = { namespace, action, name, refused };
      uses.set(JSON.stringify(use), use);
    };
    add(verb);
    // An apply that makes the object: the API server asks for the right to create beside that to patch.
    if (verb === 'patch' && responseStatus?.code === 201) add('create');
  }
  return [...uses.values()];
}

/** How rights and uses differ, each as one sentence for people. */
export interface Difference {
  /** Uses that no right covers, or that RBAC refused. */
  readonly missing: readonly string[];
  /** Actions that nothing used. */
  readonly unused: readonly string[];
}

export function compareRights(rights: readonly Right[], uses: readonly Use[]): Difference {
  const missing = uses.filter((use) => use.refused || !rights.some((right) => covers(right, use)));
  const unused = rights.filter((right) => !uses.some((use) => !use.refused && covers(right, use)));
  return {
    missing: missing.map(({ action, namespace, name }) => `${action} ${namespace}/${name}`),
    unused: [...new Set(unused.map(({ action }) => action))],
  };
}

function covers(right: Right, use: Use): boolean {
  const isThere = right.namespace === null || right.namespace === use.namespace;
  return isThere && right.action === use.action && (right.names.length === 0 || right.names.includes(use.name));
}
