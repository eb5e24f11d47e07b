import { Buffer } from 'node:buffer';
import { load } from 'js-yaml';
import { describe, expect, it, test } from 'vitest';
import { run } from './memory-io.ts';

const INI = '[uwsgi]\nprocesses = 4 ; four\nthreads = $(THREADS)\nthread-stack-size = 512\n';

describe('config get', () => {
  const DATA = {
    processes: 4,
    threads: null,
    threadStackSizeKiB: 512,
    reasons: { threads: 'line 3: threads comes from $(THREADS), an environment variable of the pod' },
  };

  it('prints JSON with exactly the four keys', async () => {
    const { exitCode, stdout, stderr } = await run(['config', 'get', 'a.ini', '-o', 'json'], { 'a.ini': INI });

    expect(JSON.parse(stdout)).toEqual(DATA);
    expect([exitCode, stderr]).toEqual([0, '']);
  });

  it('prints the same as YAML', async () => {
    const { stdout } = await run(['config', 'get', 'a.ini', '-o', 'yaml'], { 'a.ini': INI });

    expect(load(stdout)).toEqual(DATA);
  });

  it('prints a table with the lines and the reasons', async () => {
    const { stdout } = await run(['config', 'get', 'a.ini'], { 'a.ini': `${INI}threads_stacksize = 64\n` });

    expect(stdout.split('\n')).toEqual([
      'OPTION             VALUE  LINE  FROM',
      'processes          4      2     processes',
      'threads            -      3     line 3: threads comes from $(THREADS), an environment variable of the pod',
      'thread stack size  512Ki  4     thread-stack-size',
      'note: line 5: "threads_stacksize" is not the option threads-stacksize: it sets nothing',
      '',
    ]);
  });

  it('reads stdin and another section', async () => {
    const { stdout } = await run(['config', 'get', '-', '--section', 'app', '--format', 'ini', '-o', 'json'], {
      '-': '[app]\nthreads = 3\n',
    });

    expect(JSON.parse(stdout)).toMatchObject({ processes: 1, threads: 3, threadStackSizeKiB: null });
  });

  test.each<[name: string, text: string]>([
    ['a.yaml', 'uwsgi:\n  processes: 4\n  threads: 8\n'],
    ['a.yml', '# x\nuwsgi:\n  processes: 4\n  threads: 8\n'],
    ['a.json', '{"uwsgi": {"processes": 4, "threads": 8}}'],
    ['a.xml', '<uwsgi><processes>4</processes><threads>8</threads></uwsgi>'],
    ['a.env', 'UWSGI_PROCESSES=4\nUWSGI_THREADS=8\n'],
  ])('reads and edits %s by its suffix', async (name, text) => {
    const read = await run(['config', 'get', name, '-o', 'json'], { [name]: text });
    const edited = await run(['config', 'set', name, '--threads', '9'], { [name]: text });

    expect(JSON.parse(read.stdout)).toMatchObject({ processes: 4, threads: 8, threadStackSizeKiB: null });
    expect(edited.stdout).toBe(text.replace('8', '9'));
  });

  it('says which builds of uWSGI read a value differently', async () => {
    const { stdout } = await run(['config', 'get', 'a.yaml', '-o', 'json'], { 'a.yaml': 'uwsgi:\n  threads: "4"\n' });

    expect(JSON.parse(stdout)).toMatchObject({
      threads: null,
      reasons: { threads: 'uWSGI with libyaml reads 4 of line 2, uWSGI with its own YAML parser reads 1 of line 2' },
    });
  });

  it('reads bytes that are not UTF-8', async () => {
    const { stdout } = await run(['config', 'get', '-', '-o', 'json'], {
      '-': Buffer.from('[uwsgi]\n; caf\xe9\nthreads = 3\n', 'latin1'),
    });

    expect(JSON.parse(stdout)).toMatchObject({ threads: 3 });
  });
});

