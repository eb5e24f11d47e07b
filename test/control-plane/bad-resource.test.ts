/**
 * Malformed resources against the real API server: every bound and every rule of the schema broken once, its message,
 * and nothing stored. Then what was stored before there were rules, and a running operator that meets it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import type { UwsgiTuning } from '../../src/api/uwsgi-tuning.ts';
import { loadCredentials } from '../../src/cluster/credentials.ts';
import { ClusterError } from '../../src/cluster/errors.ts';
import { read } from '../../src/cluster/listing.ts';
import { createTransport, type Transport } from '../../src/cluster/transport.ts';
import { createWriter } from '../../src/cluster/writers.ts';
import { tunings } from '../../src/controller/act.ts';
import { REPOSITORY } from '../cluster/cache.ts';
import { startControlPlane, type ControlPlane } from '../cluster/index.ts';
import { conditionOf } from '../support/app.ts';
import { operatorRequests, writesOf } from '../support/audit.ts';
import { installRights, operatorKubeconfig, OperatorProcess } from '../support/operator-process.ts';
import { waitFor } from '../support/wait.ts';

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-validations'?: readonly { readonly message: string }[];
}

interface Crd {
  readonly spec: { readonly versions: { schema: { openAPIV3Schema: Schema } }[] };
}

const CRD = load(readFileSync(join(REPOSITORY, 'crds', 'uwsgi-tuner.dev_uwsgitunings.yaml'), 'utf8')) as Crd;
const ROOT = CRD.spec.versions[0]?.schema.openAPIV3Schema ?? {};
const SPEC = {
  targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
  config: { configMapRef: { name: 'web-uwsgi', key: 'uwsgi.ini' } },
};
const NAMESPACE = 'bad-input';

let plane: ControlPlane;
let transport: Transport;

beforeAll(async () => {
  plane = await startControlPlane();
  transport = createTransport(await loadCredentials({ kubeconfig: plane.kubeconfig }));
  await installRights(plane);
  await plane.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
});

afterAll(async () => {
  await transport.close();
  await plane.down();
});

type Path = readonly string[];

/** The spec with one field set, or taken out when the value is undefined. */
function specWith(path: Path, value: unknown): object {
  const spec: Record<string, unknown> = structuredClone(SPEC);
  let at = spec;
  for (const name of path.slice(0, -1)) at = (at[name] ??= {}) as Record<string, unknown>;
  at[path.at(-1) ?? ''] = value;
  return spec;
}

function objectOf(spec: unknown, name = 'web'): Record<string, unknown> {
  return {
    apiVersion: 'uwsgi-tuner.dev/v1alpha1',
    kind: 'UwsgiTuning',
    metadata: { namespace: NAMESPACE, name },
    ...(spec === undefined ? {} : { spec }),
  };
}

/** What the API server says to the object; null when it would store it. */
async function refusalOf(object: Record<string, unknown>): Promise<string | null> {
  const answer = await plane.kubectl(['create', '--dry-run=server', '--validate=ignore', '-f', '-'], {
    input: JSON.stringify(object),
  });
  return answer.code === 0 ? null : answer.stderr.trim();
}

interface Case {
  readonly path: Path;
  readonly value: unknown;
  readonly says: string;
}

/** One case for each bound that a schema states, made from the bound itself. */
function casesOf(schema: Schema, path: Path): Case[] {
  const one = (value: unknown, says: string): Case => ({ path, value, says });
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, pattern } = schema;
  const isText = schema.type === 'string' || schema['x-kubernetes-int-or-string'] === true;
  const cases: Case[] = [];
  if (minimum !== undefined) cases.push(one(minimum - 1, `should be greater than or equal to ${minimum}`));
  if (maximum !== undefined) cases.push(one(maximum + 1, `should be less than or equal to ${maximum}`));
  if (minLength !== undefined) cases.push(one('', `should be at least ${minLength} chars long`));
  if (maxLength !== undefined) {
    cases.push(one('1'.repeat(maxLength + 1), `may not be more than ${maxLength}`));
  }
  if (pattern !== undefined && isText) cases.push(one('no such/thing', 'should match'));
  if (schema.enum !== undefined) cases.push(one('Nonsense', 'supported values:'));
  if (minItems !== undefined) cases.push(one([], `should have at least ${minItems} items`));
  if (maxItems !== undefined) {
    cases.push(one(['Processes', 'Threads', 'ThreadStackSize', 'Processes'], `must have at most ${maxItems} items`));
  }
  if (schema['x-kubernetes-int-or-string'] === true) cases.push(one(true, 'must be of type integer,string'));
  else if (schema.type !== undefined && path.length > 0) {
    cases.push(one(schema.type === 'object' ? 'text' : {}, `must be of type ${schema.type}`));
  }
  for (const name of schema.required ?? []) {
    cases.push({ path: [...path, name], value: undefined, says: 'Required value' });
  }
  for (const [name, inner] of Object.entries(schema.properties ?? {})) cases.push(...casesOf(inner, [...path, name]));
  return cases;
}

