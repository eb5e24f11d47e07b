/** Log lines, the baseline of a log, and what the guard's probe prints. */
import fc from 'fast-check';
import { countBaseline } from '../../../src/controller/preflight.ts';
import { countSign, NO_SIGNS, readLogLine, totalDeaths } from '../../../src/core/decide/log-patterns.ts';
import { parseGuardProbe } from '../../../src/core/memory/guard-probe.ts';
import { law, mutate, mutations, subject } from '../subject.ts';

const LINES = [
  '*** Starting uWSGI 2.0.28 (64bit) on [Thu Jan  1 00:00:00 2026] ***',
  'DAMN ! worker 1 (pid: 8) died, killed by signal 11 :( trying respawn ...',
  'Tue Nov 24 09:41:48 2026 - *** HARAKIRI ON WORKER 1 (pid: 22886, try: 1) ***',
  'threads stack size set to 512k',
  '[pid: 7|app: 0|req: 1/1] 10.0.0.1 () {30 vars in 400 bytes} GET /?q=DAMN => generated 2 bytes',
  'RecursionError: maximum recursion depth exceeded',
  'MemoryError',
];
const PROBE = '@uwsgi-tuner guard 1\noom_kill 0\nprocess 1 0 99 1\nprocess 7 1 120 1\nprocess 9 1 130 0\nend 3\n';
const TOKENS = [
  '\n',
  ' - ',
  '99999999999999999999',
  'signal 11',
  'k',
  ' ',
  '-1',
  'end 3\n',
  'process 1 1 1 1\n',
  '\0',
  'DAMN ! worker ',
];

const input = fc.record({
  line: fc.constantFrom(...LINES),
  other: fc.constantFrom(...LINES),
  steps: mutations(TOKENS),
});
const NOW = Date.parse('2026-01-01T00:10:00Z');

export const log = subject('log', 15, input, ({ line, other, steps }) => {
  const text = bytesToText(mutate(Buffer.from(line), Buffer.from(other), steps));
  let signs = NO_SIGNS;
  for (const each of text.split('\n')) {
    const sign = readLogLine(each);
    if (sign === null) continue;
    signs = countSign(signs, sign);
    law(sign.kind !== 'WorkerDied' || sign.signal === null || sign.signal < 100, 'a signal that is none');
    law(sign.kind !== 'StackSet' || Number.isSafeInteger(sign.stackKib * 1024), 'a stack that is no size');
  }
  law(Number.isSafeInteger(totalDeaths(signs)) && totalDeaths(signs) <= text.split('\n').length, 'too many deaths');
  const stamped = `2026-01-01T00:05:00.5Z ${text.replaceAll('\n', '\n2026-01-01T00:06:00Z ')}`;
  const baseline = countBaseline(stamped, { startedAt: NOW - 3_600_000, now: NOW });
  law(baseline.podMinutes >= 1 && baseline.podMinutes <= 10, `${baseline.podMinutes} pod-minutes of log`);
  law(baseline.workerDeaths === totalDeaths(signs), 'the baseline counts other deaths');
  const probe = parseGuardProbe(bytesToText(mutate(Buffer.from(PROBE), Buffer.from(line), steps)));
  for (const { pid, parentPid, startTicks } of probe?.processes ?? []) {
    law([pid, parentPid, startTicks].every(Number.isSafeInteger), 'a process that is none');
  }
});

function bytesToText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
