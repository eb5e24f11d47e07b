/** What the processes run on, from the container's facts and the names of mapped files. */
import { bytes, kib } from '../quantity.ts';
import type { Mapping } from './mapping.ts';
import type { Libc, Platform } from './sample.ts';

/** Python's version in a mapped file's name, the surest form first; a static build shows it only in its modules. */
const PYTHON_NAMES = [
  /(?:^|\/)libpython([23])\.(\d+)[a-z]*\.so/,
  /(?:^|\/)python([23])\.(\d+)$/,
  /\.(?:cpython|pypy)-([23])(\d+)[a-z]*[-.]/,
  /\/python([23])\.(\d+)[a-z]*\//,
];

/** Reads the platform. `mappings` are those of any uWSGI process of the container. */
export function platformOf(files: ReadonlyMap<string, string>, mappings: readonly Mapping[]): Platform {
  const names = new Set(mappings.map((mapping) => mapping.name));
  const conf = files.get('conf') ?? '';
  return {
    kernel: firstLine(files.get('osrelease')),
    architecture: firstLine(files.get('machine')),
    pageSize: pageSizeIn(conf) ?? mappings.find(isSmallPage)?.kernelPageSize ?? null,
    libc: libcOf(names, conf),
    python: pythonOf(names),
    transparentHugePages: hugePages(files.get('thp')),
    threadStackMinimum: positive(/^PTHREAD_STACK_MIN (\d+)$/m.exec(conf)?.[1]),
  };
}

/** Python's version by the names of mapped files; null when there is none or they disagree. */
export function pythonOf(names: Iterable<string>): Platform['python'] {
  const all = [...names];
  for (const pattern of PYTHON_NAMES) {
    const found = all.map((name) => pattern.exec(name)).filter((match) => match !== null);
    const [first] = found;
    if (first === undefined) continue;
    if (found.some((match) => match[1] !== first[1] || match[2] !== first[2])) return null;
    return { major: Number(first[1]), minor: Number(first[2]) };
  }
  return null;
}

/** The C library by the loader that is mapped, with the version that the container or its file name tells. */
export function libcOf(names: Iterable<string>, conf: string): Libc | null {
  const all = [...names];
  const glibc = /^GNU_LIBC_VERSION glibc (\d+\.\d+)/m.exec(conf)?.[1];
  const musl = /^Version (\d+\.\d+(?:\.\d+)?)/m.exec(conf)?.[1];
  if (all.some((name) => /(^|\/)ld-musl-/.test(name))) return { name: 'musl', version: musl ?? null };
  const named = all
    .map((name) => /(?:^|\/)libc-(\d+\.\d+)\.so$/.exec(name)?.[1])
    .find((version) => version !== undefined);
  if (named !== undefined) return { name: 'glibc', version: named };
  if (glibc !== undefined) return { name: 'glibc', version: glibc };
  if (all.some((name) => /(^|\/)(ld-linux|libc\.so\.6)/.test(name))) return { name: 'glibc', version: null };
  return all.length === 0 && musl !== undefined ? { name: 'musl', version: musl } : null;
}

function hugePages(text: string | undefined): Platform['transparentHugePages'] {
  const mode = /\[(always|madvise|never)\]/.exec(text ?? '')?.[1];
  return mode === 'always' || mode === 'madvise' || mode === 'never' ? mode : null;
}

function isSmallPage(mapping: Mapping): boolean {
  return [kib(4), kib(16), kib(64)].some((size) => size === mapping.kernelPageSize);
}

/** Every Linux has pages of 4, 16 or 64 KiB. */
function pageSizeIn(conf: string): Platform['pageSize'] {
  const size = positive(/^PAGESIZE (\d+)$/m.exec(conf)?.[1]);
  return size === kib(4) || size === kib(16) || size === kib(64) ? size : null;
}

function positive(text: string | undefined): Platform['pageSize'] {
  const value = Number(text ?? NaN);
  return Number.isSafeInteger(value) && value > 0 ? bytes(value) : null;
}

function firstLine(text: string | undefined): string | null {
  const line = text?.split('\n', 1)[0]?.trim();
  return line === undefined || line === '' ? null : line.slice(0, 128);
}
