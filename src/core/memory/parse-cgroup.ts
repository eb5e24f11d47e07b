/** The files of a memory cgroup, version 1 or 2, under the kernel's own names. */
import type { Bytes } from '../quantity.ts';
import { bytes } from '../quantity.ts';
import type { CgroupMemory } from './sample.ts';

/** v1 prints "no limit" as the largest multiple of a page below 2^63; nothing near that is a limit. */
const NO_LIMIT = 2 ** 60;

/** Reads what the sampler found; a file that is absent leaves its facts null. */
export function parseCgroup(files: ReadonlyMap<string, string>): CgroupMemory {
  const version = files.has('memory.limit_in_bytes') ? 1 : files.has('memory.stat') ? 2 : null;
  const stat = parseCounters(files.get('memory.stat') ?? '');
  return version === 1 ? versionOne(files, stat) : versionTwo(files, stat, version);
}

/** Lines "name number" to a map; other lines are skipped. */
export function parseCounters(text: string): ReadonlyMap<string, number> {
  const counters = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^(\S+) (\d{1,20})$/.exec(line);
    if (match?.[1] !== undefined) counters.set(match[1], Number(match[2]));
  }
  return counters;
}

function versionOne(files: ReadonlyMap<string, string>, stat: ReadonlyMap<string, number>): CgroupMemory {
  const own = amount(files.get('memory.limit_in_bytes'));
  const above = size(stat.get('hierarchical_memory_limit'));
  const cache = stat.get('total_cache') ?? stat.get('cache');
  const shmem = stat.get('total_shmem') ?? stat.get('shmem');
  return {
    version: 1,
    // Without a limit of its own a container has the node's for all pods: that is no limit to size one pod for.
    limit: own === null || above === null || own < above ? own : above,
    usage: amount(files.get('memory.usage_in_bytes')),
    fileCache: less(cache, shmem),
    anon: size(stat.get('total_rss') ?? stat.get('rss')),
    shmem: size(shmem),
    kernel: amount(files.get('memory.kmem.usage_in_bytes')),
    oomKills: parseCounters(files.get('memory.oom_control') ?? '').get('oom_kill') ?? null,
  };
}

function versionTwo(
  files: ReadonlyMap<string, string>,
  stat: ReadonlyMap<string, number>,
  version: 2 | null,
): CgroupMemory {
  return {
    version,
    limit: amount(files.get('memory.max')),
    usage: amount(files.get('memory.current')),
    fileCache: less(stat.get('file'), stat.get('shmem')),
    anon: size(stat.get('anon')),
    shmem: size(stat.get('shmem')),
    kernel: sumOf(
      stat,
      stat.has('kernel') ? ['kernel', 'sock'] : ['kernel_stack', 'pagetables', 'percpu', 'sock', 'slab'],
    ),
    oomKills: parseCounters(files.get('memory.events') ?? '').get('oom_kill') ?? null,
  };
}

/**
 * The kernel's sum of its own memory leaves out socket buffers, and before 5.18 it prints no sum at all: add what it
 * prints. Null when it prints none of it.
 */
function sumOf(stat: ReadonlyMap<string, number>, names: readonly string[]): Bytes | null {
  const known = names.map((name) => stat.get(name)).filter((value) => value !== undefined);
  return known.length === 0 ? null : size(known.reduce((sum, value) => sum + value, 0));
}

function less(whole: number | undefined, part: number | undefined): Bytes | null {
  return whole === undefined || part === undefined ? null : size(Math.max(0, whole - part));
}

function amount(text: string | undefined): Bytes | null {
  return /^\d{1,20}\n*$/.test(text ?? '') ? size(Number(text)) : null;
}

function size(value: number | undefined): Bytes | null {
  return value === undefined || value >= NO_LIMIT || !Number.isSafeInteger(value) ? null : bytes(value);
}
