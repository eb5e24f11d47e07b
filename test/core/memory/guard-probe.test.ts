import { describe, expect, it } from 'vitest';
import { parseGuardProbe } from '../../../src/core/memory/guard-probe.ts';

const WHOLE = '@uwsgi-tuner guard 1\noom_kill 2\nprocess 1 0 10 0\nprocess 7 1 12 1\nend 2\n';

describe('a guard probe', () => {
  it('tells OOM kills and uWSGI processes', () => {
    expect(parseGuardProbe(WHOLE)).toEqual({ oomKills: 2, processes: [{ pid: 7, parentPid: 1, startTicks: 12 }] });
    expect(parseGuardProbe('@uwsgi-tuner guard 1\nend 0\n')).toEqual({ oomKills: null, processes: [] });
  });

  it('is nothing wherever it is cut', () => {
    for (let length = 0; length < WHOLE.length; length += 1) expect(parseGuardProbe(WHOLE.slice(0, length))).toBeNull();
  });

  it.each([
    ['another text', 'Error: no such container\n'],
    ['CR LF', WHOLE.replaceAll('\n', '\r\n')],
    ['a word for a number', WHOLE.replace('7 1 12', '7 x 12')],
    ['a line of another kind', WHOLE.replace('oom_kill 2', 'oom 2')],
    ['text behind its end', `${WHOLE}more\n`],
  ])('is nothing in %s', (_, text) => {
    expect(parseGuardProbe(text)).toBeNull();
  });
});
