import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { run, type Run } from './memory-io.ts';

const SAVED = readFileSync(new URL('../fixtures/samples/4x100-8m.json', import.meta.url), 'utf8');

/** The saved sample as if its Python were another. */
function withPython(minor: number): string {
  return SAVED.replace(/"minor": \d+/, `"minor": ${minor}`);
}

const analyze = (args: readonly string[], files: Parameters<typeof run>[1] = { 'a.json': SAVED }): Promise<Run> =>
  run(['analyze', ...args], files);

async function json(args: readonly string[], files?: Parameters<typeof run>[1]): Promise<Record<string, unknown>> {
  const { stdout, stderr } = await analyze([...args, '-o', 'json'], files);
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Record<string, unknown>;
}

const FIELDS = [
  'Size',
  'KernelPageSize',
  'MMUPageSize',
  'Rss',
  'Pss',
  'Pss_Dirty',
  'Shared_Clean',
  'Shared_Dirty',
  'Private_Clean',
  'Private_Dirty',
  'Referenced',
  'Anonymous',
  'LazyFree',
  'AnonHugePages',
  'ShmemPmdMapped',
  'FilePmdMapped',
  'Shared_Hugetlb',
  'Private_Hugetlb',
  'Swap',
  'SwapPss',
  'Locked',
];
const RSS_FIELDS = new Set(['Rss', 'Pss', 'Pss_Dirty', 'Private_Dirty', 'Referenced', 'Anonymous']);

/** Two processes of one pod as smaps text: a master without stacks, a worker with `count` stacks of `sizeKib`. */
function smaps(count: number, sizeKib: number): string {
  const hex = (address: number): string => address.toString(16).padStart(8, '0');
  const row = (start: number, kib: number, { permissions = 'rw-p', name = '', rss = 0 }): string =>
    [
      `${hex(start)}-${hex(start + kib * 1024)} ${permissions} 00000000 00:00 0 ${name}`,
      ...FIELDS.map((field) => {
        const value =
          field === 'Size'
            ? kib
            : field === 'KernelPageSize' || field === 'MMUPageSize'
              ? 4
              : RSS_FIELDS.has(field)
                ? rss
                : 0;
        return `${`${field}:`.padEnd(16)}${String(value).padStart(8)} kB`;
      }),
      'THPeligible:           0',
      `VmFlags: ${permissions === 'rw-p' ? 'rd wr mr mw me ac' : 'mr mw me'} `,
    ].join('\n');
  const python = row(0x400000, 8, { permissions: 'r-xp', name: '/usr/lib/libpython3.13.so.1.0' });
  const heap = (rss: number): string => row(0x10000000, 40_000, { name: '[heap]', rss });
  const stacks = Array.from({ length: count }, (_, index) => {
    const at = 0x7f0000000000 + index * (sizeKib + 4) * 1024;
    return [row(at, 4, { permissions: '---p' }), row(at + 4096, sizeKib, { rss: 16 })];
  });
  return `${[python, heap(3000), python, heap(20_000), ...stacks.flat()].join('\n')}\n`;
}

