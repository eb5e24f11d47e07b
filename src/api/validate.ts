/** Reads an object as a UwsgiTuning with ajv over the CRD's own schema, filling the schema's defaults. */
import { Ajv, type ErrorObject } from 'ajv';
import { uwsgiTuningSchema } from './generated/schema.ts';
import type { UwsgiTuning } from './uwsgi-tuning.ts';

/** A tuning with its defaults, or every problem as "field: what was found, what is allowed". */
export type Validation =
  { readonly ok: true; readonly tuning: UwsgiTuning } | { readonly ok: false; readonly problems: readonly string[] };

const ajv = new Ajv({ allErrors: true, useDefaults: true, strict: false, verbose: true });
const validateSchema = ajv.compile<UwsgiTuning>(uwsgiTuningSchema);

/** Validates one object; the input is not changed. */
export function validateTuning(object: unknown): Validation {
  const copy: unknown = structuredClone(object);
  if (validateSchema(copy)) return { ok: true, tuning: copy };
  return { ok: false, problems: (validateSchema.errors ?? []).map(describeProblem) };
}

function describeProblem(error: ErrorObject): string {
  const field = error.instancePath.slice(1).replaceAll('/', '.') || 'the object';
  const found = typeof error.data === 'object' ? '' : `, found ${JSON.stringify(error.data)}`;
  const allowed =
    'allowedValues' in error.params ? ` (${(error.params['allowedValues'] as unknown[]).join(', ')})` : '';
  return `${field}: ${error.message ?? error.keyword}${allowed}${found}`;
}
