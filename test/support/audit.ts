/** The API server's audit log: who wrote what. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OPERATOR_NAMESPACE } from './operator.ts';

export interface AuditEntry {
  readonly stage: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestURI: string;
  readonly requestReceivedTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** All requests of the operator to a cluster, those of a log that was rotated (at 100 MB) too. */
export async function allOperatorRequests(auditLog: string): Promise<readonly AuditEntry[]> {
  const folder = dirname(auditLog);
  const names = (await readdir(folder)).filter((name) => /^audit.*\.log$/.test(name)).toSorted();
  const each = await Promise.all(names.map((name) => operatorRequests(join(folder, name), 0)));
  return each.flat();
}

/** The operator's requests since a time, oldest first. */
export async function operatorRequests(auditLog: string, since: number): Promise<readonly AuditEntry[]> {
  const text = await readFile(auditLog, 'utf8');
  const entries: AuditEntry[] = [];
  for (const line of text.split('\n')) {
    if (!line.includes(OPERATOR_NAMESPACE)) continue;
    try {
      const entry = JSON.parse(line) as AuditEntry;
      const ours = entry.user.username.startsWith(`system:serviceaccount:${OPERATOR_NAMESPACE}:`);
      if (ours && Date.parse(entry.requestReceivedTimestamp) >= since) entries.push(entry);
    } catch {
      // The last line may still be on its way to the file.
    }
  }
  return entries;
}

const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** Mutating requests as "verb resource/subresource namespace/name", without exec, which reads. */
export function writesOf(entries: readonly AuditEntry[]): readonly string[] {
  return entries
    .filter((entry) => WRITES.has(entry.verb) && entry.objectRef?.subresource !== 'exec')
    .map(({ verb, objectRef: ref }) => {
      const resource = ref?.subresource === undefined ? ref?.resource : `${ref.resource ?? ''}/${ref.subresource}`;
      return `${verb} ${resource ?? ''} ${ref?.namespace ?? ''}/${ref?.name ?? ''}`;
    });
}

/** Successful execs, each once. */
export function execsOf(entries: readonly AuditEntry[], namespace: string): number {
  return entries.filter(
    ({ stage, objectRef: ref }) =>
      stage === 'ResponseComplete' && ref?.subresource === 'exec' && ref.namespace === namespace,
  ).length;
}

/** The operator's mutating requests in one namespace that were answered, exec left out, as method and URL in the order of their arrival. */
export function writesByNamespace(
  auditText: string,
  namespace: string,
): readonly { readonly method: string; readonly url: string }[] {
  return auditText
    .split('\n')
    .filter((line) => line.includes('"ResponseComplete"') && line.includes(OPERATOR_NAMESPACE))
    .map((line) => JSON.parse(line) as AuditEntry & { readonly requestURI: string })
    .filter(
      ({ verb, user, objectRef: ref }) =>
        WRITES.has(verb) &&
        ref?.subresource !== 'exec' &&
        ref?.namespace === namespace &&
        user.username.startsWith(`system:serviceaccount:${OPERATOR_NAMESPACE}:`),
    )
    .toSorted((a, b) => a.requestReceivedTimestamp.localeCompare(b.requestReceivedTimestamp))
    .map(({ verb, requestURI }) => ({ method: METHODS[verb] ?? verb, url: requestURI }));
}

const METHODS: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT', patch: 'PATCH', delete: 'DELETE' };