describe('config set', () => {
  it('prints the edited text with every other byte kept', async () => {
    const text = Buffer.from('\n[uwsgi]\r\n; caf\xe9 \x00\r\nthreads =  3 ; three\r\n\r\n', 'latin1');

    const { exitCode, stdoutBytes } = await run(['config', 'set', '-', '--threads', '12'], { '-': text });

    expect(exitCode).toBe(0);
    expect(stdoutBytes.toString('latin1')).toBe('\n[uwsgi]\r\n; caf\xe9 \x00\r\nthreads =  12 ; three\r\n\r\n');
  });

  it('sets all three', async () => {
    const args = ['config', 'set', 'a.ini', '--processes', '2', '--threads', '8', '--thread-stack-size', '1Mi'];

    const { stdout } = await run(args, { 'a.ini': '[uwsgi]\nworkers=1\n' });

    expect(stdout).toBe('[uwsgi]\nworkers=2\nthreads=8\nthreads-stacksize=1024\n');
  });

  it('prints only the changed lines with --diff', async () => {
    const { stdout } = await run(['config', 'set', 'a.ini', '--processes', '2', '--diff'], { 'a.ini': INI });

    expect(stdout).toBe('@@ -2 +2 @@\n-processes = 4 ; four\n+processes = 2 ; four\n');
  });

  it('refuses with status 2 and one line that names file, line, found and allowed', async () => {
    const { exitCode, stdout, stderr } = await run(['config', 'set', 'a.ini', '--threads', '8'], { 'a.ini': INI });

    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toBe(
      'uwsgi-tuner: a.ini:3: threads: found "$(THREADS)", allowed: a plain number outside of blocks: ' +
        'line 3: threads comes from $(THREADS), an environment variable of the pod\n',
    );
  });
});

describe('bad input', () => {
  test.each<[sentence: string, args: readonly string[], line: string]>([
    ['no command', ['config'], 'found no command, allowed: see --help'],
    ['an unknown command', ['confg'], "unknown command 'confg' (Did you mean config?)"],
    ['an unknown option', ['config', 'get', 'a.ini', '--nope'], "unknown option '--nope'"],
    ['no file', ['config', 'get'], "missing required argument 'file'"],
    [
      'a file that is not there',
      ['config', 'get', 'b.ini'],
      'b.ini: found no readable file (ENOENT), allowed: a file, or - for stdin',
    ],
    [
      'a form that is not there',
      ['config', 'get', 'a.ini', '-o', 'xml'],
      "option '-o, --output <form>' argument 'xml' is invalid. Allowed choices are text, json, yaml.",
    ],
    [
      'a dialect by name',
      ['config', 'get', 'a.ini', '--format', 'toml'],
      '--format: found "toml", allowed: Ini, Yaml, Json, Xml, Env',
    ],
    [
      'an edit of a form of YAML that is not read',
      ['config', 'set', 'a.yaml', '--threads', '2'],
      'a.yaml: threads: found no such option, allowed: a plain number outside of blocks: line 1: a section that begins ' +
        'on the line of its name: this form of YAML is not read',
    ],
    [
      'nothing to set',
      ['config', 'set', 'a.ini'],
      'found nothing to set, allowed: --processes, --threads, --thread-stack-size',
    ],
    [
      'a number that is none',
      ['config', 'set', 'a.ini', '--processes', '4x'],
      '--processes: found "4x", allowed: a whole number, 1 or more',
    ],
    [
      'a quantity that is none',
      ['config', 'set', 'a.ini', '--thread-stack-size', '1MB'],
      '--thread-stack-size: found "1MB", allowed: a quantity such as 512Ki or 8Mi',
    ],
  ])('is refused with status 2 and one line: %s', async (_, args, line) => {
    const { exitCode, stdout, stderr } = await run(args, { 'a.ini': INI, 'a.yaml': 'uwsgi: {}\n' });

    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 2, stdout: '', stderr: `uwsgi-tuner: ${line}\n` });
  });

  it('from a file cannot break the line of the message', async () => {
    const { stderr } = await run(['config', 'set', '-', '--processes', '2'], {
      '-': '[uwsgi]\nprocesses=$(A\u2028\v\x1b[2J)\n',
    });

    expect(stderr).toMatch(/^[\x20-\x7e]+\n$/);
  });
});

describe('help', () => {
  test.each<[args: readonly string[], part: string]>([
    [[], 'Usage: uwsgi-tuner'],
    [['--help'], 'read or edit the text of a uWSGI config'],
    [['config', '--help'], 'get [options] <file>'],
    [['help', 'config'], 'set [options] <file>'],
    [['config', 'get', '--help'], '--section <S>'],
    [['config', 'set', '--help'], '--thread-stack-size <Q>'],
  ])('%j goes to stdout with status 0', async (args, part) => {
    const { exitCode, stdout, stderr } = await run(args);

    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toContain(part);
  });
});
