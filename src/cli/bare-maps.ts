/** Memory maps without the rest of a capture: the text of smaps, of one process or several, as one sample. */
import { classify } from '../core/memory/classify.ts';
import { footprint } from '../core/memory/footprint.ts';
import { describeParseError, isParseError, type Mapping } from '../core/memory/mapping.ts';
import { parseSmaps, splitProcesses } from '../core/memory/parse-smaps.ts';
import { platformOf } from '../core/memory/platform.ts';
import type { SampleIdentity } from '../core/memory/sample-from-capture.ts';
import type { CgroupMemory, ProcessFootprint, Sample } from '../core/memory/sample.ts';
import { NO_HINTS, type StackHints } from '../core/memory/stacks.ts';
import type { Bytes } from '../core/quantity.ts';
import { refused } from './io.ts';

/** The map of one process; the pid where the text or the file's name tells it. */
export interface BareMap {
  readonly pid: number | null;
  readonly mappings: readonly Mapping[];
}

export interface BareHints {
  readonly threads: number | null;
  readonly stackSize: Bytes | null;
}

const NO_CGROUP: CgroupMemory = {
  version: null,
  limit: null,
  usage: null,
  fileCache: null,
  anon: null,
  shmem: null,
  kernel: null,
  oomKills: null,
};

/** The maps in one file. A file named like /proc names it (1234.smaps, 1234/smaps) tells the pid of its one process. */
export function readBareMaps(data: Uint8Array, name: string): readonly BareMap[] {
  const mappings = parseSmaps(data);
  if (isParseError(mappings)) throw refused(describeParseError(mappings, name));
  const processes = splitProcesses(mappings);
  const named = /(?:^|\/)(\d+)[./]smaps$/.exec(name)?.[1];
  const pid = named === undefined || processes.length !== 1 ? null : Number(named);
  return processes.map((rows) => ({ pid, mappings: rows }));
}

/** Maps of one pod's processes as a sample: no cgroup, no roles, no facts but those in the rows. */
export function sampleFromMaps(maps: readonly BareMap[], identity: SampleIdentity, hints: BareHints): Sample {
  const platform = platformOf(new Map(), mapOfRuntime(maps));
  const stackHints: StackHints = {
    ...NO_HINTS,
    stackSize: hints.stackSize,
    musl: platform.libc?.name === 'musl',
  };
  return {
    ...identity,
    quality: { tier: 'smaps', reason: null },
    platform,
    cgroup: NO_CGROUP,
    processes: maps.map((map) => processOf(map, stackHints)),
  };
}

/** The rows that tell most of the runtime: of the process that maps most files. */
function mapOfRuntime(maps: readonly BareMap[]): readonly Mapping[] {
  const files = ({ mappings }: BareMap): number => mappings.filter(({ name }) => name.startsWith('/')).length;
  return [...maps].sort((a, b) => files(b) - files(a))[0]?.mappings ?? [];
}

function processOf({ pid, mappings }: BareMap, hints: StackHints): ProcessFootprint {
  return {
    pid,
    parentPid: null,
    startTicks: null,
    role: null,
    threads: null,
    pageTables: null,
    busyThreads: null,
    ...footprint(classify(mappings), hints),
  };
}
