/** Captures that no kernel writes: absurd figures, and streams made to take long. Each once threw or ran for minutes. */
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { splitCapture } from '../../../src/core/memory/capture.ts';
import { readCapture } from '../../../src/core/memory/read-capture.ts';
import { describeParseError, isParseError } from '../../../src/core/memory/mapping.ts';
import { sampleFromCapture } from '../../../src/core/memory/sample-from-capture.ts';
import { MOST_PROCESSES, type Sample } from '../../../src/core/memory/sample.ts';
import { IDENTITY } from './captures.ts';

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const STAT = (pid: number, parent: number): string => `${pid} (uwsgi) S ${parent} ${'1 '.repeat(46)}1\n`;
const STATM = '1 1 1 1 0 1 0\n';

function stream(files: string, ...processes: readonly string[]): Uint8Array {
  const bodies = processes.map((body, index) => `@process ${index + 1} 1 -\n${STAT(index + 1, 0)}${body}${STATM}`);
  return text(`@uwsgi-tuner capture 1\n${files}${bodies.join('')}@end ${processes.length}\n`);
}

function sampleOf(bytes: Uint8Array): Sample {
  const capture = splitCapture(bytes, gunzipSync);
  if (!capture.ok) throw new Error(capture.message);
  return sampleFromCapture(capture.sections, IDENTITY);
}

/** One row of 8 PiB, as large as a row may be. */
const HUGE_ROW = `0000000000000000-0020000000000000 rw-p 00000000 00:00 0 \nSize: 8796093022208 kB\nRss: 8796093022208 kB\nPss: 8796093022208 kB\nSwap: 8796093022208 kB\n`;

describe('absurd figures of a pod', () => {
  it('of 13 digits are the largest size, not an exception', () => {
    const [process] = sampleOf(stream('', 'VmPTE:\t9999999999999 kB\nVmRSS:\t9999999999999 kB\n')).processes;
    expect(process).toMatchObject({ pageTables: Number.MAX_SAFE_INTEGER, rss: Number.MAX_SAFE_INTEGER });
  });

  it('add up to the largest size', () => {
    const [process] = sampleOf(stream('', HUGE_ROW + HUGE_ROW)).processes;
    expect(process).toMatchObject({ mapped: Number.MAX_SAFE_INTEGER, pss: Number.MAX_SAFE_INTEGER });
  });

  it.each(['3', '9007199254740991', '1048576'])('a page size of %s is none', (size) => {
    expect(sampleOf(stream(`@conf\nPAGESIZE ${size}\n`, 'Threads:\t1\n')).platform.pageSize).toBeNull();
  });

  it('more threads than a kernel has are not told', () => {
    expect(sampleOf(stream('', 'Threads:\t999999999999\n')).processes[0]?.threads).toBeNull();
  });
});

describe('a stream made to take long', () => {
  const heads = (count: number): string =>
    Array.from({ length: count }, (_, index) => `@process ${index + 1} 1 -\n`).join('');

  it('of more processes than are read is refused', () => {
    const capture = splitCapture(text(`@uwsgi-tuner capture 1\n${heads(MOST_PROCESSES + 1)}`), gunzipSync);
    expect(capture).toMatchObject({ ok: false, code: 'TooLarge', message: 'the capture has more than 4096 processes' });
  });

  it('of as many siblings as are read is a sample', () => {
    const bodies = Array.from({ length: MOST_PROCESSES }, () => 'Threads:\t1\n');
    const parented = new TextDecoder().decode(stream('', ...bodies)).replaceAll(/\) S 0 /g, ') S 1 ');
    expect(sampleOf(text(parented)).processes).toHaveLength(MOST_PROCESSES);
  });

  it('of many parts and page maps is read in one pass', () => {
    const names = Array.from({ length: 4000 }, (_, index) => index + 1);
    const pagemaps = '@pagemap 1000 0 4000\n\n'.repeat(200_000);
    const parts = `@parts ${names.join(' ')}\n${'Linux\n'.repeat(names.length)}`;
    const capture = splitCapture(
      text(`@uwsgi-tuner capture 1\n${heads(4000)}${pagemaps}${parts}@end 4000\n`),
      gunzipSync,
    );
    expect(capture.ok).toBe(true);
  });

  it('a rule of a million signs in pmap text is looked at once', () => {
    const read = readCapture(text(`1:   uwsgi\n${'='.repeat(1_000_000)}x\n`), 'x', { gunzip: gunzipSync });
    expect(isParseError(read) ? read.found.length : 0).toBeLessThan(100);
  });
});

it('a control above ASCII in a bad line is shown escaped, so that no terminal obeys it', () => {
  const read = readCapture(
    Buffer.from('00001000-00002000 rw-p 0 0:0 0 \nSize: 4 kB\nVm\u008f2JFlags: rd\n00002000', 'latin1'),
    'x',
    {
      gunzip: gunzipSync,
    },
  );
  expect(isParseError(read) ? describeParseError(read, 'x') : '').toMatch(/^[\x20-\x7e]+\\u008f[\x20-\x7e]+$/);
});

it('a process with a parent below 0 has none that is told', () => {
  const whole = new TextDecoder().decode(stream('', 'Threads:\t1\n'));
  const negative = whole.replace('1 (uwsgi) S 0', '1 (uwsgi) S -7');
  expect(sampleOf(text(negative)).processes[0]).toMatchObject({ parentPid: null, startTicks: null });
});
