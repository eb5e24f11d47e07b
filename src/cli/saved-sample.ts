/**
 * Reads samples that were saved as JSON (`sample -o json`): one object or a list. What is absent is null, as in a
 * capture that does not tell; what has another type is refused with its place.
 */
import type { CgroupMemory, Libc, Platform, ProcessFootprint, Sample, ThreadStacks } from '../core/memory/sample.ts';
import { bytes, kib, type Bytes } from '../core/quantity.ts';
import { refused } from './io.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Reads the fields of one object, each with the type that is asked for. */
interface Reader {
  readonly size: (name: string) => Bytes | null;
  readonly count: (name: string) => number | null;
  readonly text: (name: string) => string | null;
  readonly oneOf: <T>(name: string, allowed: readonly T[]) => T | null;
  readonly object: (name: string) => Reader;
  readonly list: (name: string) => readonly Reader[];
}

/** `place` is how messages call the object. */
function readerOf(value: unknown, place: string): Reader {
  if (!isFields(value)) throw wrong(place, value, 'an object');
  const count = (name: string): number | null => {
    const field = value[name] ?? null;
    if (field === null || (typeof field === 'number' && Number.isSafeInteger(field) && field >= 0)) return field;
    throw wrong(`${place}.${name}`, field, 'null or a whole number of at least 0');
  };
  return {
    count,
    size: (name) => {
      const field = count(name);
      return field === null ? null : bytes(field);
    },
    text: (name) => {
      const field = value[name] ?? null;
      if (field === null || typeof field === 'string') return field;
      throw wrong(`${place}.${name}`, field, 'null or a text');
    },
    oneOf: (name, allowed) => {
      const field = value[name] ?? null;
      const found = allowed.find((entry) => entry === field);
      if (found !== undefined || field === null) return found ?? null;
      throw wrong(`${place}.${name}`, field, `null, ${allowed.join(', ')}`);
    },
    object: (name) => readerOf(value[name] ?? {}, `${place}.${name}`),
    list: (name) => {
      const field = value[name];
      if (!Array.isArray(field)) throw wrong(`${place}.${name}`, field ?? null, 'a list');
      return field.map((entry: unknown, index) => readerOf(entry, `${place}.${name}[${index}]`));
    },
  };
}

function wrong(place: string, value: unknown, allowed: string): Error {
  return refused(`${place}: found ${shown(value)}, allowed: ${allowed}`);
}

/** A value in a few words: of one that holds others only what it is, since it may hold a great many. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return JSON.stringify(typeof value === 'string' ? value.slice(0, 60) : value);
}

/** More than a week of samples every minute. */
const MOST_SAMPLES = 20_000;

/** The samples of a JSON text. `name` is the file's name for messages. */
export function readSavedSamples(value: unknown, name: string): readonly Sample[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > MOST_SAMPLES) {
    throw refused(`${name}: found ${list.length} samples, allowed: up to ${MOST_SAMPLES}`);
  }
  if (list.length === 0) throw refused(`${name}: found an empty list, allowed: at least one sample`);
  return list.map((entry, index) => sampleOf(readerOf(entry, list.length === 1 ? name : `${name}[${index}]`)));
}

function sampleOf(reader: Reader): Sample {
  const quality = reader.object('quality');
  return {
    pod: reader.text('pod') ?? '',
    podUid: reader.text('podUid') ?? reader.text('pod') ?? '',
    node: reader.text('node') ?? '',
    takenAt: reader.count('takenAt') ?? 0,
    quality: { tier: quality.oneOf('tier', ['smaps', 'status']) ?? 'smaps', reason: quality.text('reason') },
    platform: platformOf(reader.object('platform')),
    cgroup: cgroupOf(reader.object('cgroup')),
    processes: reader.list('processes').map(processOf),
  };
}

function platformOf(reader: Reader): Platform {
  const libc = reader.object('libc');
  const libcName = libc.oneOf<Libc['name']>('name', ['glibc', 'musl']);
  const python = reader.object('python');
  const [major, minor] = [python.count('major'), python.count('minor')];
  return {
    kernel: reader.text('kernel'),
    architecture: reader.text('architecture'),
    pageSize: reader.oneOf('pageSize', [kib(4), kib(16), kib(64)]),
    libc: libcName === null ? null : { name: libcName, version: libc.text('version') },
    python: major === null || minor === null ? null : { major, minor },
    transparentHugePages: reader.oneOf('transparentHugePages', ['always', 'madvise', 'never']),
    threadStackMinimum: reader.size('threadStackMinimum'),
  };
}

function cgroupOf(reader: Reader): CgroupMemory {
  return {
    version: reader.oneOf('version', [1, 2]),
    limit: reader.size('limit'),
    usage: reader.size('usage'),
    fileCache: reader.size('fileCache'),
    anon: reader.size('anon'),
    shmem: reader.size('shmem'),
    kernel: reader.size('kernel'),
    oomKills: reader.count('oomKills'),
  };
}

function processOf(reader: Reader): ProcessFootprint {
  const arenas = reader.object('arenas');
  return {
    pid: reader.count('pid'),
    parentPid: reader.count('parentPid'),
    startTicks: reader.count('startTicks'),
    role: reader.oneOf('role', ['master', 'worker', 'other']),
    threads: reader.count('threads'),
    threadStacks: stacksOf(reader.object('threadStacks')),
    mapped: reader.size('mapped'),
    rss: reader.size('rss'),
    pss: reader.size('pss'),
    pssAnon: reader.size('pssAnon'),
    pssFile: reader.size('pssFile'),
    pssShmem: reader.size('pssShmem'),
    privateAnon: reader.size('privateAnon'),
    swap: reader.size('swap'),
    pageTables: reader.size('pageTables'),
    arenas: { count: arenas.count('count'), resident: arenas.size('resident') },
    busyThreads: reader.count('busyThreads'),
  };
}

function stacksOf(reader: Reader): ThreadStacks {
  return {
    count: reader.count('count'),
    size: reader.size('size'),
    mapped: reader.size('mapped'),
    resident: reader.size('resident'),
    highWater: reader.size('highWater'),
    hugePages: reader.size('hugePages'),
  };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
