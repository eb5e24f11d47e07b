/**
 * Generates what must stay in step with crds/: the TypeScript types, the schema that ajv validates with, and the
 * chart's copy of the CRD; and the commands that the chart's admission policy allows. `--check` writes nothing and fails when a file is out of step.
 */
import { readFileSync, writeFileSync, mkdirSync, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { load } from 'js-yaml';
import { compile } from 'json-schema-to-typescript';
import { COMMANDS } from '../src/core/memory/commands.ts';

const CRD = 'crds/uwsgi-tuner.dev_uwsgitunings.yaml';
const NOTICE = `/* Generated from ${CRD} by "npm run generate". Do not edit. */\n`;

type Schema = Record<string, unknown>;

/** Kubernetes' extensions out, the rest as plain JSON Schema; the fixed fields of every object in. */
function plainSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainSchema);
  if (typeof value !== 'object' || value === null) return value;
  const result: Schema = {};
  for (const [key, inner] of Object.entries(value)) {
    if (!key.startsWith('x-kubernetes-') && !(key === 'format' && typeof inner === 'string'))
      result[key] = plainSchema(inner);
  }
  return result;
}

/** The chart carries the CRD as a template so that a toggle can leave it out and Helm upgrades it. */
function chartTemplate(crd: string): string {
  const lines = crd.replace(
    /^ {2}annotations:\n/m,
    '  annotations:\n    {{- if .Values.crds.keep }}\n    helm.sh/resource-policy: keep\n    {{- end }}\n',
  );
  return `{{- /* Generated from ${CRD} by "npm run generate". Do not edit. */ -}}\n{{- if .Values.crds.enabled }}\n${lines}{{- end }}\n`;
}

const text = readFileSync(CRD, 'utf8');
const crd = load(text) as { spec: { versions: { schema: { openAPIV3Schema: Schema } }[] } };
const root = crd.spec.versions[0]?.schema.openAPIV3Schema;
if (root === undefined) throw new Error(`${CRD}: no version with a schema`);
const schema = plainSchema(root) as Schema & { properties: Schema };

const types = await compile(
  {
    ...schema,
    title: 'UwsgiTuningObject',
    properties: { ...schema.properties, metadata: { type: 'object', tsType: 'ObjectMeta' } },
  },
  'UwsgiTuningObject',
  {
    additionalProperties: false,
    bannerComment: `${NOTICE}import type { ObjectMeta } from '../object-meta.ts';\n`,
    style: { singleQuote: true, printWidth: 120 },
    ignoreMinAndMaxItems: true,
  },
);

const outputs: Record<string, string> = {
  'src/api/generated/uwsgi-tuning.ts': types,
  'src/api/generated/schema.ts': `${NOTICE}export const uwsgiTuningSchema: object = ${JSON.stringify(schema, null, 1)};\n`,
  'charts/uwsgi-tuner/templates/crd.yaml': chartTemplate(text),
  'charts/uwsgi-tuner/files/commands.json': `${JSON.stringify(COMMANDS, null, 1)}\n`,
};

const check = process.argv.includes('--check');
let stale = 0;
for (const [path, wanted] of Object.entries(outputs)) {
  if (existsSync(path) && readFileSync(path, 'utf8') === wanted) continue;
  stale++;
  if (check) {
    console.error(`${path}: out of step with its source; run "npm run generate"`);
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, wanted);
    console.log(`wrote ${path}`);
  }
}
if (check && stale > 0) process.exitCode = 1;