describe('analyze', () => {
  it('prints the contract as JSON', async () => {
    const data = await json(['a.json', '--limit', '1Gi']);
    expect(data).toMatchObject({
      processes: [
        { pid: 1, role: 'master', threadStacks: { count: 0 } },
        {
          pid: 2,
          role: 'worker',
          threadStacks: { count: 99, sizeKiB: 8192, mappedKiB: 99 * 8192, highWaterKiB: 12 },
          arenas: { count: null, residentKiB: null },
        },
        {},
        {},
        {},
      ],
      totals: { threadStackMappedKiB: 396 * 8192 },
      recommendation: { processes: 4, threads: 100, threadStackSizeKiB: 512 },
    });
    const budget = data['budget'] as { name: string; bytes: number; expectedBytes: number; provenance: string }[];
    const charged = budget.reduce((sum, line) => sum + line.bytes, 0);
    expect(charged).toBe((data['recommendation'] as { chargedBytes: number }).chargedBytes);
    expect(charged).toBeLessThanOrEqual(1024 ** 3 * 0.85);
  });

  it('predicts what this very pod was charged, within 1 %', async () => {
    const { recommendation } = await json(['a.json', '--limit', '1Gi']);
    const { cgroup } = JSON.parse(SAVED) as { cgroup: { usage: number; fileCache: number } };
    // Smaller stacks need fewer page tables: 396 x 3 KiB.
    const after = cgroup.usage - cgroup.fileCache - 396 * 3 * 1024;
    expect(Math.abs((recommendation as { expectedBytes: number }).expectedBytes / after - 1)).toBeLessThan(0.01);
  });

  it("prints the blog's table: what is mapped beside its round numbers, and what is really resident", async () => {
    const { stdout, exitCode } = await analyze(['a.json', '--limit', '1Gi']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(
      [
        'Thread stacks of 4 x 100, by size:',
        'STACK  MAPPED                BLOG  RISK',
        '8192K   3.1Gi  measured    3.2 GB',
        '1024K   396Mi  calculated  400 MB',
        ' 512K   198Mi  calculated  200 MB',
        ' 256K    99Mi  calculated  100 MB  crash: parsing nested source (ast.parse, 344 KiB deep) kills the worker',
        ' 128K    50Mi  calculated   50 MB  remote crash: a JSON body of nested lists (148 KiB deep) kills the worker',
        '  64K    25Mi  calculated   25 MB  remote crash: a JSON body of nested lists (148 KiB deep) kills the worker',
        'Mapped is address space. Resident, which a memory limit charges, is 4.6Mi in all, the deepest 12Ki: touched pages, whatever the size.',
      ].join('\n'),
    );
  });

  it.each([
    [11, '512Ki', "Warning: threads-stacksize = 64, the blog's value, is not safe on Python 3.11: remote crash"],
    [13, '3Mi', "Warning: threads-stacksize = 64, the blog's value, is not safe on Python 3.13: remote crash"],
    [14, '512Ki', 'is not safe on Python 3.14: requests with JSON nested 200 deep fail with RecursionError'],
  ])('on Python 3.%i recommends %s and warns of the 64', async (minor, size, warning) => {
    const { stdout } = await analyze(['a.json', '--limit', '1Gi'], { 'a.json': withPython(minor) });
    expect(stdout).toContain(`Recommended: 4 x 100 with stacks of ${size}`);
    expect(stdout).toContain(warning);
  });

  it('lowers processes under a limit that does not hold them, and refuses with the shortfall below that', async () => {
    expect((await json(['a.json', '--limit', '200Mi']))['recommendation']).toMatchObject({
      processes: 2,
      threads: 100,
    });
    const refusal = await json(['a.json', '--limit', '20Mi']);
    expect(refusal['recommendation']).toBeNull();
    expect(refusal['reasons']).toContainEqual(expect.stringMatching(/^DoesNotFit: 1 x 1 needs \S+ of 17Mi, short by/));
    expect(refusal['budget']).not.toEqual([]);
  });

  it('prints the same as YAML', async () => {
    const { stdout } = await analyze(['a.json', '--limit', '1Gi', '-o', 'yaml']);
    expect(load(stdout)).toEqual(await json(['a.json', '--limit', '1Gi']));
  });

  it('without a limit sizes only the stack', async () => {
    const data = await json(['a.json']);
    expect(data['recommendation']).toMatchObject({ threadStackSizeKiB: 512, processes: 4 });
    expect((data['reasons'] as string[]).join(' ')).toContain('No memory limit is known');
  });

  it('takes what the config says over what was captured', async () => {
    const files = { 'a.json': SAVED, 'u.ini': '[uwsgi]\nprocesses = 8\nthreads = 100\ncheaper = 3\n' };
    const data = await json(['a.json', '--limit', '300Mi', '--config', 'u.ini'], files);
    expect(data['current']).toEqual({ processes: 8, threads: 100, threadStackSizeKiB: null });
    // Four fit no more: cheaper 3 forbids fewer.
    expect(data['recommendation']).toMatchObject({ processes: 4 });
  });

  it('reads bare smaps of several processes as one pod, and null where they do not tell', async () => {
    const data = await json(['-', '--limit', '512Mi'], { '-': smaps(7, 8192) });
    expect(data['processes']).toMatchObject([
      { pid: null, role: null, threadStacks: { count: 0 } },
      { pid: null, role: null, threadStacks: { count: 7, sizeKiB: 8192, mappedKiB: 57_344, residentKiB: 112 } },
    ]);
    expect(data['recommendation']).toMatchObject({ processes: 1, threads: 8, threadStackSizeKiB: 3072 });
    expect(data['budget']).toContainEqual(expect.objectContaining({ name: 'kernel', provenance: 'default' }));
  });

  it("makes nothing of the blog's own pmap rows but what they tell: mapped, not resident", async () => {
    const hex = (address: number): string => address.toString(16).padStart(16, '0');
    const worker = (pid: number): string => {
      const rows = Array.from({ length: 99 }, (_, index) => {
        const at = 0x7fcf75061000 + index * (8192 + 4) * 1024;
        return `${hex(at - 4096)}      4K -----   [ anon ]\n${hex(at)}   8192K rw---   [ anon ]\n`;
      });
      return `${pid}:   uwsgi\n0000000000400000      8K r-x-- uwsgi\n${rows.join('')} total   811412K\n`;
    };
    const pmap = [11, 12, 13, 14].map(worker).join('');
    const data = await json(['blog.pmap', '--limit', '1Gi'], { 'blog.pmap': pmap });
    expect(data['totals']).toMatchObject({
      threadStackMappedKiB: 396 * 8192,
      threadStackResidentKiB: null,
      rssKiB: null,
      pssKiB: null,
    });
    expect(data['recommendation']).toBeNull();
    expect(data['reasons']).toContainEqual(
      expect.stringMatching(/^NoResidentMemory: .*capture \/proc\/PID\/smaps or pmap -X/),
    );
    expect(data['threadStackTable']).toContainEqual(
      expect.objectContaining({ sizeKiB: 8192, mappedKiB: 396 * 8192, provenance: 'measured', blog: '3.2 GB' }),
    );
    const { stdout } = await analyze(['blog.pmap', '--limit', '1Gi'], { 'blog.pmap': pmap });
    expect(stdout).toContain('How much of the stacks is resident this capture does not tell');
    expect(stdout).toContain('not safe on this unknown runtime');
  });

  it('reads what is compressed', async () => {
    const data = await json(['a.gz', '--limit', '1Gi'], { 'a.gz': gzipSync(SAVED) });
    expect(data['recommendation']).toMatchObject({ processes: 4 });
  });

  it('makes one page that loads nothing and escapes what the pods say', async () => {
    const hostile = SAVED.replace('"pod": "web-0"', '"pod": "<script>alert(1)</script>"');
    const { stdout } = await analyze(['a.json', '--limit', '1Gi', '-o', 'html'], { 'a.json': hostile });
    expect(stdout).toMatch(/^<!doctype html>/);
    expect(stdout).not.toMatch(/<script|https?:|src=|@import|url\(/);
    expect(stdout).toContain('&#60;script&#62;');
    expect(stdout).toContain('4 x 100 with stacks of 512Ki (threads-stacksize = 512)');
    expect(stdout).toContain('<h2>Memory of one pod as recommended</h2>');
  });

  it.each([
    [['a.json', '--limit', 'much'], '--limit: found "much", allowed: a quantity of memory such as 512Mi or 1Gi'],
    [['none.json'], 'none.json: found no readable file (ENOENT), allowed: a file, or - for stdin'],
    [['-', '-'], 'found - twice, allowed: stdin once'],
    [['broken.json'], 'broken.json: found broken JSON'],
    [['typed.json'], 'typed.json.processes[0].rss: found "12 kB", allowed: null or a whole number of at least 0'],
    [['shape.json'], 'shape.json.processes: found null, allowed: a list'],
    [['paged.json'], 'paged.json.platform.pageSize: found 0, allowed: null, 4096, 16384, 65536'],
    [['empty.json'], 'empty.json: found an empty list, allowed: at least one sample'],
    [['text.smaps'], 'text.smaps'],
    [['a.json', '-o', 'xml'], "option '-o, --output <form>' argument 'xml' is invalid"],
    [['nested.json'], 'nested.json.processes[0]: found a list of 1, allowed: an object'],
    [['deep.json'], 'deep.json.processes[0].rss: found a list of 1, allowed: null or a whole number of at least 0'],
    [['huge.json'], 'huge.json: found 20001 samples, allowed: up to 20000'],
    [['many.smaps'], 'many.smaps: found 4097 processes, allowed: up to 4096'],
    [['nothing.smaps'], 'nothing.smaps: found an empty file'],
    [['mark.smaps'], 'mark.smaps, line 1: found '],
    [['nul.smaps'], 'nul.smaps, line '],
  ])('refuses %j with one line and status 2', async (args, message) => {
    const files = {
      'a.json': SAVED,
      'broken.json': '{"processes": [',
      'typed.json': '{"processes": [{"rss": "12 kB"}]}',
      'shape.json': '{}',
      'empty.json': '[]',
      'paged.json': '{"processes": [], "platform": {"pageSize": 0}}',
      'text.smaps': 'no such form\n',
      'nested.json': `{"processes": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
      'deep.json': `{"processes": [{"rss": ${'['.repeat(50_000)}${']'.repeat(50_000)}}]}`,
      'many.smaps': '00001000-00002000 rw-p 00000000 00:00 0 \nSize: 4 kB\n'.repeat(4097),
      'nothing.smaps': '',
      'huge.json': `[${'{},'.repeat(20_000)}{}]`,
      'mark.smaps': '\ufeff00001000-00002000 rw-p 00000000 00:00 0 \nSize: 4 kB\n',
      'nul.smaps': '00001000-00002000 rw-p 00000000 00:00 0 \0\nSize:\0 4 kB\n',
    };
    const { exitCode, stderr, stdout } = await analyze(args, files);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd()).not.toContain('\n');
    expect([exitCode, stdout]).toEqual([2, '']);
  });

  it('refuses 10 MB of noise, what unpacks to more than is read, and a config that is too long', async () => {
    const files = {
      'a.json': SAVED,
      'noise.smaps': Buffer.alloc(10_000_000, 7),
      'bomb.gz': gzipSync(Buffer.alloc(300_000_000), { level: 1 }),
      'a.cfg': '\0'.repeat(20_000_000),
    };
    const refusals: [readonly string[], string][] = [
      [['noise.smaps'], 'noise.smaps, line 1: found "\\u0007'],
      [['bomb.gz'], 'bomb.gz: found damaged or too large gzip data'],
      [['a.json', '--config', 'a.cfg'], 'a.cfg:1: the text has 20000000 characters; at most 16777216'],
    ];
    for (const [args, message] of refusals) {
      const { exitCode, stderr, stdout } = await analyze(args, files);
      expect(stderr).toContain(message);
      expect(stderr.trimEnd()).not.toContain('\n');
      expect([exitCode, stdout]).toEqual([2, '']);
    }
  }, 60_000);

  it('shows help', async () => {
    const { stdout, exitCode } = await analyze(['--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('--limit <Q>');
  });
});
