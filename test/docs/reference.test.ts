import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { load } from 'js-yaml';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const REFERENCE = readText('docs/spec/v1alpha1/uwsgitunings.md');
const PROTOCOL = readText('docs/change-protocol.md');

/** Where reasons are made, and the other words in capitals that are found there: kinds and states. */
const DECISIONS = ['evidence', 'forward', 'gates', 'idle', 'plan', 'put-back', 'transitions', 'trouble'].map(
  (name) => `src/core/decide/${name}.ts`,
);
const REFUSALS = ['concurrency', 'recommend', 'stack-size'].map((name) => `src/core/recommend/${name}.ts`);
const NO_REASONS: ReadonlySet<string> = new Set(
  (
    'AddFinalizer Annotate Change Done EditedNew Foreign Held Missing New Old Preflight Recommendation Refusal Refused ' +
    'RemoveFinalizer Sample SaveConfig Stale Verify WriteText Wrong'
  ).split(' '),
);

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Paths of all fields that hold no other fields. */
function leaves({ properties, items }: Schema, path: readonly string[]): string[] {
  const inner = properties ?? items?.properties;
  if (inner === undefined) return [path.join('.')];
  return Object.entries(inner).flatMap(([name, schema]) => leaves(schema, [...path, name]));
}

function schemaOf(part: 'spec' | 'status'): Schema {
  const crd = load(readText('crds/uwsgi-tuner.dev_uwsgitunings.yaml')) as {
    spec: { versions: { schema: { openAPIV3Schema: { properties: Record<string, Schema> } } }[] };
  };
  return crd.spec.versions[0]?.schema.openAPIV3Schema.properties[part] ?? {};
}

test('the reference names every field of spec', () => {
  const fields = leaves(schemaOf('spec'), []);
  expect(fields.length).toBeGreaterThan(20);
  expect(fields.filter((path) => !REFERENCE.includes(`| \`${path}\``))).toEqual([]);
});

test('the reference names every part of status', () => {
  const parts = Object.keys(schemaOf('status').properties ?? {});
  expect(parts.filter((name) => !REFERENCE.includes(`| \`${name}\``))).toEqual([]);
});

test('every reason that the code gives is explained', () => {
  const words = [...DECISIONS, ...REFUSALS].flatMap((path) => readText(path).match(/'[A-Z][A-Za-z]+'/g) ?? []);
  const reasons = [...new Set(words.map((word) => word.slice(1, -1)))].filter((word) => !NO_REASONS.has(word));
  expect(reasons.length).toBeGreaterThan(40);
  expect(reasons.filter((word) => !new RegExp(`\\b${word}\\b`).test(REFERENCE + PROTOCOL))).toEqual([]);
});

const DOCUMENTS = globSync(['*.md', 'docs/**/*.md', 'charts/**/*.md', 'test/**/*.md'], { cwd: ROOT });

test.each(DOCUMENTS)('the links in %s lead somewhere', (document) => {
  const links = [...readText(document).matchAll(/\]\(([^)#\s]*)(?:#[^)\s]*)?\)/g)].map(([, target = '']) => target);
  const local = links.filter((target) => target !== '' && !/^[a-z]+:/.test(target));
  expect(local.filter((target) => !existsSync(join(ROOT, dirname(document), target)))).toEqual([]);
});
