/** Reads an object as a UwsgiTuning with ajv over the CRD's own schema, filling the schema's defaults. */
import { Ajv, type ErrorObject } from 'ajv';
import { uwsgiTuningSchema } from './generated/schema.ts';
import type { TuningSpec, UwsgiTuning } from './uwsgi-tuning.ts';

/** A tuning with its defaults, or every problem as "field: what was found, what is allowed". */
export type Validation =
  { readonly ok: true; readonly tuning: UwsgiTuning } | { readonly ok: false; readonly problems: readonly string[] };

const ajv = new Ajv({ allErrors: true, useDefaults: true, strict: false, verbose: true });
const validateSchema = ajv.compile<UwsgiTuning>(uwsgiTuningSchema);

/**
 * Validates one object; the input is not changed. Parts of its status that are not of the schema (another version or a
 * person wrote them) are left out: the operator writes status anew.
 */
export function validateTuning(object: unknown): Validation {
  const copy: unknown = structuredClone(object);
  if (validateSchema(copy)) return { ok: true, tuning: copy };
  const errors = validateSchema.errors ?? [];
  dropStatus(copy, errors);
  if (validateSchema(copy)) return { ok: true, tuning: copy };
  return { ok: false, problems: (validateSchema.errors ?? []).map(describeProblem) };
}

/** What stands for a spec that cannot be read: it names nothing. */
export const NO_SPEC: TuningSpec = {
  targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: '' },
  config: { configMapRef: { name: '', key: '' } },
};

/**
 * An object that did not validate as a tuning whose spec names nothing, with what can be read of its status: a change in
 * flight goes on by what status says of it.
 */
export function withoutSpec(object: Pick<UwsgiTuning, 'metadata'> & { readonly status?: unknown }): UwsgiTuning {
  const { metadata, status } = object;
  const validation = validateTuning({ metadata, spec: NO_SPEC_NAMED, ...(status === undefined ? {} : { status }) });
  return { ...(validation.ok ? validation.tuning : {}), metadata, spec: NO_SPEC };
}

/** The same with names that the schema allows. */
const NO_SPEC_NAMED: TuningSpec = {
  targetRef: { ...NO_SPEC.targetRef, name: 'none' },
  config: { configMapRef: { name: 'none', key: 'none' } },
};

function dropStatus(object: unknown, errors: readonly ErrorObject[]): void {
  if (typeof object !== 'object' || object === null || !('status' in object)) return;
  const { status } = object;
  for (const { instancePath } of errors) {
    const [, root, part] = instancePath.split('/');
    if (root !== 'status') continue;
    if (part === undefined || typeof status !== 'object' || status === null) Reflect.deleteProperty(object, 'status');
    else Reflect.deleteProperty(status, part);
  }
}

function describeProblem(error: ErrorObject): string {
  const field = error.instancePath.slice(1).replaceAll('/', '.') || 'the object';
  const found = typeof error.data === 'object' ? '' : `, found ${shown(error.data)}`;
  const allowed =
    'allowedValues' in error.params ? ` (${(error.params['allowedValues'] as unknown[]).join(', ')})` : '';
  return `${field}: ${error.message ?? error.keyword}${allowed}${found}`;
}

const MAX_SHOWN = 60;

function shown(value: unknown): string {
  const text = (JSON.stringify(value) as string | undefined) ?? 'nothing';
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}
