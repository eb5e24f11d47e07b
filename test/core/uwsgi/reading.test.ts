import { describe, expect, it, test } from 'vitest';
import { kib, mib } from '../../../src/core/quantity.ts';
import { readConfig, type ConfigReading } from '../../../src/core/uwsgi/reading.ts';

const read = (text: string, section = 'uwsgi'): ConfigReading => readConfig(text, { format: 'Ini', section });

/** A text in section [uwsgi]. */
const uwsgi = (...lines: readonly string[]): string => ['[uwsgi]', ...lines, ''].join('\n');

/** Every expectation here was seen from uWSGI 2.0.21 and 2.0.30 running the text. */
describe('processes', () => {
  test.each<[sentence: string, text: string, value: number]>([
    ['are 1 when not set', uwsgi('master = true'), 1],
    ['come from the last of two lines', uwsgi('processes=2', 'processes=3'), 3],
    ['come from the last of two spellings', uwsgi('processes=3', 'workers=2'), 2],
    ['do not come from the short option, which files ignore', uwsgi('p = 3'), 1],
    ['do not come from a key in capitals', uwsgi('PROCESSES = 3'), 1],
    ['are 0 for a word', uwsgi('processes = auto'), 0],
    ['are 0 for a number in quotes', uwsgi('processes = "4"'), 0],
    ['are 0 for a no-break space before the digit', uwsgi('processes = \u00a04'), 0],
    ['are 0 for a key alone', uwsgi('processes'), 0],
    ['ignore what follows the digits', uwsgi('processes = 4k'), 4],
    ['ignore a second =', uwsgi('processes = 2=3'), 2],
    ['ignore a note behind the number', uwsgi('processes = 4 ; four'), 4],
    ['take a sign and leading zeros', uwsgi('processes = +004'), 4],
    ['take a vertical tab as a blank before the number', uwsgi('processes = \v3'), 3],
    ['wrap at 32 bits as C int does', uwsgi('processes = 4294967298'), 2],
    ['read lines with CRLF', '[uwsgi]\r\nprocesses = 4\r\n', 4],
    ['read a last line without newline', '[uwsgi]\nprocesses = 4', 4],
    ['read an indented section line', '  [uwsgi]\nprocesses = 4\n', 4],
    [
      'come from all sections of the name, in order',
      '[uwsgi]\nprocesses=2\n[other]\nprocesses=9\n[uwsgi]\nworkers=3\n',
      3,
    ],
    ['do not come from other sections', '[other]\nprocesses = 4\n', 1],
    ['do not come from keys before any section', 'processes = 4\n[uwsgi]\nthreads=1\n', 1],
    ['need the exact section line: a note behind it spoils it', '[uwsgi] ; c\nprocesses = 4\n', 1],
    ['need the exact section line: blanks inside spoil it', '[ uwsgi ]\nprocesses = 4\n', 1],
    ['lose the last character of the section line unseen', '[uwsgix\nprocesses = 4\n', 4],
    ['do not come from a section behind a byte order mark', '\ufeff[uwsgi]\nprocesses = 4\n', 1],
    ['come from set =', uwsgi('set = processes=3'), 3],
    ['do not come from set = with blanks round its =', uwsgi('set = processes = 3'), 1],
    ['come from a placeholder defined later', uwsgi('processes = %(np)', 'np = 3'), 3],
    ['come from a placeholder made by set-ph', uwsgi('set-ph = np=3', 'processes = %(np)'), 3],
    ['come from math, left to right', uwsgi('np = 3', 'processes = %(np + 1 * 2)'), 8],
    ['come from ++', uwsgi('np = 3', 'processes = %(np ++)'), 4],
    ['come from joined numbers without an operator', uwsgi('processes = %(1 2)'), 12],
    ['are 0 for a division by zero', uwsgi('processes = %(4 / 0)'), 0],
    ['are 0 for math without blanks round it', uwsgi('processes = (2*2)'), 0],
    ['come from the first occurrence of a placeholder', uwsgi('np = 2', 'np = 5', 'processes = %(np)'), 2],
    ['are 0 when a chain of placeholders runs forward', uwsgi('processes = %(a)', 'a = %(b)', 'b = 3'), 0],
    ['come from a chain of placeholders that runs backward', uwsgi('b = 3', 'a = %(b)', 'processes = %(a)'), 3],
    ['come from a doubled % that makes a placeholder', uwsgi('np = 3', 'processes = %%(np)'), 3],
    ['come from the last item of a for block', uwsgi('for = 2 4 3', 'processes = %(_)', 'endfor'), 3],
    ['come from for-times', uwsgi('for-times = 3', 'processes = %(_)', 'end'), 3],
    ['come from an if-opt block whose option is there', uwsgi('np = 3', 'if-opt = np', 'processes = %(_)', 'endif'), 3],
    ['do not come from an if-opt block for another value', uwsgi('a = 1', 'if-opt = a=2', 'processes=3', 'endif'), 1],
    ['do not come from lines that an open block swallows', uwsgi('if-opt = none', 'threads=2', 'processes=3'), 1],
    [
      'do come from behind a block that only some pods use',
      uwsgi('if-env = X', 'processes=3', 'endif', 'processes=2'),
      2,
    ],
    ['are the same whether a block repeats them or not', uwsgi('processes=2', 'if-env = X', 'processes=2', 'endif'), 2],
    ['come from behind an include', uwsgi('include = other.ini', 'processes = 2'), 2],
    ['come from another section that ini = :name reads', '[uwsgi]\nini = :app\n[app]\nprocesses = 3\n', 3],
    ['are cut by limit-nproc, the master counting as one', uwsgi('master=1', 'processes = 8', 'limit-nproc = 4'), 3],
  ])('%s', (_, text, value) => {
    const { processes } = read(text);

    expect([processes.value, processes.reason]).toEqual([value, null]);
  });

  test.each<[sentence: string, text: string, reason: RegExp]>([
    ['an environment variable', uwsgi('processes = $(WORKERS)'), /^line 2: processes comes from \$\(WORKERS\), an env/],
    ['a file of the pod', uwsgi('processes = @(/etc/n)'), /^line 2: processes comes from a file or a program/],
    ['the number of CPUs', uwsgi('processes = %k'), /magic variable/],
    ['math with the number of CPUs', uwsgi('processes = %(%k * 2)'), /%\(\? \* 2\), a placeholder/],
    ['a digit before a magic variable', uwsgi('processes = 2%k'), /magic variable/],
    ['a placeholder that is not in the file', uwsgi('processes = %(np)'), /%\(np\), a placeholder/],
    ['an if-env block', uwsgi('if-env = X', 'processes = 3', 'endif'), /if-env at line 2 depends on the pod/],
    ['an include behind it', uwsgi('processes=2', 'ini = other.ini'), /^ini at line 3 may set it/],
    ['an include and no line of its own', uwsgi('include = other.ini'), /^include at line 2 may set it/],
    ['an inherited file, which is read last', uwsgi('inherit = b.ini', 'processes=2'), /at line 2 is read last/],
    ['an option made by declare-option', uwsgi('declare-option = w=processes=$1', 'w = 3'), /declare-option/],
    ['a number below 0: uWSGI exits', uwsgi('processes = -1'), /uWSGI exits: line 2: processes is -1/],
    ['a number beyond 64 bits: it wraps to -1', uwsgi('processes = 99999999999999999999'), /processes is -1/],
    ['a number below 0 that a later line overrides', uwsgi('threads = -1', 'threads = 2'), /threads is -1/],
    [
      'cheaper that is not lower: uWSGI exits',
      uwsgi('cheaper=2', 'processes=2'),
      /line 2: cheaper is 2 and must be lower/,
    ],
    ['blocks in blocks: uWSGI exits', uwsgi('for = 1', 'for = 2', 'processes = 3', 'end'), /blocks do not nest/],
    ['an unknown key under strict', uwsgi('strict = true', 'proceses = 2'), /knows no option "proceses"/],
    ['an unknown key before strict', uwsgi('proceses = 2', 'strict'), /knows no option "proceses"/],
    ['set without a value', uwsgi('set = b'), /needs name=value, found no "="/],
    ['an option as a placeholder', uwsgi('set-ph = threads=4'), /threads is an option/],
    ['sections that include each other', '[uwsgi]\nini = :uwsgi\n', /without end/],
    ['placeholders without end', uwsgi('a = x%(a)', 'processes = 2'), /without end/],
    ['a limit-nproc from outside', uwsgi('processes = 2', 'limit-nproc = $(N)'), /limit-nproc at line 3 may cut/],
  ])('are null for %s', (_, text, reason) => {
    const { processes } = read(text);

    expect(processes.value).toBeNull();
    expect(processes.reason).toMatch(reason);
  });
});

