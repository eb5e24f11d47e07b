import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { describeParseError, isParseError } from '../../../src/core/memory/mapping.ts';
import { readCapture } from '../../../src/core/memory/read-capture.ts';
import { kib } from '../../../src/core/quantity.ts';
import { file, fixture, summary, unzipped } from './captures.ts';

const options = { gunzip: gunzipSync };

describe('a capture file of any form', () => {
  it.each([
    [
      'linux6.1-glibc2.36-py3.11-thp-always/1x60-8m/535.smaps.gz',
      'smaps',
      '59 x 8192, resident 8064, high 40, huge 6144',
    ],
    [
      'linux6.1-glibc2.36-py3.11-thp-always/2x40-8188k/104.smaps.gz',
      'smaps',
      '39 x 8188, resident 39432, high 40, huge 38912',
    ],
    [
      'linux6.1-glibc2.36-py3.11-thp-always/2x40-8188k/105.smaps.gz',
      'smaps',
      '39 x 8188, resident 41524, high 40, huge 40960',
    ],
    ['linux6.1-glibc2.36-py3.11-thp-always/2x40-8188k/98.smaps.gz', 'smaps', '0 x ?, resident 0, high ?, huge 0'],
    ['linux7.2-glibc2.43-py3.14/1x60-8m/558.smaps.gz', 'smaps', '59 x 8192, resident 2068, high ?, huge 0'],
    ['linux7.2-glibc2.43-py3.14/3x1/452.smaps.gz', 'smaps', '0 x ?, resident 0, high ?, huge 0'],
  ])('%s', (name, form, expected) => {
    const { form: found, processes } = file(name);
    expect(found).toBe(form);
    expect(processes.map(summary)).toEqual([`? ?t: ${expected}`]);
  });

  it('agrees with the page map that was read beside it', () => {
    const answer: unknown = JSON.parse(
      new TextDecoder().decode(fixture('linux7.2-glibc2.43-py3.14/1x60-8m/558.stacks-by-pagemap.json')),
    );
    const [process] = file('linux7.2-glibc2.43-py3.14/1x60-8m/558.smaps.gz').processes;
    const { count, size, resident } = process?.threadStacks ?? {};
    expect(answer).toMatchObject({ stacks: count, sizes: [(size ?? 0) / 1024], residentKiB: (resident ?? 0) / 1024 });
  });

  it.each([
    ['', '7 x 256, resident ?, high ?, huge ?'],
    ['-x', '7 x 256, resident 336, high ?, huge ?'],
    ['-X', '7 x 256, resident 336, high 48, huge ?'],
    ['-XX', '7 x 256, resident 336, high 48, huge 0'],
  ])('pmap %s of five processes tells what that form can', (form, expected) => {
    const { form: found, processes } = file(`pmap/2x8-256k-others.pmap${form}.gz`);
    expect(found).toBe(`pmap ${form}`.trim());
    expect(processes).toHaveLength(5);
    expect(processes.map(summary)[2]).toBe(`? ?t: ${expected}`);
    expect(processes[2]).toMatchObject({ pid: expect.any(Number) as number, mapped: kib(875048) });
  });

  it('tells the same of smaps, pmap -XX and the sampler', () => {
    const sampled = file('2x8-256k-others.capture.gz').processes[2];
    const listed = file('pmap/2x8-256k-others.pmap-XX.gz').processes[2];
    expect(listed?.arenas).toEqual(sampled?.arenas);
    expect(listed?.rss).toBe(sampled?.rss);
    expect(listed?.privateAnon).toBe(sampled?.privateAnon);
  });

  it('reads several smaps one after another, compressed or not', () => {
    const one = unzipped('linux7.2-glibc2.43-py3.14/3x1/452.smaps.gz');
    const three = gzipSync(Buffer.concat([one, one, one]));
    const read = readCapture(three, 'all', options);
    expect(isParseError(read) ? read : read.processes.map((process) => process.mapped)).toEqual(
      Array(3).fill(kib(33880)),
    );
  });
});

describe('what is no capture gives one line that says so', () => {
  it.each([
    ['nothing', new Uint8Array(), 'an empty file'],
    ['prose', Buffer.from('hello\nworld\n'), '"hello"'],
    ['JSON', Buffer.from('{"processes": []}\n'), '"{\\"processes\\": []}"'],
    ['binary', new Uint8Array(10_000_000), '"\\u0000'],
    ['cut gzip', fixture('4x100.capture.gz').subarray(0, 9999), 'gzip data that is cut or damaged'],
    ['a cut sample', unzipped('1x1.capture.gz').subarray(0, 9999), 'no end mark'],
    ['smaps with CR LF', Buffer.from('00001000-00002000 rw-p 00000000 00:00 0 \r\nSize: 4 kB\r\n'), 'CR LF'],
  ])('%s', (_, content, expected) => {
    const read = readCapture(content, 'x', options);
    const line = isParseError(read) ? describeParseError(read, 'x') : 'read';
    expect(line).toContain(expected);
    expect(line).not.toMatch(/[\n\r\u0000]/);
    expect(line.length).toBeLessThan(700);
  });
});
