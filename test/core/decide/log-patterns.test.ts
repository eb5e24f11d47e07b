import { describe, expect, test } from 'vitest';
import { countSign, NO_SIGNS, readLogLine, totalDeaths } from '../../../src/core/decide/log-patterns.ts';

describe('a log line', () => {
  test.each([
    ['*** Starting uWSGI 2.0.28 (64bit) on [Thu Jan  1 00:00:00 2026] ***', { kind: 'Started' }],
    ['spawned uWSGI worker 1 (pid: 8, cores: 20)', { kind: 'Started' }],
    ['threads stack size set to 512k', { kind: 'StackSet', stackKib: 512 }],
    ['!!! unable to set requested threads stacksize !!!', { kind: 'StackRefused' }],
    ['DAMN ! worker 1 (pid: 8) died, killed by signal 11 :( trying respawn ...', { kind: 'WorkerDied', signal: 11 }],
    ['DAMN ! worker 12 (pid: 31415) died, killed by signal 9 :( trying respawn ...', { kind: 'WorkerDied', signal: 9 }],
    ['Tue Nov 24 09:41:48 2026 - *** HARAKIRI ON WORKER 1 (pid: 22886, try: 1) ***', { kind: 'Harakiri' }],
    ['Tue Nov 24 09:41:49 2026 - *** HARAKIRI ON WORKER 1 (pid: 22886, try: 2) ***', null],
    ['DAMN ! worker 1 (pid: 8) died :( trying respawn ...', { kind: 'WorkerDied', signal: null }],
    [
      'DAMN ! worker 1 (pid: 8) MISTERIOUSLY killed by signal 6 :( trying respawn ...',
      { kind: 'WorkerDied', signal: 6 },
    ],
    [
      'Thu Jan  1 00:00:00 2026 - DAMN ! worker 1 (pid: 8) died, killed by signal 7 :( trying respawn ...',
      { kind: 'WorkerDied', signal: 7 },
    ],
    ['2026-01-01 00:00:00,123 - *** Starting uWSGI 2.0.28', { kind: 'Started' }],
    ['RecursionError: maximum recursion depth exceeded', { kind: 'RequestFailed', error: 'RecursionError' }],
    ['MemoryError', { kind: 'RequestFailed', error: 'MemoryError' }],
  ])('%s', (line, sign) => {
    expect(readLogLine(line)).toEqual(sign);
  });

  test.each([
    [''],
    ['[pid: 8|app: 0|req: 1/1] 10.0.0.1 () {34 vars} [Thu Jan  1] GET /?q=DAMN ! worker 1 (pid: 8) died => 200'],
    ['user said: DAMN ! worker 1 (pid: 8) died'],
    ['RecursionErrorHandler: installed'],
    ['  RecursionError: indented inside a message'],
    ['Respawned uWSGI worker 1 (new pid: 9)'],
    ['threads stack size set to default'],
    [`${'x'.repeat(49)} - MemoryError`],
  ])('says nothing: %s', (line) => {
    expect(readLogLine(line)).toBeNull();
  });
});

test('signs are counted, and a stack that is set at the next start takes a refusal back', () => {
  const lines = [
    '*** Starting uWSGI 2.0.28',
    '!!! unable to set requested threads stacksize !!!',
    'DAMN ! worker 1 (pid: 8) died, killed by signal 11 :(',
    'DAMN ! worker 2 (pid: 9) died, killed by signal 11 :(',
    'DAMN ! worker 2 (pid: 9) died :(',
    'MemoryError',
    'RecursionError: x',
    'threads stack size set to 512k',
  ];
  const counts = lines.reduce((before, line) => {
    const sign = readLogLine(line);
    return sign === null ? before : countSign(before, sign);
  }, NO_SIGNS);
  expect(counts).toEqual({
    started: true,
    stackKib: 512,
    stackRefused: false,
    deaths: { '11': 2, '0': 1 },
    harakiris: 0,
    failedRequests: 2,
  });
  expect(totalDeaths(counts)).toBe(3);
  expect(totalDeaths(NO_SIGNS)).toBe(0);
});

describe('a hostile log', () => {
  test('makes no stack that is no size, and not one count for each number it can write', () => {
    expect(readLogLine(`threads stack size set to ${'9'.repeat(30)}k`)).toBeNull();
    const died = readLogLine('DAMN ! worker 1 (pid: 9) died, killed by signal 12345678 :( trying respawn ...');
    expect(died).toEqual({ kind: 'WorkerDied', signal: null });
  });
});
