import { describe, expect, it } from 'vitest';
import { parseCgroup } from '../../../src/core/memory/parse-cgroup.ts';
import { fixture, sample } from './captures.ts';

const FOLDER = 'linux7.2-glibc2.43-py3.14/1x60-8m';

function files(names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(names.map((name) => [name, new TextDecoder().decode(fixture(`${FOLDER}/${name}`))]));
}

describe("a memory cgroup's files", () => {
  it('of version 2', () => {
    expect(parseCgroup(files(['memory.max', 'memory.current', 'memory.stat', 'memory.events']))).toEqual({
      version: 2,
      limit: 734003200,
      usage: 18956288,
      fileCache: 0,
      anon: 15220736,
      shmem: 1130496,
      kernel: 2314240,
      oomKills: 0,
    });
  });

  it('of version 1', () => {
    const { version, limit, oomKills, anon } = sample('1x1').cgroup;
    expect({ version, limit, oomKills }).toEqual({ version: 1, limit: 943718400, oomKills: 0 });
    expect(anon).toBeGreaterThan(0);
  });

  it('without a limit', () => {
    expect(
      parseCgroup(
        new Map([
          ['memory.max', 'max\n'],
          ['memory.stat', ''],
        ]),
      ).limit,
    ).toBeNull();
    expect(parseCgroup(new Map([['memory.limit_in_bytes', '9223372036854771712\n']])).limit).toBeNull();
  });

  it('without a limit of its own, whatever the node has for all pods', () => {
    const files: [string, string][] = [
      ['memory.limit_in_bytes', '9223372036854771712\n'],
      ['memory.stat', 'hierarchical_memory_limit 25276063744\n'],
    ];
    expect(parseCgroup(new Map(files)).limit).toBeNull();
  });

  it('with a smaller limit above', () => {
    const stat = 'hierarchical_memory_limit 1000\n';
    expect(
      parseCgroup(
        new Map([
          ['memory.limit_in_bytes', '2000\n'],
          ['memory.stat', stat],
        ]),
      ).limit,
    ).toBe(1000);
  });

  it('of version 2 with open connections, whose buffers its sum of kernel memory leaves out', () => {
    const stat = 'anon 1\nkernel 4096\nkernel_stack 1024\nsock 200\n';
    expect(parseCgroup(new Map([['memory.stat', stat]])).kernel).toBe(4296);
  });

  it('of a kernel that prints no sum of its own memory', () => {
    const stat = 'anon 1\nkernel_stack 16384\npagetables 4096\npercpu 10\nsock 20\nslab 30\n';
    expect(parseCgroup(new Map([['memory.stat', stat]])).kernel).toBe(16384 + 4096 + 60);
  });

  it('that are absent or odd tell nothing', () => {
    const nothing = { version: null, limit: null, usage: null, fileCache: null, anon: null, shmem: null, kernel: null };
    expect(parseCgroup(new Map())).toEqual({ ...nothing, oomKills: null });
    expect(
      parseCgroup(
        new Map([
          ['memory.max', '-5\n'],
          ['memory.current', '1e3\n'],
        ]),
      ),
    ).toMatchObject({ limit: null, usage: null });
  });
});
