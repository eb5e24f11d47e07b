/** A right that is taken away while a change is in flight: the deletion of the tuning does not wait for it for ever. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { UwsgiTuning } from '../../src/api/uwsgi-tuning.ts';
import { loadCredentials } from '../../src/cluster/credentials.ts';
import { createTransport, type Transport } from '../../src/cluster/transport.ts';
import { createWriter } from '../../src/cluster/writers.ts';
import { Reconciler, type ReconcilerOptions } from '../../src/controller/reconciler.ts';
import type { EventIntent } from '../../src/core/decide/transitions.ts';
import { startControlPlane, type ControlPlane } from '../cluster/index.ts';
import { change, MINUTE } from '../core/decide/builders.ts';
import { installRights, operatorKubeconfig } from '../support/operator-process.ts';
import { waitFor } from '../support/wait.ts';

const PLACE = ['--namespace', 'shop'];
const KEY = 'shop/web';
let plane: ControlPlane;
let transport: Transport;

beforeAll(async () => {
  plane = await startControlPlane();
  await installRights(plane);
  const server = await plane.kubectlOk(['config', 'view', '--output=jsonpath={.clusters[0].cluster.server}']);
  const kubeconfig = await operatorKubeconfig(plane, server, 'rights');
  transport = createTransport(await loadCredentials({ kubeconfig }));
  await plane.apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web-uwsgi', namespace: 'shop' }, data: { k: 'new' } },
    {
      apiVersion: 'uwsgi-tuner.dev/v1alpha1',
      kind: 'UwsgiTuning',
      metadata: { name: 'web', namespace: 'shop', finalizers: ['uwsgi-tuner.dev/change-in-flight'] },
      spec: {
        targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
        config: { configMapRef: { name: 'web-uwsgi', key: 'k' } },
        updatePolicy: { mode: 'Patch' },
      },
    },
  ]);
  const status = JSON.stringify({ status: { change: change() } });
  await plane.kubectlOk([...PLACE, 'patch', 'uwt', 'web', '--subresource=status', '--type=merge', '--patch', status]);
});

afterAll(async () => {
  await transport.close();
  await plane.down();
});

/** Takes the right to read ConfigMaps from the operator's role, and waits until the API server refuses. */
async function takeRightAway(): Promise<void> {
  const role = JSON.parse(await plane.kubectlOk(['get', 'clusterrole', 'uwsgi-tuner', '--output=json'])) as {
    rules: { resources: string[] }[];
  };
  const rules = role.rules.filter(({ resources }) => !resources.includes('configmaps'));
  expect(rules).toHaveLength(role.rules.length - 1);
  await plane.kubectlOk(['replace', '--filename=-'], { input: JSON.stringify({ ...role, rules }) });
  const ask = [
    ...PLACE,
    'auth',
    'can-i',
    'get',
    'configmaps',
    '--as=system:serviceaccount:uwsgi-tuner-system:uwsgi-tuner',
  ];
  const refused = async (): Promise<true | null> => ((await plane.kubectl(ask)).code === 0 ? null : true);
  await waitFor('the refusal', refused, { timeoutMs: 30_000 });
}

test('the finalizer goes 10 minutes after the deletion, and the config stays as it is', async () => {
  await takeRightAway();
  await plane.kubectlOk([...PLACE, 'delete', 'uwt', 'web', '--wait=false']);
  let later = 0;
  const events: EventIntent[] = [];
  const statuses: UwsgiTuning['status'][] = [];
  const options: Partial<ReconcilerOptions> = {
    transport,
    writer: createWriter(transport),
    readOnly: false,
    now: () => Date.now() + later,
    duplicateOf: () => null,
    otherChange: () => null,
    publish: (published) => void events.push(...published),
    onStatus: (_tuning, _before, after) => void statuses.push(after),
  };
  const reconciler = new Reconciler(options as ReconcilerOptions);
  const signal = new AbortController().signal;
  for (later = 0; later < 9 * MINUTE; later += MINUTE) {
    await expect(reconciler.reconcile(KEY, signal)).rejects.toMatchObject({ kind: 'Forbidden' });
  }
  expect(statuses).toEqual([]);
  later = 10 * MINUTE;
  for (let round = 0; round < 2; round++) await reconciler.reconcile(KEY, signal);
  expect(statuses[0]?.history?.[0]).toMatchObject({ verdict: 'Failed', reason: 'PutBackFailed' });
  expect(events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Warning Failed']);
  expect(await plane.kubectlOk([...PLACE, 'get', 'uwt', '--output=name'])).toBe('');
  expect(await reconciler.reconcile(KEY, signal)).toBeNull();
  expect(await plane.kubectlOk([...PLACE, 'get', 'configmap', 'web-uwsgi', '--output=jsonpath={.data.k}'])).toBe('new');
});
