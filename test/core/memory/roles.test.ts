import { describe, expect, it } from 'vitest';
import { rolesOf } from '../../../src/core/memory/roles.ts';
import type { RoleEvidence } from '../../../src/core/memory/roles.ts';
import { thread } from './rows.ts';

/** A uWSGI process with so many cores' threads. */
function uwsgi(pid: number, parentPid: number, cores = 0, more: Partial<RoleEvidence> = {}): RoleEvidence {
  const threads = [thread(pid, false), ...Array.from({ length: cores }, (_, n) => thread(pid * 100 + n, true))];
  return { pid, parentPid, uwsgi: true, hint: null, threads, threadsRead: true, ...more };
}

function roles(processes: readonly RoleEvidence[], configured: number | null = null): (string | null)[] {
  return [...rolesOf(processes, configured).values()];
}

describe('roles by tree and threads', () => {
  it.each<[string, RoleEvidence[], (string | null)[]]>([
    ['a master that is PID 1', [uwsgi(1, 0), uwsgi(7, 1, 3), uwsgi(8, 1, 3)], ['master', 'worker', 'worker']],
    ['under tini', [uwsgi(1, 0, 0, { uwsgi: false }), uwsgi(6, 1), uwsgi(7, 6, 3)], ['other', 'master', 'worker']],
    ['no master at all', [uwsgi(1, 0, 3)], ['worker']],
    ['a mule beside workers with threads', [uwsgi(1, 0), uwsgi(7, 1, 3), uwsgi(8, 1)], ['master', 'worker', 'other']],
    ['workers of one thread', [uwsgi(1, 0), uwsgi(7, 1), uwsgi(8, 1)], ['master', 'worker', 'worker']],
    ['an emperor', [uwsgi(1, 0), uwsgi(5, 1), uwsgi(7, 5, 3)], ['other', 'master', 'worker']],
    ['a master with a logger thread', [uwsgi(1, 0, 1), uwsgi(7, 1, 3)], ['master', 'worker']],
    [
      'automatic titles',
      [uwsgi(1, 0, 0, { hint: 'master' }), uwsgi(7, 1, 0, { hint: 'worker' }), uwsgi(8, 1, 0, { hint: 'other' })],
      ['master', 'worker', 'other'],
    ],
    [
      "uWSGI 2.0.31's own names",
      [uwsgi(1, 0), uwsgi(7, 1, 0, { threads: [thread(7, false, { name: 'uWSGIWorker1Cor' })] }), uwsgi(8, 1)],
      ['master', 'worker', 'other'],
    ],
  ])('%s', (_, processes, expected) => {
    expect(roles(processes)).toEqual(expected);
  });

  it('are unknown of children whose threads were not read', () => {
    const unread = { threadsRead: false };
    expect(roles([uwsgi(1, 0), uwsgi(7, 1, 0, unread), uwsgi(8, 1)])).toEqual(['master', null, null]);
    expect(roles([uwsgi(1, 0), uwsgi(7, 1, 0, { ...unread, hint: 'worker' })])).toEqual(['master', 'worker']);
  });

  it('are unknown where more processes of one thread run than the configuration has workers', () => {
    expect(roles([uwsgi(1, 0), uwsgi(7, 1), uwsgi(8, 1)], 1)).toEqual(['master', null, null]);
    expect(roles([uwsgi(1, 0), uwsgi(7, 1), uwsgi(8, 1)], 2)).toEqual(['master', 'worker', 'worker']);
  });
});
