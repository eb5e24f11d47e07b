import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { samplerArgv, samplerArgvPython, splitCapture } from '../../../src/core/memory/capture.ts';
import { guardArgv, parseGuardProbe } from '../../../src/core/memory/guard-probe.ts';
import type { Sample } from '../../../src/core/memory/sample.ts';
import { sampleFromCapture } from '../../../src/core/memory/sample-from-capture.ts';
import { mib } from '../../../src/core/quantity.ts';
import { fixture, IDENTITY, summary, unzipped } from './captures.ts';

const stream = unzipped('forky-2x12-64k-mule.capture.gz');

function code(bytes: Uint8Array): string {
  const capture = splitCapture(bytes, gunzipSync);
  return capture.ok ? 'ok' : capture.code;
}

function sampleOf(bytes: Uint8Array): Sample {
  const capture = splitCapture(bytes, gunzipSync);
  if (!capture.ok) throw new Error(capture.message);
  return sampleFromCapture(capture.sections, IDENTITY);
}

/** The same stream as a container with grep prints it: every process in a part of its own, no lines that say 0 kB. */
function withoutZeros(bytes: Uint8Array): Uint8Array {
  const whole = new TextDecoder('latin1').decode(bytes);
  const processes = whole.matchAll(/^(@process (\d+) .*\n)([^@]*)/gm);
  const stream = whole.replace(/^@process[^]*/m, '');
  const parts = [...processes].map(([, header = '', pid = '', body = '']) => {
    return `${header}@sparse ${pid}\n${body.replaceAll(/^.* {7}0 kB\n/gm, '')}Linux\n`;
  });
  return Uint8Array.from(`${stream}${parts.join('')}@end ${String(parts.length)}\n`, (letter) => letter.charCodeAt(0));
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

describe('a capture stream', () => {
  it('is read compressed and plain', () => {
    expect(code(stream)).toBe('ok');
    expect(splitCapture(gzipSync(stream), gunzipSync)).toEqual(splitCapture(stream, gunzipSync));
  });

  it.each([
    ['nothing', new Uint8Array(), 'Empty'],
    ["a shell's complaint", text('sh: not found\n'), 'NotCapture'],
    ['CR LF', text('@uwsgi-tuner capture 1\r\n'), 'NotCapture'],
    ['another version', text('@uwsgi-tuner capture 2\n@end 0\n'), 'NotCapture'],
    ['10 MB of zeros', new Uint8Array(10_000_000), 'NotCapture'],
    ['gzip that is cut', fixture('4x100.capture.gz').subarray(0, 20_000), 'CutShort'],
    ['gzip of something else', gzipSync('hello'), 'NotCapture'],
    ['no end mark', text('@uwsgi-tuner capture 1\n@machine\nx86_64\n'), 'CutShort'],
    ['an end mark that counts more', text('@uwsgi-tuner capture 1\n@end 2\n'), 'CutShort'],
    ['text behind the end', text('@uwsgi-tuner capture 1\n@end 0\nmore\n'), 'CutShort'],
    ['a process that is no number', text('@uwsgi-tuner capture 1\n@process ../1 1 -\n@end 1\n'), 'Malformed'],
    [
      'rows that are none',
      text('@uwsgi-tuner capture 1\n@process 7 1 -\n1-2 rw\n1 1 1 1 0 1 0\n@end 1\n'),
      'Malformed',
    ],
  ])('of %s is refused', (_, bytes, expected) => {
    expect(code(bytes)).toBe(expected);
  });

  it.each([
    ['an environment', 'TOKEN=hunter2\n'],
    ['a process that is no number', '@uwsgi-tuner capture 1\n@process hunter2 1 -\n@end 1\n'],
    ['an end mark that is no number', '@uwsgi-tuner capture 1\n@end hunter2\n'],
    ['a row that is none', '@uwsgi-tuner capture 1\n@process 7 1 -\n1-2 hunter2\n1 1 1 1 0 1 0\n@end 1\n'],
    ['a part that is not named', '@uwsgi-tuner capture 1\n@process 7 1 -\n@parts hunter2\nhunter2\n@end 1\n'],
  ])('of %s is refused without a word of it', (_, content) => {
    const capture = splitCapture(text(content), gunzipSync);
    expect(JSON.stringify(capture)).not.toContain('hunter2');
    expect(capture.ok).toBe(false);
  });

  it('may hold the texts of several processes in parts', () => {
    const head = '@uwsgi-tuner capture 1\n@process 7 1 -\n@process 8 0 -\n';
    const parts = (names: string, body: string): Uint8Array => text(`${head}@parts ${names}\n${body}@end 2\n`);
    const capture = splitCapture(
      parts('thp 7 8', '[never]\nLinux\nName:\ta\n1 1 1 1 1 1 1\nLinux\nLinux\n'),
      gunzipSync,
    );
    expect(capture.ok ? capture.sections.processes.map(({ files }) => files.alive) : capture).toEqual([true, false]);
    expect(capture.ok ? capture.sections.files.get('thp') : null).toBe('[never]\n');
    expect(code(parts('7 8', 'Linux\n'))).toBe('Malformed');
    expect(code(parts('7', 'Linux\nLinux\n'))).toBe('Malformed');
    expect(code(parts('7 8', 'Linux\nName:\tLinux\n'))).toBe('Malformed');
    expect(code(parts('9', 'Linux\n'))).toBe('Malformed');
  });

  it('may leave out the lines that say 0 kB', () => {
    const whole = unzipped('4x100.capture.gz');
    const sparse = withoutZeros(whole);
    expect(sampleOf(sparse)).toEqual(sampleOf(whole));
    expect(sparse.length).toBeLessThan(whole.length / 2);
  });

  it('holds the page map of a row in either form', () => {
    const regions = new Uint8Array(BigUint64Array.from([0x3000n, 0x4000n, 0x110n, 0x6000n, 0x7000n, 8n]).buffer);
    const row = SMAPS_ROW('00003000-00007000', 16).replace('rd wr', 'rd wr gu');
    const head = text(`@uwsgi-tuner capture 1\n@process 7 1 -\n@sparse 7\n${row}1 1 1 1 0 1 0\nLinux\n`);
    const body = new Uint8Array(Buffer.concat([head, text('@regions 3000 48 7\n'), regions, text('\n@end 1\n')]));
    const capture = splitCapture(body, gunzipSync);
    if (!capture.ok) throw new Error(capture.message);
    expect(capture.sections.processes[0]?.pagemaps).toEqual([
      { start: 0x3000, pages: { form: 'regions', body: regions } },
    ]);
  });

  it('is refused wherever it is cut', () => {
    fc.assert(
      fc.property(fc.nat(stream.length - 1), (length) => {
        expect(code(stream.subarray(0, length))).not.toBe('ok');
      }),
      { numRuns: 60 },
    );
  });

  it('never throws and never lets a changed byte through as another error than its own', () => {
    fc.assert(
      fc.property(fc.nat(stream.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Uint8Array.from(stream);
        damaged[at] = byte;
        expect(['ok', 'Malformed', 'CutShort', 'NotCapture']).toContain(code(damaged));
      }),
      { numRuns: 60 },
    );
  });

  it('leaves out the page map of a process that ended while it was read', () => {
    const capture = splitCapture(stream, gunzipSync);
    const pagemaps = (of: typeof capture): number =>
      of.ok ? of.sections.processes.flatMap((p) => p.pagemaps).length : -1;
    const header = /@pagemap [0-9a-f]+ (\d+)\n/.exec(new TextDecoder('latin1').decode(stream));
    const from = (header?.index ?? 0) + (header?.[0].length ?? 0);
    const short = Uint8Array.from([...stream.subarray(0, from), ...stream.subarray(from + 64)]);
    expect(pagemaps(splitCapture(short, gunzipSync))).toBe(pagemaps(capture) - 1);
  });
});

const KIB: Readonly<Record<string, number>> = { KernelPageSize: 4, Rss: 4, Pss: 4 };
const ZEROS = ['Pss_Dirty', 'Shared_Clean', 'Shared_Dirty', 'Private_Clean', 'Private_Dirty', 'Anonymous'];
const FIELDS = ['KernelPageSize', 'Rss', 'Pss', ...ZEROS, 'AnonHugePages', 'Swap'];
/** One row as the kernel prints it: every number 8 places wide behind a name that is filled up to 16. */
const SMAPS_ROW = (range: string, sizeKib: number, name = ''): string => {
  const field = (label: string, kib: number): string => `${`${label}:`.padEnd(16)}${String(kib).padStart(8)} kB\n`;
  const fields = FIELDS.map((label) => field(label, KIB[label] ?? 0)).join('');
  return `${range} rw-p 00000000 00:00 0 ${name}\n${field('Size', sizeKib)}${fields}VmFlags: rd wr \n`;
};

/** A procfs with odd processes in it: what the sampler may rely on is only that the kernel escapes line ends in stat. */
class FakeProc {
  readonly root = mkdtempSync(join(tmpdir(), 'sampler-'));
  readonly proc = join(this.root, 'proc');
  readonly cgroup = join(this.root, 'cgroup');

  process(pid: number, parent: number, comm: string, files: Readonly<Record<string, string>> = {}): void {
    const stat = `${pid} (${comm.replaceAll('\n', '\\n')}) S ${parent} 1 1 0 -1 4194304 0 0 0 0 5 7 0 0 20 0 1 0 4242 ${'0 '.repeat(30)}\n`;
    const all = {
      comm: `${comm}\n`,
      cmdline: '',
      cgroup: '0::/\n',
      stat,
      [`task/${pid}/stat`]: stat,
      status: `Name:\t${comm.replaceAll('\n', '\\n')}\nVmRSS:\t     4 kB\nThreads:\t1\n`,
      limits:
        'Limit  Soft Limit  Hard Limit  Units\nMax stack size            8388608              unlimited            bytes     \n',
      smaps: SMAPS_ROW('00001000-00002000', 4),
      statm: '1 1 1 1 0 1 0\n',
      ...files,
    };
    for (const [name, content] of Object.entries(all)) this.file(join('proc', String(pid), name), content);
  }

  file(name: string, content: string): void {
    const path = join(this.root, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
  }
}

// A developer's machine may lack a shell; CI has all of them (scripts/test.ts installs them) and leaves none out.
const SHELLS = [['sh'], ['dash'], ['bash', '--posix'], ['busybox', 'sh'], ['python3']].filter(
  ([program = '', ...args]) =>
    process.env['CI'] === 'true' ||
    spawnSync(program, [...args, '-c', program === 'python3' ? '' : 'true']).status === 0,
);

describe.each(SHELLS)('the sampler under %s %s', (program, ...options) => {
  const fake = new FakeProc();
  const roots = { proc: fake.proc, cgroup: fake.cgroup };

  beforeAll(() => {
    fake.file('proc/self/cgroup', '0::/\n');
    fake.file('proc/sys/kernel/osrelease', '6.1.0-test\n');
    fake.file('proc/sys/kernel/ostype', 'Linux\n');
    fake.file('cgroup/memory.max', '536870912\n');
    fake.file('cgroup/memory.current', '1048576\n');
    fake.file('cgroup/memory.stat', 'anon 4096\nfile 8192\nkernel 100\nshmem 4096\n');
    fake.file('cgroup/memory.events', 'oom 3\noom_kill 2\noom_group_kill 0\n');
    fake.process(1, 0, 'tini', { cmdline: 'tini\0--\0uwsgi\0--env\0SECRET=hunter2\0' });
    fake.process(10, 1, 'uwsgi', { cmdline: 'uWSGI master\0SECRET=hunter2\0' });
    fake.process(11, 10, 'uwsgi', { cmdline: 'uWSGI worker 1\0', environ: 'SECRET=hunter2', 'task/9999/stat': '9999' });
    fake.process(12, 10, 'uwsgi\n@end 0\n@process 1 (x) S', {});
    const zombie = '13 (uwsgi) Z 10 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9 0 0\n';
    fake.process(13, 10, 'uwsgi', { stat: zombie, smaps: '', statm: '0 0 0 0 0 0 0\n' });
    fake.process(20, 0, 'uwsgi', { cgroup: '0::/../other-container\n' });
    fake.process(21, 1, 'python3', { cmdline: 'uWSGI\0mule\0' });
    fake.process(22, 1, 'cat', { cmdline: 'cat\0/etc/uwsgi.ini\0', statm: '' });
  });
  afterAll(() => {
    rmSync(fake.root, { recursive: true });
  });

  function run(argv: readonly string[]): Uint8Array {
    const [, ...args] = argv;
    const result = spawnSync(program, [...options, ...args], { maxBuffer: 64 * 2 ** 20 });
    expect(result.stderr.toString()).toBe('');
    expect(result.status).toBe(0);
    return result.stdout;
  }

  it('finds the uWSGI processes of its own container', () => {
    const argv = program === 'python3' ? samplerArgvPython(roots) : samplerArgv(roots);
    const capture = splitCapture(run(argv), gunzipSync);
    if (!capture.ok) throw new Error(capture.message);
    const { processes, cgroup, platform, quality } = sampleFromCapture(capture.sections, IDENTITY);
    expect(processes.map(({ pid, parentPid, role }) => ({ pid, parentPid, role }))).toEqual([
      { pid: 1, parentPid: 0, role: 'other' },
      { pid: 10, parentPid: 1, role: 'master' },
      { pid: 11, parentPid: 10, role: 'worker' },
      { pid: 12, parentPid: 10, role: 'worker' },
      { pid: 21, parentPid: 1, role: 'worker' },
    ]);
    expect(processes[2]).toMatchObject({ startTicks: 4242, rss: 4096, threads: 1, busyThreads: 1 });
    expect(cgroup).toEqual({
      version: 2,
      limit: mib(512),
      usage: mib(1),
      fileCache: 4096,
      anon: 4096,
      shmem: 4096,
      kernel: 100,
      oomKills: 2,
    });
    expect(platform.kernel).toBe('6.1.0-test');
    expect(quality.tier).toBe('smaps');
  });

  it.each(['rows', 'merged'] as const)('reads no more than the own stat of a process at depth %s', (depth) => {
    const options = { ...roots, depth };
    const printed = run(program === 'python3' ? samplerArgvPython(options) : samplerArgv(options));
    const capture = splitCapture(printed, gunzipSync);
    if (!capture.ok) throw new Error(capture.message);
    const workers = capture.sections.processes.filter(({ pid }) => pid === 11);
    expect(workers.map(({ files, hint }) => [files.alive, files.threads.length, files.stackLimit, hint])).toEqual([
      [true, 1, null, null],
    ]);
    expect([...capture.sections.files.keys()]).not.toContain('conf');
    expect(capture.sections.files.get('memory.max')).toBe('536870912\n');
    expect(gunzipSync(printed).toString('latin1')).not.toMatch(/SECRET|hunter2|uwsgi\.ini|--env|9999/);
  });

  it('reads the page maps of the rows that hold merged stacks, each of its process', () => {
    const merged = new FakeProc();
    merged.file('proc/self/cgroup', '0::/\n');
    merged.file('proc/sys/kernel/ostype', 'Linux\n');
    const row = SMAPS_ROW('00001000-00002000', 4);
    const stacks = SMAPS_ROW('00003000-00005000', 8).replace('rd wr', 'rd wr gu');
    for (const [pid, smaps] of [stacks, row, row + stacks + row].entries()) {
      const pages = Array.from({ length: 6 }, (_, page) => `${String(pid + 7)} page ${String(page)}`);
      merged.process(pid + 7, 1, 'uwsgi', { smaps, pagemap: pages.join('') });
    }
    const options = { proc: merged.proc, cgroup: merged.cgroup, depth: 'merged' } as const;
    // perl asks the kernel, which knows no page map of these files: the end-to-end tests hold it to an independent reading.
    const withoutPerl = samplerArgv(options).map((word) => word.replace('command -v perl', 'command -v no-perl-here'));
    const printed = run(program === 'python3' ? samplerArgvPython(options) : withoutPerl);
    const capture = splitCapture(printed, gunzipSync);
    const found = capture.ok ? capture.sections.processes : [];
    const entries = (pagemaps: (typeof found)[number]['pagemaps']): unknown[] =>
      pagemaps.map((one) => [one.start, one.pages.form, new TextDecoder().decode(one.pages.body)]);
    expect(found.map(({ pid, mappings, pagemaps }) => [pid, mappings?.length, entries(pagemaps)])).toEqual([
      [7, 1, [[0x3000, 'entries', '7 page 37 page 4']]],
      [8, 1, []],
      [9, 3, [[0x3000, 'entries', '9 page 39 page 4']]],
    ]);
    rmSync(merged.root, { recursive: true });
  });

  it('lets nothing of command lines and environments out', () => {
    const argv = program === 'python3' ? samplerArgvPython(roots) : samplerArgv(roots);
    const printed = gunzipSync(run(argv)).toString('latin1');
    expect(printed).not.toMatch(/SECRET|hunter2|uwsgi\.ini|--env/);
  });

  if (program !== 'python3') {
    it('prints the same where no part can be told by its end', () => {
      const options = { ...roots, depth: 'threads' } as const;
      const [sh = '', dashC = '', script = '', ...rest] = samplerArgv(options);
      const read = (text: string): unknown => {
        const capture = splitCapture(run([sh, dashC, text, ...rest]), gunzipSync);
        return capture.ok ? sampleFromCapture(capture.sections, IDENTITY) : capture.message;
      };
      expect(read(script.replace('kernel/ostype', 'kernel/no-such'))).toEqual(read(script));
    });

    it('probes the same processes', () => {
      expect(parseGuardProbe(Buffer.from(run(guardArgv(roots))).toString())).toEqual({
        oomKills: 2,
        processes: [
          { pid: 10, parentPid: 1, startTicks: 4242 },
          { pid: 11, parentPid: 10, startTicks: 4242 },
          { pid: 12, parentPid: 10, startTicks: 4242 },
          { pid: 21, parentPid: 1, startTicks: 4242 },
        ],
      });
    });
  }

  it('reads the real procfs of this machine, and its own program is not in it', () => {
    const argv = program === 'python3' ? samplerArgvPython() : samplerArgv();
    const capture = splitCapture(run(argv), gunzipSync);
    if (!capture.ok) throw new Error(capture.message);
    const node = capture.sections.processes.find((process) => process.pid === globalThis.process.pid);
    expect(node).toMatchObject({ uwsgi: false, files: { alive: true } });
    expect(node?.files.fields.has('VmRSS')).toBe(true);
    const names = capture.sections.processes.map((process) => process.files.fields.get('Name'));
    expect(names).not.toContain('gzip');
  });
});

describe('the sampler without gzip', () => {
  it('prints the plain stream', () => {
    const fake = new FakeProc();
    fake.file('proc/self/cgroup', '0::/\n');
    fake.process(10, 1, 'uwsgi');
    const [, ...args] = samplerArgv({ proc: fake.proc, cgroup: fake.cgroup });
    const script = args[1]?.replace('command -v gzip', 'command -v no-gzip-here') ?? '';
    const printed = execFileSync('sh', ['-c', script, ...args.slice(2)]);
    expect(printed.toString()).toMatch(/^@uwsgi-tuner capture 1\n/);
    const capture = splitCapture(printed, () => new Uint8Array());
    expect(capture.ok ? sampleFromCapture(capture.sections, IDENTITY).processes.map(summary) : []).toHaveLength(1);
    rmSync(fake.root, { recursive: true });
  });
});
