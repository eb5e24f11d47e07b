/** Whether the API server would store a status: the CRD's own schema with the formats that it checks. */
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { load } from 'js-yaml';

interface Crd {
  readonly spec: { versions: { schema: { openAPIV3Schema: { properties: Record<string, object> } } }[] };
}

const FILE = new URL('../../crds/uwsgi-tuner.dev_uwsgitunings.yaml', import.meta.url);
const crd = load(readFileSync(FILE, 'utf8')) as Crd;
const ajv = new Ajv({ strict: false });
const whole = (largest: number) => (value: number) => Number.isInteger(value) && Math.abs(value) <= largest;
ajv.addFormat('int32', { type: 'number', validate: whole(2 ** 31 - 1) });
ajv.addFormat('int64', { type: 'number', validate: whole(Number.MAX_SAFE_INTEGER) });
ajv.addFormat('date-time', {
  type: 'string',
  validate: (text: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text) && !Number.isNaN(Date.parse(text)),
});
const validate = ajv.compile(crd.spec.versions[0]?.schema.openAPIV3Schema.properties['status'] ?? false);

/** Null when it would be stored; else the first thing that is wrong. */
export function refusedStatus(status: unknown): string | null {
  const [stored, sent] = [JSON.stringify(status), Buffer.from(JSON.stringify(status), 'utf8').toString('utf8')];
  if (JSON.stringify(JSON.parse(sent)) !== stored || /\\ud[89a-f]/.test(stored)) return 'half a character';
  if (validate(status)) return null;
  const [error] = validate.errors ?? [];
  return `${error?.instancePath ?? ''}: ${error?.message ?? ''}`;
}
