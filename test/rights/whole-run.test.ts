/** All requests of the operator in all tests on a node, against the rights that the chart gives it. */
import { expect, test } from 'vitest';
import { readUses } from '../support/rights-record.ts';
import { compareRights, rightsOfChart } from '../support/rights.ts';

/** Rights that no test on this API server can use, each with its reason. */
const UNUSED: Readonly<Record<string, string>> = {
  'create pods/exec': 'API servers from 1.35 on ask for it where older ones ask for get; the test server is 1.34',
};

test('no request was refused, and none was made without a right of the chart', async () => {
  expect(compareRights(await rightsOfChart(), await readUses()).missing).toEqual([]);
});

test('every right of the chart was used, but for those with a written reason', async () => {
  expect(compareRights(await rightsOfChart(), await readUses()).unused.toSorted()).toEqual(
    Object.keys(UNUSED).toSorted(),
  );
});

test('every right that is left in read-only was used too', async () => {
  const { unused } = compareRights(await rightsOfChart('readOnly=true'), await readUses());
  expect(unused.toSorted()).toEqual(Object.keys(UNUSED).toSorted());
});

test('a Role in a namespace holds what the ClusterRole does', async () => {
  const actions = async (namespace: string | null, ...values: string[]): Promise<string[]> =>
    (await rightsOfChart(...values)).filter((right) => right.namespace === namespace).map(({ action }) => action);
  const everywhere = await actions(null);
  expect(everywhere.length).toBeGreaterThan(0);
  expect(await actions('shop', 'watch.namespaces={shop,office}')).toEqual(everywhere);
  expect(await actions('office', 'watch.namespaces={shop,office}')).toEqual(everywhere);
  expect(await actions(null, 'watch.namespaces={shop,office}')).toEqual([]);
});