describe('threads', () => {
  test.each<[sentence: string, text: string, value: number]>([
    ['are 1 when not set', uwsgi('processes=2'), 1],
    ['are 1 for 0', uwsgi('threads = 0'), 1],
    ['are 1 for a number in quotes', uwsgi('threads = "4"'), 1],
    ['are 1 for a key alone', uwsgi('threads'), 1],
    ['keep a note', uwsgi('threads = 4 ; four'), 4],
    ['are lost to a comment that ends in %', uwsgi('; use 50%', 'threads = 4'), 1],
    ['are not lost to a comment that ends in %%', uwsgi('; use 50%%', 'threads = 4'), 4],
    ['begin behind a deleted pair', uwsgi('%zthreads = 4'), 4],
    ['do not begin behind a pair beyond ASCII', uwsgi('%éthreads = 4'), 1],
    ['have their name when a deleted pair stands inside it', uwsgi('thr%qeads = 4'), 4],
    ['survive magic behind the digits', uwsgi('threads = 4 of %k'), 4],
    ['survive a variable behind the digits', uwsgi('threads = 4 $(X)'), 4],
    ['do not come from a look-alike', uwsgi('offload-threads = 4', 'THREADS = 5', 'enable-threads = true'), 1],
    ['end at a NUL', '[uwsgi]\nthreads = 4\u00005\n', 4],
    ['are 1 in the async loop, which starts none', uwsgi('async = 5', 'threads = 3'), 1],
    ['are started by async = 1', uwsgi('async = 1', 'threads = 3'), 3],
  ])('%s', (_, text, value) => {
    expect(read(text).threads.value).toBe(value);
  });

  it('are null when a plugin may bring a loop that starts none', () => {
    const { threads } = read(uwsgi('gevent = 50', 'threads = 3'));

    expect(threads.value).toBeNull();
    expect(threads.reason).toBe('line 2: gevent runs a loop that starts no threads, if its plugin is there');
  });
});

