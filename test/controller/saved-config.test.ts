import { describe, expect, test } from 'vitest';
import type { ConfigMap } from '../../src/api/objects.ts';
import { readSavedConfig, savedConfigName, savedConfigObject } from '../../src/controller/saved-config.ts';

const SAVED = { text: '[uwsgi]\nprocesses = 4\n', hash: 'abc', key: 'uwsgi.ini', configMapUid: 'configmap-1' };
const OBJECT = savedConfigObject('shop', 'web', SAVED);

test('the copy names its source and has no owner: it outlives the tuning', () => {
  expect(OBJECT).toEqual({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'web-uwsgi-saved',
      namespace: 'shop',
      labels: { 'app.kubernetes.io/managed-by': 'uwsgi-tuner' },
      annotations: {
        'uwsgi-tuner.dev/saved-hash': 'abc',
        'uwsgi-tuner.dev/saved-key': 'uwsgi.ini',
        'uwsgi-tuner.dev/saved-configmap-uid': 'configmap-1',
      },
    },
    data: { 'uwsgi.ini': '[uwsgi]\nprocesses = 4\n' },
  });
  expect(savedConfigName('web')).toBe('web-uwsgi-saved');
});

test('what was saved is read back', () => {
  expect(readSavedConfig(OBJECT as unknown as ConfigMap)).toEqual(SAVED);
});

describe('a ConfigMap of that name is no copy', () => {
  const object = OBJECT as unknown as ConfigMap;
  const annotations = object.metadata.annotations ?? {};
  const without = (name: string): ConfigMap => ({
    ...object,
    metadata: {
      ...object.metadata,
      annotations: Object.fromEntries(Object.entries(annotations).filter(([key]) => !key.endsWith(name))),
    },
  });

  test.each<[string, ConfigMap]>([
    ['without the hash', without('saved-hash')],
    ['without the key', without('saved-key')],
    ['without the uid', without('saved-configmap-uid')],
    ['without the text', { ...object, data: { other: '' } }],
    ['without data', { metadata: object.metadata }],
  ])('%s', (_name, copy) => {
    expect(readSavedConfig(copy)).toBeNull();
  });
});