function rulesOf(schema: Schema): string[] {
  const own = (schema['x-kubernetes-validations'] ?? []).map(({ message }) => message);
  return [...own, ...Object.values(schema.properties ?? {}).flatMap(rulesOf)];
}

const BOUNDS = casesOf(ROOT.properties?.['spec'] ?? {}, []);

/** The spec that breaks each rule, by the rule's message. */
const RULES: readonly (readonly [message: string, spec: object])[] = [
  ['objective MaximizeConcurrency needs bounds.processes.max', { objective: 'MaximizeConcurrency' }],
  ['bounds.processes.min must not be larger than bounds.processes.max', { bounds: { processes: { min: 3, max: 2 } } }],
  ['bounds.threads.min must not be larger than bounds.threads.max', { bounds: { threads: { min: 3, max: 2 } } }],
  [
    'bounds.threadStackSize.min must not be larger than bounds.threadStackSize.max',
    { bounds: { threadStackSize: { min: '1025Ki', max: '1Mi' } } },
  ],
  [
    'bounds.threadStackSize.max must be at least 16Ki, the least that glibc accepts',
    { bounds: { threadStackSize: { max: 16383 } } },
  ],
  ['bounds.threadStackSize.min must be from 0 to 1Gi', { bounds: { threadStackSize: { min: -1 } } }],
  ['bounds.threadStackSize.max must be at most 1Gi', { bounds: { threadStackSize: { max: '1025Mi' } } }],
  ['memory.limit must be from 1Mi to 64Ti', { memory: { limit: '9999999999999999999Ti' } }],
  ['sampling.interval must be from 5s to 24h', { sampling: { interval: '4999ms' } }],
  ['sampling.timeout must be from 1s to 2m', { sampling: { timeout: '121s' } }],
  ['sampling.minObservation must be at most 8760h', { sampling: { minObservation: '8761h' } }],
  ['updatePolicy.minInterval must be at most 8760h', { updatePolicy: { minInterval: '8761h' } }],
  ['updatePolicy.rolloutTimeout must be from 1s to 24h', { updatePolicy: { rolloutTimeout: '0s' } }],
  ['updatePolicy.verifyWindow must be at most 168h', { updatePolicy: { verifyWindow: '169h' } }],
];