describe('the thread stack size', () => {
  test.each(['thread-stacksize', 'threads-stacksize', 'thread-stack-size', 'threads-stack-size'])(
    'is KiB in the spelling %s',
    (key) => {
      const { threadStackSize } = read(uwsgi(`${key} = 512`));

      expect(threadStackSize).toEqual({
        value: kib(512),
        reason: null,
        cause: null,
        where: { line: 2, key },
        editable: true,
      });
    },
  );

  test.each<[sentence: string, text: string, size: number]>([
    ['comes from the last spelling', uwsgi('thread-stack-size=128', 'threads-stack-size=96'), kib(96)],
    ['is rounded up to pages', uwsgi('threads-stacksize = 17'), kib(20)],
    ['takes 64k for 64', uwsgi('threads-stacksize = 64k'), kib(64)],
    ['may be above the limit of the process', uwsgi('threads-stacksize = 16384'), mib(16)],
  ])('%s', (_, text, size) => {
    expect(read(text).threadStackSize.value).toBe(size);
  });

  test.each<[sentence: string, text: string, reason: RegExp]>([
    ['not set', uwsgi('threads=4'), /^not set: the C library/],
    ['0', uwsgi('threads-stacksize = 0'), /is 0: the C library/],
    ['written in hexadecimal, which is 0', uwsgi('threads-stacksize = 0x40'), /is 0/],
    ['below what the C library takes', uwsgi('threads-stacksize = 15'), /is 15 KiB, below the least of 16 KiB/],
    ['in a wrong unit, which is too small', uwsgi('threads-stacksize = 8M'), /is 8 KiB, below the least/],
    ['under a key with underscores', uwsgi('threads_stacksize = 256'), /^not set/],
  ])('is null when %s', (_, text, reason) => {
    const { threadStackSize } = read(text);

    expect(threadStackSize.value).toBeNull();
    expect(threadStackSize.reason).toMatch(reason);
  });
});

