import { describe, expect, it } from 'vitest';
import { libcOf, platformOf, pythonOf } from '../../../src/core/memory/platform.ts';

describe("Python's version", () => {
  it.each<[string, string[], unknown]>([
    ['a shared library', ['/usr/lib/x86_64-linux-gnu/libpython3.13.so.1.0'], { major: 3, minor: 13 }],
    ['a static binary', ['/usr/local/bin/python3.12'], { major: 3, minor: 12 }],
    ['an extension of pyuwsgi', ['/app/pyuwsgi.cpython-311-x86_64-linux-gnu.so'], { major: 3, minor: 11 }],
    ['a free-threaded build', ['/usr/lib/libpython3.14t.so.1.0'], { major: 3, minor: 14 }],
    ['a module path', ['/usr/lib/python3.9/lib-dynload/_json.so'], { major: 3, minor: 9 }],
    ['a name as pmap shows it', ['libpython3.11.so.1.0'], { major: 3, minor: 11 }],
    ['none', ['/usr/bin/uwsgi', '/srv/mypython3.1x'], null],
    ['two that disagree', ['/usr/lib/libpython3.9.so', '/usr/lib/libpython3.11.so'], null],
  ])('from %s', (_, names, expected) => {
    expect(pythonOf(names)).toEqual(expected);
  });
});

describe('the C library', () => {
  it.each<[string, string[], string, unknown]>([
    [
      'glibc that tells',
      ['/lib/ld-linux-x86-64.so.2'],
      'GNU_LIBC_VERSION glibc 2.36\n',
      { name: 'glibc', version: '2.36' },
    ],
    ['glibc that does not', ['/lib/ld-linux-aarch64.so.1'], 'GNU_LIBC_VERSION \n', { name: 'glibc', version: null }],
    ['glibc by its file', ['/lib/libc-2.31.so'], '', { name: 'glibc', version: '2.31' }],
    ['musl', ['/lib/ld-musl-x86_64.so.1'], 'musl libc (x86_64)\nVersion 1.2.3\n', { name: 'musl', version: '1.2.3' }],
    ['nothing', ['/usr/bin/uwsgi'], '', null],
  ])('%s', (_, names, conf, expected) => {
    expect(libcOf(names, conf)).toEqual(expected);
  });
});

it('leaves unknown what is odd', () => {
  const files = new Map([
    ['conf', 'PAGESIZE \nPTHREAD_STACK_MIN undefined\n'],
    ['thp', 'sometimes'],
    ['machine', '\n'],
  ]);
  expect(platformOf(files, [])).toEqual({
    kernel: null,
    architecture: null,
    pageSize: null,
    libc: null,
    python: null,
    transparentHugePages: null,
    threadStackMinimum: null,
  });
});