describe('the API server refuses', () => {
  it('every bound of the schema that is passed, and names the field', { timeout: 300_000 }, async () => {
    expect(BOUNDS.length).toBeGreaterThan(80);
    const wrong: string[] = [];
    for (const { path, value, says } of BOUNDS) {
      const said = (await refusalOf(objectOf(path.length === 0 ? value : specWith(path, value)))) ?? 'stored';
      if (!said.includes(`spec.${path.join('.')}`) || !said.includes(says)) {
        wrong.push(`${path.join('.')} = ${JSON.stringify(value)}: expected "${says}", found: ${said}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each(RULES)('%s', async (message, spec) => {
    expect(await refusalOf(objectOf({ ...SPEC, ...spec }))).toContain(message);
  });

  it('a name that leaves no room for the saved copy', async () => {
    expect(await refusalOf(objectOf(SPEC, 'w'.repeat(242)))).toContain('metadata.name must be at most 241 characters');
    expect(await refusalOf(objectOf(SPEC, 'w'.repeat(241)))).toBeNull();
  });

  it('nothing at its bounds', async () => {
    const spec = {
      ...SPEC,
      containerName: 'a'.repeat(63),
      objective: 'MaximizeConcurrency',
      bounds: {
        processes: { min: 1, max: 10_000 },
        threads: { min: 10_000, max: 10_000 },
        threadStackSize: { min: 0, max: '1Gi' },
      },
      memory: { headroomPercent: 90, limit: '64Ti' },
      sampling: { interval: '5s', maxPods: 50, minSamples: 10_000, minObservation: '8760h', timeout: '2m' },
      updatePolicy: { minInterval: '8760h', minChangePercent: 100, rolloutTimeout: '24h', verifyWindow: '168h' },
    };
    expect(await refusalOf(objectOf(spec))).toBeNull();
  });

  it('no spec, and a duration that is out of the range of any', async () => {
    expect(await refusalOf(objectOf(undefined))).toContain('spec: Required value');
    expect(await refusalOf(objectOf(specWith(['sampling', 'interval'], '99999999999999999999h')))).toContain(
      'spec.sampling.interval',
    );
  });

  it('a field that there is not, where kubectl validates as it does by itself', async () => {
    const { code, stderr } = await plane.kubectl(['create', '--dry-run=server', '-f', '-'], {
      input: JSON.stringify(objectOf({ ...SPEC, updatPolicy: {} })),
    });
    expect([code, stderr]).toEqual([1, expect.stringContaining('unknown field "spec.updatPolicy"')]);
  });

  it('is asked once about every rule', () => {
    const asked = RULES.map(([message]) => message);
    const others = rulesOf(ROOT).filter((message) => !asked.includes(message));
    expect(others).toEqual([expect.stringContaining('metadata.name must be at most 241 characters')]);
  });
});

/** Objects as an older schema may have let them in, and what the condition must name. */
const STORED: Readonly<Record<string, readonly [spec: unknown, names: RegExp]>> = {
  'no-spec': [undefined, /must have required property 'spec'/],
  'no-target': [{ config: SPEC.config }, /spec: must have required property 'targetRef'/],
  'target-is-list': [{ ...SPEC, targetRef: ['web'] }, /spec\.targetRef/],
  'dotted-name': [{ ...SPEC, targetRef: { ...SPEC.targetRef, name: '..' } }, /spec\.targetRef\.name.*found "\.\."/],
  'unknown-mode': [{ ...SPEC, updatePolicy: { mode: 'Overlay' } }, /spec\.updatePolicy\.mode.*found "Overlay"/],
  'fast-interval': [
    { ...SPEC, sampling: { interval: '1ms' } },
    /spec\.sampling\.interval: found 1ms, allowed: from 5s to 24h/,
  ],
  'below-zero': [{ ...SPEC, memory: { limit: -1 } }, /spec\.memory\.limit: "-1" is no quantity/],
  'no-list': [{ ...SPEC, bounds: { controlled: 'Threads' } }, /spec\.bounds\.controlled: must be array/],
};

/** Where a rule cannot even be evaluated the API server takes no status: the operator's log must name the field. */
const UNWRITABLE: Readonly<Record<string, readonly [spec: unknown, names: RegExp]>> = {
  'spec-is-text': ['text', /spec-is-text\\" is invalid: spec: Invalid value/],
  'endless-interval': [
    { ...SPEC, updatePolicy: { minInterval: '999999999999999h' } },
    /endless-interval\\" is invalid: spec\.updatePolicy\.minInterval: Invalid value/,
  ],
};

describe('what was stored before there were rules', () => {
  test('is Stalled with the field, and holds up no other tuning', { timeout: 240_000 }, async () => {
    const writer = createWriter(transport);
    await setSchema({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true });
    for (const [name, [spec]] of Object.entries({ ...STORED, ...UNWRITABLE }))
      await created(writer, objectOf(spec, name));
    const status = { conditions: 'none', history: { 0: 'text' }, change: { id: 7 }, sample: { digest: [1] } };
    await created(writer, objectOf({ ...SPEC, targetRef: { ...SPEC.targetRef, name: 'other' } }, 'odd-status'));
    const odd = { ...(await tuning('odd-status')), status };
    await writer.replace(tunings, { namespace: NAMESPACE, name: 'odd-status', subresource: 'status' }, odd);
    await setSchema(ROOT);
    await created(writer, objectOf({ ...SPEC, targetRef: { ...SPEC.targetRef, name: 'good' } }, 'good'));

    const kubeconfig = await operatorKubeconfig(plane, await serverOf(), 'bad-resource');
    const operator = OperatorProcess.start({ kubeconfig });
    try {
      for (const name of ['good', 'odd-status']) {
        await until(name, operator, (object) => conditionOf(object, 'Reconciling') === 'True/TargetMissing');
      }
      for (const [name, [, names]] of Object.entries(STORED)) {
        const object = await until(name, operator, (found) => conditionOf(found, 'Stalled') === 'True/SpecInvalid');
        expect(object.status?.conditions?.find(({ type }) => type === 'Stalled')?.message).toMatch(names);
      }
      // The good one is still answered: its target comes, and is seen.
      await plane.apply(deployment('good'));
      await until('good', operator, (object) => conditionOf(object, 'Reconciling') === 'True/ConfigMapMissing');
      await findsWhatIsMissing(operator);
      for (const [, names] of Object.values(UNWRITABLE)) {
        await waitFor('the log', () => Promise.resolve(names.test(operator.log) || null), { timeoutMs: 30_000 });
      }
      expect(operator.running).toBe(true);
    } finally {
      await operator.stop();
    }
    const writes = writesOf(await operatorRequests(plane.auditLog, 0)).filter((line) =>
      line.includes(` ${NAMESPACE}/`),
    );
    expect(new Set(writes.map((line) => line.replace(/ \S+$/, '')))).toEqual(
      new Set(['update uwsgitunings/status', 'create events']),
    );
  });

  /** The good tuning asks for one thing after the other that is not there, or not clear. */
  async function findsWhatIsMissing(operator: OperatorProcess): Promise<void> {
    await plane.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'web-uwsgi', namespace: NAMESPACE },
      data: { 'a.ini': '', 'b.ini': '' },
      binaryData: { 'c.ini': 'AAEC/w==' },
    });
    await plane.apply(deployment('two', ['app', 'second']));
    const config = (key: string): object => ({ config: { configMapRef: { name: 'web-uwsgi', key } } });
    const asked: [object, string][] = [
      [config('d.ini'), 'ConfigKeyMissing: ConfigMap web-uwsgi has no key d.ini; its keys: a.ini, b.ini'],
      [config('c.ini'), 'ConfigKeyBinary: key c.ini of ConfigMap web-uwsgi is in binaryData'],
      [{ ...config('a.ini'), containerName: 'nope' }, 'ContainerMissing: Deployment good has no container nope'],
      [
        { containerName: null, targetRef: { name: 'two' } },
        'ContainerAmbiguous: set spec.containerName: uWSGI may run in app, second',
      ],
    ];
    for (const [spec, says] of asked) {
      const patch = ['patch', 'uwt', 'good', '--namespace', NAMESPACE, '--type=merge', '-p', JSON.stringify({ spec })];
      await plane.kubectlOk(patch);
      await until('good', operator, ({ status }) => {
        const waits = status?.conditions?.find(({ type }) => type === 'Reconciling');
        return waits?.status === 'True' && `${waits.reason}: ${waits.message}` === says;
      });
    }
  }

  async function setSchema(openAPIV3Schema: unknown): Promise<void> {
    const name = 'uwsgitunings.uwsgi-tuner.dev';
    const version = { ...(CRD.spec.versions[0] as object), schema: { openAPIV3Schema } };
    await plane.kubectlOk([
      'patch',
      'crd',
      name,
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { versions: [version] } }),
    ]);
    // The API server takes a new schema up a moment later: until then it goes by the old one.
    const probe = objectOf({ ...SPEC, updatePolicy: { mode: 'Overlay' } }, 'probe');
    const isStrict = openAPIV3Schema === ROOT;
    await waitFor('the schema', async () => ((await refusalOf(probe)) !== null) === isStrict || null, {
      timeoutMs: 30_000,
    });
  }

  async function created(writer: ReturnType<typeof createWriter>, object: Record<string, unknown>): Promise<void> {
    await waitFor(
      'the object',
      async () => {
        try {
          await writer.create(tunings, { namespace: NAMESPACE }, object);
          return true;
        } catch (error) {
          if (error instanceof ClusterError && error.kind === 'AlreadyExists') return true;
          if (error instanceof ClusterError && error.kind === 'Invalid') return null;
          throw error;
        }
      },
      { timeoutMs: 20_000 },
    );
  }

  function tuning(name: string): Promise<UwsgiTuning> {
    return read<UwsgiTuning>(transport, tunings, { namespace: NAMESPACE, name });
  }

  async function serverOf(): Promise<string> {
    return (await transport.access()).server;
  }

  function until(
    name: string,
    operator: OperatorProcess,
    accept: (object: UwsgiTuning) => boolean,
  ): Promise<UwsgiTuning> {
    return waitFor(
      name,
      async () => {
        const object = await tuning(name);
        // What the test stored may still be there: conditions that are text.
        const isRead = Array.isArray(object.status?.conditions);
        return isRead && accept(object) ? object : null;
      },
      {
        timeoutMs: 60_000,
        describe: async () => `${JSON.stringify((await tuning(name)).status)}\n${operator.log.slice(-3000)}`,
      },
    );
  }

  function deployment(name: string, containers: readonly string[] = ['app']): object {
    const labels = { app: name };
    return {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: NAMESPACE },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: containers.map((each) => ({ name: each, image: 'uwt.local/none:1', command: ['uwsgi'] })),
          },
        },
      },
    };
  }
});
