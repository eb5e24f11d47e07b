import { describe, expect, it } from 'vitest';
import { describeIntent } from '../../scripts/demo/consent.ts';
import { BLOG, DARING, sharedObjects, tuningObject, workloadObjects, PATCH } from '../../scripts/demo/manifests.ts';
import { NAMESPACE } from '../../scripts/demo/stage.ts';

const INTENT = { context: 'prod-eu', server: 'https://198.51.100.7', image: 'example/app:1', crdExists: false };

describe('describeIntent', () => {
  const text = describeIntent(INTENT).replace(/\s+/g, ' ');

  it('names the cluster, the image and everything that is made', () => {
    for (const word of ['prod-eu', 'https://198.51.100.7', 'example/app:1', NAMESPACE, BLOG.name, DARING.name]) {
      expect(text).toContain(word);
    }
    expect(text).toContain('uwsgitunings.uwsgi-tuner.dev, removed at the end');
  });

  it('says that a CustomResourceDefinition that is there stays', () => {
    const there = describeIntent({ ...INTENT, crdExists: true }).replace(/\s+/g, ' ');

    expect(there).toContain('is there already and stays as it is');
  });
});

describe('what the demo makes', () => {
  it('is all in its namespace', () => {
    const image = { reference: 'a', pullPolicy: 'IfNotPresent' } as const;
    const objects = [
      ...sharedObjects(),
      ...[BLOG, DARING].flatMap((plan) => [...workloadObjects(plan, image), tuningObject(plan, PATCH)]),
    ] as readonly { kind: string; metadata: { name: string; namespace?: string } }[];

    const elsewhere = objects.filter(({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace !== NAMESPACE);
    expect(elsewhere).toEqual([]);
    expect(objects.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name)).toEqual([
      NAMESPACE,
    ]);
  });
});
