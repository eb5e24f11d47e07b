/** Objects as the API server gives them, with everything left out that may be: seen without an exception. */
import fc from 'fast-check';
import type { ConfigMap, Deployment, Pod } from '../../../src/api/objects.ts';
import { changeOfOther, olderTwin, tuningSkeleton } from '../../../src/controller/duplicates.ts';
import { formatSelector } from '../../../src/controller/observe.ts';
import { readSavedConfig } from '../../../src/controller/saved-config.ts';
import { usesConfigMap, viewConfigMap, viewDeployment, viewPod } from '../../../src/core/decide/views.ts';
import { edited, edits } from '../json.ts';
import { law, subject } from '../subject.ts';
import { tuning } from '../../support/builders.ts';

const word = fc.constantFrom('web', 'app', 'web-uwsgi', 'uwsgi.ini', '');
const texts = fc.dictionary(word, fc.constantFrom('true', '', 'x'), { maxKeys: 2 });
const some = <T extends Record<string, fc.Arbitrary<unknown>>>(
  fields: T,
  required: readonly (keyof T & string)[] = [],
) => fc.record(fields, { requiredKeys: [...required] }) as fc.Arbitrary<object>;
const list = (item: fc.Arbitrary<unknown>): fc.Arbitrary<unknown[]> => fc.array(item, { maxLength: 2 });

const metadata = some(
  {
    name: word,
    namespace: word,
    uid: word,
    resourceVersion: word,
    generation: fc.nat({ max: 3 }),
    creationTimestamp: fc.constantFrom('2026-01-01T00:00:00Z', ''),
    deletionTimestamp: fc.constant('2026-01-01T00:00:00Z'),
    labels: texts,
    annotations: fc.dictionary(
      fc.constantFrom('uwsgi-tuner.dev/ignore', 'uwsgi-tuner.dev/saved-hash', 'argocd.argoproj.io/tracking-id'),
      word,
    ),
    ownerReferences: list(some({ kind: word, name: word, controller: fc.boolean() }, ['kind', 'name'])),
    managedFields: list(some({ manager: word, operation: word, fieldsV1: fc.constant({}) })),
  },
  ['name'],
);
const source = some({ name: word, items: list(some({ key: word, path: word }, ['key', 'path'])) });
const container = some(
  {
    name: word,
    image: word,
    command: list(word),
    args: list(word),
    env: list(
      some({ name: word, valueFrom: some({ configMapKeyRef: some({ name: word, key: word }, ['key']) }) }, ['name']),
    ),
    envFrom: list(some({ configMapRef: some({ name: word }) })),
    volumeMounts: list(some({ name: word, mountPath: word, subPath: word }, ['name', 'mountPath'])),
    resources: some({
      limits: fc.dictionary(
        fc.constantFrom('memory', 'cpu'),
        fc.constantFrom<unknown>('1Gi', '500m', 7, '1e3', '-1', 'x'),
      ),
    }),
  },
  ['name'],
);
const podSpec = some(
  {
    nodeName: word,
    containers: list(container),
    initContainers: list(container),
    volumes: list(
      some({ name: word, configMap: source, projected: some({ sources: list(some({ configMap: source })) }) }, [
        'name',
      ]),
    ),
  },
  ['containers'],
);
const terminated = some({ reason: word, exitCode: fc.nat({ max: 255 }), startedAt: word, finishedAt: word });
const state = some({ running: some({ startedAt: word }), waiting: some({ reason: word, message: word }), terminated });
const pod = some(
  {
    metadata,
    spec: podSpec,
    status: some({
      phase: word,
      conditions: list(
        some({ type: fc.constantFrom('Ready', 'x'), status: word, lastTransitionTime: word }, ['type', 'status']),
      ),
      containerStatuses: list(
        some(
          {
            name: word,
            image: word,
            imageID: word,
            containerID: word,
            ready: fc.boolean(),
            restartCount: fc.nat(),
            state,
            lastState: some({ terminated }),
          },
          ['name'],
        ),
      ),
    }),
  },
  ['metadata', 'spec'],
);
const selector = some({
  matchLabels: texts,
  matchExpressions: list(
    some({ key: word, operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist'), values: list(word) }, [
      'key',
      'operator',
    ]),
  ),
});
const deployment = some(
  {
    metadata,
    spec: some(
      {
        replicas: fc.nat({ max: 99 }),
        paused: fc.boolean(),
        selector,
        template: some({ metadata: some({ annotations: texts, labels: texts }), spec: podSpec }, ['spec']),
      },
      ['selector', 'template'],
    ),
    status: some({
      observedGeneration: fc.nat({ max: 3 }),
      replicas: fc.nat(),
      updatedReplicas: fc.nat(),
      availableReplicas: fc.nat(),
      conditions: list(
        some({ type: fc.constantFrom('Progressing', 'x'), status: word, reason: word, message: word }, [
          'type',
          'status',
        ]),
      ),
    }),
  },
  ['metadata', 'spec'],
);
const configMap = some({ metadata, data: texts, binaryData: texts, immutable: fc.boolean() }, ['metadata']);

const input = fc.record({ pod, deployment, configMap, container: fc.option(word), tuningEdits: edits });

export const views = subject('views', 10, input, (value) => {
  const [seenPod, object, config] = [value.pod as Pod, value.deployment as Deployment, value.configMap as ConfigMap];
  const workload = viewDeployment(object, { container: value.container, configMap: 'web-uwsgi' });
  for (const { memoryLimit } of workload.candidates) {
    law(memoryLimit === null || Number.isSafeInteger(memoryLimit), `a limit of ${String(memoryLimit)}`);
  }
  const times = Object.entries(viewPod(seenPod, value.container ?? 'app')).filter(
    ([, field]) => typeof field === 'number',
  );
  law(
    times.every(([, field]) => Number.isFinite(field)),
    `a pod of ${JSON.stringify(times)}`,
  );
  const { text, keys } = viewConfigMap(config, 'uwsgi.ini');
  law((text !== null) === keys.includes('uwsgi.ini'), 'a text without its key');
  law(!/\0/.test(formatSelector(object.spec.selector)), 'a selector that is none');
  for (const each of seenPod.spec.containers) usesConfigMap(seenPod.spec, each, 'web-uwsgi', 'uwsgi.ini');
  readSavedConfig(config);
  const whole = tuning({}, { status: { change: { workload: { name: 'web' }, startedAt: '2026-01-01T00:00:00Z' } } });
  const { metadata: kept, ...rest } = whole;
  const skeleton = tuningSkeleton({ ...edited(rest, value.tuningEdits), metadata: kept });
  const younger = { ...whole, metadata: { ...kept, uid: 'other' } };
  olderTwin(younger, [skeleton]);
  changeOfOther(younger, [skeleton]);
});
