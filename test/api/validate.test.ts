import { describe, expect, test } from 'vitest';
import { NO_SPEC, validateTuning, withoutSpec } from '../../src/api/validate.ts';

const OBJECT = {
  apiVersion: 'uwsgi-tuner.dev/v1alpha1',
  kind: 'UwsgiTuning',
  metadata: { name: 'web', namespace: 'shop' },
  spec: {
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
    config: { configMapRef: { name: 'web-uwsgi', key: 'uwsgi.ini' } },
  },
};

function problems(spec: object): readonly string[] {
  const validation = validateTuning({ ...OBJECT, spec: { ...OBJECT.spec, ...spec } });
  return validation.ok ? [] : validation.problems;
}

describe('a valid tuning', () => {
  test('gets the defaults of the schema, and the input stays as it is', () => {
    const input = structuredClone(OBJECT);
    const validation = validateTuning(input);
    expect(input).toEqual(OBJECT);
    if (!validation.ok) throw new Error(validation.problems.join());
    expect(validation.tuning.spec.updatePolicy).toEqual({
      mode: 'Recommend',
      rollout: 'Restart',
      suspend: false,
      minInterval: '1h',
      minChangePercent: 10,
      rolloutTimeout: '10m',
      verifyWindow: '10m',
    });
    expect(validation.tuning.spec.sampling).toEqual({
      interval: '5m',
      maxPods: 3,
      minSamples: 12,
      minObservation: '24h',
      timeout: '20s',
    });
    expect(validation.tuning.spec.memory).toMatchObject({ headroomPercent: 15, stackCharge: 'HighWater' });
  });

  test.each([
    ['sizes as text', { bounds: { threadStackSize: { min: '512Ki', max: '8Mi' } } }],
    ['sizes as numbers', { memory: { limit: 536_870_912 } }],
  ])('with %s', (_name, spec) => {
    expect(problems(spec)).toEqual([]);
  });
});

describe('an invalid tuning names the field, what was found and what is allowed', () => {
  test('an unknown value of an enum', () => {
    const [problem] = problems({ updatePolicy: { mode: 'Overlay' } });
    expect(problem).toMatch(/^spec\.updatePolicy\.mode: .*\(Recommend, Patch\), found "Overlay"$/);
  });

  test('a duration that is none', () => {
    const [problem] = problems({ sampling: { interval: '7d' } });
    expect(problem).toMatch(/^spec\.sampling\.interval: .*, found "7d"$/);
  });

  test('a number out of range', () => {
    const [problem] = problems({ bounds: { processes: { min: 0 } } });
    expect(problem).toBe('spec.bounds.processes.min: must be >= 1, found 0');
  });

  test('every problem, not only the first', () => {
    expect(problems({ updatePolicy: { mode: 'x', suspend: 'yes' } })).toHaveLength(2);
  });

  test('a missing field, whose content is not printed', () => {
    expect(validateTuning({ ...OBJECT, spec: { config: OBJECT.spec.config } })).toEqual({
      ok: false,
      problems: ["spec: must have required property 'targetRef'"],
    });
  });

  test.each([[null], ['text'], [[]]])('%j is no tuning', (object) => {
    const validation = validateTuning(object);
    expect(validation.ok).toBe(false);
    expect(validation.ok ? [] : validation.problems).toHaveLength(1);
  });
});

describe('a status that is not of the schema', () => {
  const CONDITION = { type: 'Ready', status: 'True', reason: 'Measured', message: '', lastTransitionTime: '' };

  test('loses what cannot be read of it, and nothing else', () => {
    const status = { conditions: [CONDITION], history: 'none', change: { id: 7 }, observedGeneration: 3 };
    const validation = validateTuning({ ...OBJECT, status });
    expect(validation.ok ? validation.tuning.status : validation).toEqual({
      conditions: [CONDITION],
      observedGeneration: 3,
    });
  });

  test.each([['text'], [[1]], [7]])('that is %j is left out', (status) => {
    const validation = validateTuning({ ...OBJECT, status });
    expect(validation.ok ? (validation.tuning.status ?? {}) : validation).toEqual({});
  });

  test('is kept beside a spec that cannot be read, which then names nothing', () => {
    const { spec, status, metadata } = withoutSpec({ metadata: OBJECT.metadata, status: { conditions: [CONDITION] } });
    expect({ spec, status, metadata }).toEqual({
      spec: NO_SPEC,
      status: { conditions: [CONDITION] },
      metadata: OBJECT.metadata,
    });
  });
});
