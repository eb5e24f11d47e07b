import { describe, expect, it } from 'vitest';
import { parseThread, splitProcessFiles } from '../../../src/core/memory/process-files.ts';
import { countField, parseStatus, sizeField } from '../../../src/core/memory/parse-status.ts';
import { fixture } from './captures.ts';

const TAIL = '0 '.repeat(20).trim();

/** A stat line: user and system time 5 and 7 ticks, started at 4242, blocked signals as told. */
function stat(id: number, name: string, blocked = 0): string {
  return `${id} (${name}) S 1 1 1 0 -1 4194304 0 0 0 0 5 7 0 0 20 0 1 0 4242 0 0 0 0 0 0 0 0 0 ${blocked} ${TAIL}`;
}

describe("a thread's stat line", () => {
  it('is read whatever the name is', () => {
    for (const name of ['uwsgi', 'a) S 9 (b', '', ') R 1', 'two words']) {
      expect(parseThread(stat(7, name))).toMatchObject({ id: 7, name, parentPid: 1, cpuTicks: 12, startTicks: 4242 });
    }
  });

  it('tells a thread on which all signals are blocked', () => {
    expect(parseThread(stat(7, 'uwsgi', 2147221247))?.blocksSignals).toBe(true);
    expect(parseThread(stat(7, 'uwsgi', 134217728))?.blocksSignals).toBe(false);
  });

  it('is none when it is cut', () => {
    expect(parseThread('7 (uwsgi) S 1 1')).toBeNull();
    expect(parseThread('7 (uwsgi')).toBeNull();
  });
});

describe("a process's files", () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const smaps = '00001000-00002000 rw-p 00000000 00:00 0 \nSize: 4 kB\n';
  const status = 'Name:\tuwsgi\nThreads:\t2\nVmRSS:\t    40 kB\n';
  const limits = 'Limit  Soft Limit  Hard Limit  Units\nMax stack size  8388608  unlimited  bytes\n';
  const statm = '100 10 1 1 0 1 0\n';

  it('are told apart by their lines', () => {
    const files = splitProcessFiles(
      bytes(`${stat(7, 'uwsgi')}\n${stat(8, 'uwsgi')}\n${status}${limits}${smaps}${statm}`),
    );
    expect(files.threads.map(({ id }) => id)).toEqual([7, 8]);
    expect(files.fields.get('Threads')).toBe('2');
    expect(files.stackLimit).toBe(8388608);
    expect(new TextDecoder().decode(files.smaps ?? bytes('denied'))).toBe(smaps);
    expect(files.alive).toBe(true);
  });

  it('without smaps were denied', () => {
    const files = splitProcessFiles(bytes(`${stat(7, 'uwsgi')}\n${status}${statm}`));
    expect(files).toMatchObject({ smaps: null, alive: true });
  });

  it('that are sparse get back the sizes of 0 that are used, where their file was read', () => {
    const size = (text: string, name: string): number | null =>
      sizeField(splitProcessFiles(bytes(text), true).fields, name);
    const seen = 'Name:\tsh\nVmSize:\t    40 kB\nRssFile:\t     8 kB\n';
    const rollup =
      '1000-2000 ---p 00000000 00:00 0 [rollup]\nRss:                  40 kB\nPss_File:             8 kB\n';
    for (const name of ['VmRSS', 'VmSwap', 'RssAnon']) expect(size(`${seen}${statm}`, name)).toBe(0);
    for (const name of ['Pss', 'Private_Dirty', 'Anonymous', 'Pss_Anon', 'Pss_Shmem', 'Pss_File', 'Rss']) {
      expect(size(`${seen}${rollup}${statm}`, name)).toBe(
        new Map([
          ['Rss', 40960],
          ['Pss_File', 8192],
        ]).get(name) ?? 0,
      );
      expect(size(`${seen}${statm}`, name)).toBeNull();
    }
    expect(size('Name:\tkthread\n', 'VmRSS')).toBeNull();
    expect(sizeField(splitProcessFiles(bytes(`${seen}${statm}`)).fields, 'VmSwap')).toBeNull();
  });

  it.each([
    ['without statm', `${status}${smaps}`],
    ['of a zombie', `${status}0 0 0 0 0 0 0\n`],
    ['of nothing', ''],
  ])('%s are of a process that ended', (_, text) => {
    expect(splitProcessFiles(bytes(text)).alive).toBe(false);
  });
});

describe('status fields', () => {
  it('of a real file', () => {
    const text = new TextDecoder().decode(fixture('linux6.1-glibc2.36-py3.11-thp-always/2x40-8188k/104.status'));
    const fields = parseStatus(text);
    expect(countField(fields, 'Threads')).toBe(40);
    expect(sizeField(fields, 'VmRSS')).toBeGreaterThan(50_000_000);
    expect(sizeField(fields, 'VmNothing')).toBeNull();
    expect(countField(fields, 'Name')).toBeNull();
  });
});
