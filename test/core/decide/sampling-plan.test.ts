import fc from 'fast-check';
import { expect, test } from 'vitest';
import { choosePods } from '../../../src/core/decide/sampling-plan.ts';
import { pod } from './builders.ts';

const at = (name: string, node: string, createdAt: number) => pod({ name, uid: name, node, createdAt });

test('one pod of each node before a second one of any', () => {
  const pods = [at('a1', 'a', 1), at('a2', 'a', 2), at('a3', 'a', 3), at('b1', 'b', 4), at('c1', 'c', 5)];
  expect(choosePods(pods, 3, 0)).toEqual(['a1', 'b1', 'c1']);
});

test('of one node the oldest, then the newest, then the ages between', () => {
  const pods = [4, 2, 1, 3].map((age) => at(`p${age}`, 'a', age));
  expect(choosePods(pods, 4, 0)).toEqual(['p1', 'p4', 'p2', 'p3']);
});

test('the next round begins elsewhere', () => {
  const pods = ['a', 'b', 'c'].map((node, index) => at(node, node, index));
  expect([0, 1, 2, 3].map((turn) => choosePods(pods, 1, turn)[0])).toEqual(['a', 'b', 'c', 'a']);
});

test('pods that cannot be measured are left out', () => {
  const pods = [
    pod({ name: 'gone', terminating: true }),
    pod({ name: 'starting', running: false }),
    pod({ name: 'unready', ready: false }),
    pod({ name: 'good' }),
  ];
  expect(choosePods(pods, 3, 0)).toEqual(['good']);
  expect(choosePods([], 3, 0)).toEqual([]);
});

test('as many different pods as asked for, or all there are', () => {
  const nodes = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
  fc.assert(
    fc.property(nodes, fc.integer({ min: 1, max: 6 }), fc.nat({ max: 50 }), (list, max, turn) => {
      const chosen = choosePods(
        list.map((node, index) => at(`p${index}`, node, index)),
        max,
        turn,
      );
      expect(chosen).toHaveLength(Math.min(max, list.length));
      expect(new Set(chosen).size).toBe(chosen.length);
    }),
    { seed: 1, numRuns: 200 },
  );
});
