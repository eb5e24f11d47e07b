import { describe, expect, test } from 'vitest';
import type { TuningSpec } from '../../../src/api/uwsgi-tuning.ts';
import { policyInForce, readPolicy } from '../../../src/core/decide/policy.ts';
import { kib, mib } from '../../../src/core/quantity.ts';
import { tuning } from '../../support/builders.ts';
import { change } from './builders.ts';

const BARE: TuningSpec = {
  targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
  config: { configMapRef: { name: 'web-uwsgi', key: 'uwsgi.ini' } },
};

describe('the defaults', () => {
  test('are those of design.md 3.1', () => {
    expect(readPolicy(BARE)).toEqual({
      problems: [],
      policy: {
        targetName: 'web',
        containerName: null,
        configMapName: 'web-uwsgi',
        configKey: 'uwsgi.ini',
        format: 'Ini',
        section: 'uwsgi',
        mode: 'Recommend',
        suspend: false,
        minIntervalMs: 3_600_000,
        minChangePercent: 10,
        rolloutTimeoutMs: 600_000,
        verifyWindowMs: 600_000,
        sizing: {
          objective: 'PreserveConcurrency',
          bounds: {
            processes: { min: null, max: null },
            threads: { min: null, max: null },
            threadStackSize: { min: null, max: null, allowBelowFloor: false },
          },
          controlled: ['Processes', 'Threads', 'ThreadStackSize'],
          headroomPercent: 15,
          stackCharge: 'HighWater',
        },
        limitOverride: null,
        intervalMs: 300_000,
        maxPods: 3,
        minSamples: 12,
        minObservationMs: 86_400_000,
        sampleTimeoutMs: 20_000,
      },
    });
  });

  test('are the same as those of the schema', () => {
    expect(readPolicy(tuning().spec)).toEqual(readPolicy(BARE));
  });
});

test('what is set is read in bytes and milliseconds', () => {
  const { policy, problems } = readPolicy({
    ...BARE,
    containerName: 'app',
    bounds: {
      processes: { min: 2, max: 16 },
      threadStackSize: { min: '512Ki', max: 8_388_608, allowBelowFloor: true },
    },
    memory: { limit: '512Mi', headroomPercent: 20, stackCharge: 'Reserved' },
    updatePolicy: { mode: 'Patch', minInterval: '90s' },
  });
  expect(problems).toEqual([]);
  expect(policy.containerName).toBe('app');
  expect(policy.sizing.bounds.processes).toEqual({ min: 2, max: 16 });
  expect(policy.sizing.bounds.threadStackSize).toEqual({ min: kib(512), max: mib(8), allowBelowFloor: true });
  expect([policy.sizing.headroomPercent, policy.sizing.stackCharge]).toEqual([20, 'Reserved']);
  expect([policy.limitOverride, policy.mode, policy.minIntervalMs]).toEqual([mib(512), 'Patch', 90_000]);
});

test.each<[string, Partial<TuningSpec>, string]>([
  [
    'a duration',
    { updatePolicy: { minInterval: '7d' } },
    'spec.updatePolicy.minInterval: "7d" is no duration such as 10m or 1h30m',
  ],
  ['a size', { memory: { limit: 'much' } }, 'spec.memory.limit: "much" is no quantity of bytes such as 512Ki'],
  [
    'a key of variables',
    { config: { configMapRef: { name: 'web-uwsgi', key: 'uwsgi.env' } } },
    'spec.config.configMapRef.key: "uwsgi.env" looks like variables; set spec.config.format if uWSGI reads it as a file',
  ],
])('%s that cannot be read is a problem that names the field', (_name, spec, problem) => {
  expect(readPolicy({ ...BARE, ...spec }).problems).toEqual([problem]);
});

test('a key of variables is no problem where the format says Ini', () => {
  const config = { configMapRef: { name: 'web-uwsgi', key: 'uwsgi.env' }, format: 'Ini' as const };
  expect(readPolicy({ ...BARE, config }).problems).toEqual([]);
});

test.each([
  ['uwsgi.yaml', 'Yaml'],
  ['uwsgi.yml', 'Yaml'],
  ['uwsgi.json', 'Json'],
  ['uwsgi.js', 'Json'],
  ['uwsgi.xml', 'Xml'],
  ['uwsgi_conf', 'Ini'],
  ['uwsgi.YAML', 'Ini'],
])('the dialect of key %s is %s, as uWSGI takes it by the suffix', (key, format) => {
  expect(readPolicy({ ...BARE, config: { configMapRef: { name: 'web-uwsgi', key } } }).policy.format).toBe(format);
});

test('a change in flight keeps its dialect and section, whatever the spec says now', () => {
  const { policy } = readPolicy({ ...BARE, config: { ...BARE.config, section: 'other', format: 'Yaml' } });
  expect(policyInForce(policy, change())).toMatchObject({ section: 'uwsgi', format: 'Ini' });
  expect(policyInForce(policy, undefined)).toMatchObject({ section: 'other', format: 'Yaml' });
});

describe('what an older schema let in is a problem that names the field, what was found and what is allowed', () => {
  test.each<[object, string]>([
    [{ sampling: { interval: '1ms' } }, 'spec.sampling.interval: found 1ms, allowed: from 5s to 24h'],
    [{ sampling: { timeout: '3m' } }, 'spec.sampling.timeout: found 3m, allowed: from 1s to 2m'],
    [{ sampling: { minObservation: '9000h' } }, 'spec.sampling.minObservation: found 9000h, allowed: from 0s to 8760h'],
    [
      { updatePolicy: { minInterval: '99999999999999999h' } },
      'spec.updatePolicy.minInterval: found 99999999999999999h, allowed: from 0s to 8760h',
    ],
    [{ updatePolicy: { rolloutTimeout: '0s' } }, 'spec.updatePolicy.rolloutTimeout: found 0s, allowed: from 1s to 24h'],
    [
      { updatePolicy: { verifyWindow: '169h' } },
      'spec.updatePolicy.verifyWindow: found 169h, allowed: from 0s to 168h',
    ],
    [{ memory: { limit: 7 } }, 'spec.memory.limit: found 7, allowed: from 1Mi to 64Ti'],
    [
      { bounds: { threadStackSize: { min: '2Gi' } } },
      'spec.bounds.threadStackSize.min: found 2Gi, allowed: from 0 to 1Gi',
    ],
    [
      { bounds: { threadStackSize: { max: 1 } } },
      'spec.bounds.threadStackSize.max: found 1, allowed: from 16Ki to 1Gi',
    ],
  ])('%j', (spec, problem) => {
    expect(readPolicy({ ...BARE, ...spec }).problems).toEqual([problem]);
  });
});