describe('the reading', () => {
  it('reads the section that is asked for', () => {
    const text = '[uwsgi]\nprocesses=2\n[app]\nprocesses=3\n';

    expect(read(text, 'app').processes.value).toBe(3);
    expect(read(text, '').processes.value).toBe(2);
  });

  it('says when the section is not there', () => {
    const reading = read('[UWSGI]\nprocesses=2\n');

    expect(reading.sectionFound).toBe(false);
    expect(reading.processes.editable).toEqual({ reason: 'the text has no option in section [uwsgi]' });
    expect(reading.notes).toEqual([{ line: 1, text: 'no option in section [uwsgi]: uWSGI runs with its defaults' }]);
  });

  it('names keys that look like an option and set nothing', () => {
    const { notes } = read(uwsgi('threads_stacksize = 64', 'Workers = 2', 'p = 3'));

    expect(notes.map(({ line }) => line)).toEqual([2, 3, 4]);
    expect(notes[0]?.text).toBe('"threads_stacksize" is not the option threads-stacksize: it sets nothing');
  });

  it('gives the line and key that win', () => {
    expect(read(uwsgi('processes=2', '', 'workers = 3')).processes.where).toEqual({ line: 4, key: 'workers' });
  });

  it('counts lines of the raw text when magic joins two of them', () => {
    expect(read(uwsgi('; 50%', 'threads = 4', 'processes = 2')).processes.where?.line).toBe(4);
  });

  it('tells cheaper apart: unset, off, on', () => {
    expect(read(uwsgi('processes=4')).cheaper).toMatchObject({ value: null, reason: 'not set' });
    expect(read(uwsgi('processes=4', 'cheaper = true')).cheaper.value).toBe(0);
    expect(read(uwsgi('processes=4', 'cheaper = 2')).cheaper.value).toBe(2);
  });

  it('is fast on 10 MB of comments and null on a file of millions of options', () => {
    const comments = `${'; 100%% of a line\n'.repeat(600_000)}[uwsgi]\nthreads = 2\n`;

    expect(read(comments).threads.value).toBe(2);
    expect(read(`[uwsgi]\n${'a=%(a)\n'.repeat(2_000_000)}`).processes.reason).toMatch(/more than 10000 options/);
  }, 30_000);

  it('does not count to a billion', () => {
    expect(read(uwsgi('for-times = 1000000000', 'processes = %(_)', 'end')).processes.reason).toMatch(/more than/);
  });

  it('does not grow placeholders without bound', () => {
    const doubling = Array.from({ length: 40 }, (_, index) => `a${index + 1} = x%(a${index})%(a${index})`);

    expect(read(uwsgi('a0 = x', ...doubling)).processes.value).toBeNull();
  });
});

describe('the facts', () => {
  it('are off, 0 and empty for a text without them', () => {
    expect(read(uwsgi('processes=2')).facts).toMatchObject({
      strict: false,
      master: false,
      asyncCores: 0,
      loop: '',
      emperor: false,
      limitAs: 0,
      dropsPrivileges: false,
      stats: '',
    });
  });

  it('are read with their own units', () => {
    const text = uwsgi('limit-as = 512', 'reload-on-rss = 200MB', 'cheaper-rss-limit-soft = 1048576', 'gevent = 50');

    expect(read(text).facts).toMatchObject({
      limitAs: mib(512),
      reloadOnRss: mib(200),
      cheaperRssLimitSoft: mib(1),
      asyncCores: 50,
      loop: 'gevent',
    });
  });

  it('take every switch but false, off, no and 0 as on, a note behind false too', () => {
    const text = uwsgi('master = false ; note', 'lazy-apps', 'strict = No', 'die-on-term = 0', 'never-swap = disabled');

    expect(read(text).facts).toMatchObject({
      master: true,
      lazyApps: true,
      strict: false,
      dieOnTerm: false,
      neverSwap: true,
    });
  });

  it('are null when the pod decides', () => {
    const text = uwsgi('if-env = X', 'uid = 1000', 'emperor = /etc/vassals', 'endif', 'stats = $(STATS)');

    expect(read(text).facts).toMatchObject({ dropsPrivileges: null, emperor: null, stats: null });
  });
});
