import { describe, expect, test } from 'vitest';
import type { UwsgiTuning } from '../../../src/api/uwsgi-tuning.ts';
import { decideUnseen, type UnseenDecision } from '../../../src/core/decide/unseen.ts';
import { tuning } from '../../support/builders.ts';
import { change, MINUTE, START } from './builders.ts';

const FINALIZER = 'uwsgi-tuner.dev/change-in-flight';
const FAILURE = 'GET /api/v1/namespaces/shop/configmaps/web-uwsgi: 403';

interface Given {
  readonly deleted?: boolean;
  readonly finalizers?: readonly string[];
  readonly status?: UwsgiTuning['status'];
  readonly since?: number;
}

/** A decision so long after START, when the tuning was deleted. */
function after(minutes: number, given: Given = {}): UnseenDecision {
  const { deleted = true, finalizers = [FINALIZER], status = { change: change() }, since = START } = given;
  const object = tuning({ updatePolicy: { mode: 'Patch' } });
  const deletion = deleted ? { deletionTimestamp: new Date(START).toISOString() } : {};
  const metadata = { ...object.metadata, ...deletion, finalizers: [...finalizers] };
  return decideUnseen({ ...object, metadata, status }, { since, failure: FAILURE }, START + minutes * MINUTE);
}

describe('a tuning that cannot be read', () => {
  test.each<[string, UnseenDecision['kind'], UnseenDecision]>([
    ['that nobody deleted waits for ever', 'Wait', after(1000, { deleted: false })],
    ['that holds nothing back waits for ever', 'Wait', after(1000, { finalizers: ['example.com/other'] })],
    ['that was deleted less than 10 minutes ago waits', 'Wait', after(9.99)],
    ['that was deleted 10 minutes ago is settled', 'Settle', after(10)],
    ['without a change is released', 'Release', after(10, { status: {} })],
    ['that could be read a moment ago waits', 'Wait', after(30, { since: START + 29.1 * MINUTE })],
    ['that could be read a minute ago is settled', 'Settle', after(30, { since: START + 29 * MINUTE })],
  ])('%s', (_name, expected, decision) => {
    expect(decision.kind).toBe(expected);
  });

  test('says at its end what was given up and why', () => {
    const history = Array.from({ length: 10 }, (_, index) => ({ id: `change-${9 - index}` }));
    const settled = after(10, { status: { change: change({ id: 'change-10' }), history } });
    if (settled.kind !== 'Settle') throw new Error(settled.kind);
    const [newest, next] = settled.status.history ?? [];
    expect(newest).toMatchObject({ id: 'change-10', verdict: 'Failed', reason: 'PutBackFailed' });
    expect(newest?.message).toContain(FAILURE);
    expect(next?.id).toBe('change-9');
    expect(settled.status.change).toBeUndefined();
    expect(settled.status.history).toHaveLength(10);
  });
});
