/** A whole capture to a sample: the step from text to the values that every later stage works with. */
import type { Bytes } from '../quantity.ts';
import { bytes } from '../quantity.ts';
import type { CaptureSections, ProcessSection } from './capture.ts';
import { classify } from './classify.ts';
import { hintsFrom, sameProcess, threadsWereRead } from './earlier-sample.ts';
import { footprint } from './footprint.ts';
import type { Mapping } from './mapping.ts';
import { parseCgroup } from './parse-cgroup.ts';
import { sizeField, threadCount } from './parse-status.ts';
import { platformOf } from './platform.ts';
import type { ProcessFiles } from './process-files.ts';
import { rolesOf, signalFreeThreads } from './roles.ts';
import type { Platform, ProcessFootprint, ProcessRole, Sample, SampleQuality, ThreadStacks } from './sample.ts';

/** Which pod a capture is of, and when it was taken: the reader's knowledge, not the stream's. */
export type SampleIdentity = Pick<Sample, 'pod' | 'podUid' | 'node' | 'takenAt'>;

/** What the configuration says, where it is known. It settles what rows leave open and is never needed otherwise. */
export interface ConfiguredShape {
  readonly processes: number | null;
  readonly threads: number | null;
  readonly stackSize: Bytes | null;
}

export const NOT_CONFIGURED: ConfiguredShape = { processes: null, threads: null, stackSize: null };

/**
 * Assembles the sample. Processes that ended meanwhile are left out; foreign ones are listed beside uWSGI's, so an empty
 * list says that the container runs no uWSGI. `earlier` is a sample of the same container that was taken with threads:
 * a capture without them is read in its light.
 */
export function sampleFromCapture(
  sections: CaptureSections,
  identity: SampleIdentity,
  configured: ConfiguredShape = NOT_CONFIGURED,
  earlier: Sample | null = null,
): Sample {
  const alive = sections.processes.filter((process) => process.files.alive);
  const mapped = alive.find((process) => process.uwsgi && process.mappings !== null)?.mappings ?? [];
  const platform = platformIn(sections, mapped, earlier);
  const before = new Map(alive.map((process) => [process.pid, sameProcess(earlier, identityOf(process))]));
  const evidence = alive.map((process) => ({
    ...identityOf(process),
    uwsgi: process.uwsgi,
    hint: process.hint ?? before.get(process.pid)?.role ?? null,
    threads: process.files.threads,
    threadsRead: threadsWereRead(process),
  }));
  const roles = rolesOf(evidence, configured.processes);
  const processes = alive.map((process) =>
    footprintOf(process, {
      role: roles.get(process.pid) ?? null,
      platform,
      configured,
      before: before.get(process.pid),
    }),
  );
  const cgroup = parseCgroup(sections.files);
  const found = alive.some((process) => process.uwsgi);
  return { ...identity, quality: qualityOf(alive), platform, cgroup, processes: found ? processes : [] };
}

interface Surroundings {
  readonly role: ProcessRole | null;
  readonly platform: Platform;
  readonly configured: ConfiguredShape;
  /** The same process in an earlier sample. */
  readonly before: ProcessFootprint | undefined;
}

/** The facts of a container never change; only a capture with threads repeats them. */
function platformIn({ files }: CaptureSections, mapped: readonly Mapping[], earlier: Sample | null): Platform {
  const found = platformOf(files, mapped);
  if (earlier === null || files.has('conf')) return found;
  return { ...earlier.platform, transparentHugePages: found.transparentHugePages };
}

function identityOf(process: ProcessSection): Pick<ProcessFootprint, 'parentPid' | 'startTicks'> & { pid: number } {
  const main = process.files.threads.find((thread) => thread.id === process.pid);
  return { pid: process.pid, parentPid: main?.parentPid ?? null, startTicks: main?.startTicks ?? null };
}

function footprintOf(process: ProcessSection, around: Surroundings): ProcessFootprint {
  const { files, mappings, uwsgi } = process;
  const threads = threadCount(files.fields);
  const threadsRead = threadsWereRead(process);
  const common = {
    ...identityOf(process),
    role: around.role,
    threads,
    pageTables: sizeField(files.fields, 'VmPTE'),
    busyThreads: uwsgi && threadsRead ? busyThreads(process) : null,
  };
  if (mappings === null) return { ...common, ...totalsOnly(files, uwsgi) };
  const pagemaps = new Map(process.pagemaps.map((row) => [row.start, row.pages]));
  const worker = around.role === 'worker' || around.role === null;
  const hints = {
    threads: worker ? around.configured.threads : null,
    stackSize: around.configured.stackSize,
    processThreads: threads,
    coreCandidates: worker ? signalFreeThreads({ pid: process.pid, threads: files.threads, threadsRead }) : 0,
    stackLimit: files.stackLimit === null ? null : bytes(files.stackLimit),
    musl: around.platform.libc?.name === 'musl',
    undecided: false,
    ...(worker && !threadsRead ? hintsFrom(around.before, threads) : {}),
  };
  return { ...common, ...footprint(classify(mappings, pagemaps), hints) };
}

/**
 * Cores that really worked: threads with at least one tick (10 ms) of CPU time of those that can be cores. Starting a
 * thread and waiting for requests takes about a hundredth of that, so an idle core shows 0; a core that only ever
 * answered a few cheap requests does too.
 */
function busyThreads({ pid, files }: ProcessSection): number | null {
  if (files.threads.length === 0) return null;
  const cores = files.threads.filter((thread) => thread.id === pid || thread.blocksSignals);
  return cores.filter((thread) => thread.cpuTicks > 0).length;
}

const UNSEEN_STACKS: ThreadStacks = {
  count: null,
  size: null,
  mapped: null,
  resident: null,
  highWater: null,
  hugePages: null,
};

/** What status alone tells, and for a foreign process the kernel's roll-up of its map. */
function totalsOnly({ fields }: ProcessFiles, uwsgi: boolean): Omit<ProcessFootprint, CommonField> {
  const privateDirty = sizeField(fields, 'Private_Dirty');
  return {
    threadStacks: uwsgi ? UNSEEN_STACKS : { ...UNSEEN_STACKS, count: 0, mapped: bytes(0), resident: bytes(0) },
    mapped: sizeField(fields, 'VmSize'),
    rss: sizeField(fields, 'Rss') ?? sizeField(fields, 'VmRSS'),
    pss: sizeField(fields, 'Pss'),
    pssAnon: sizeField(fields, 'Pss_Anon'),
    pssFile: sizeField(fields, 'Pss_File'),
    pssShmem: sizeField(fields, 'Pss_Shmem'),
    privateAnon: smaller(privateDirty, sizeField(fields, 'Anonymous')) ?? sizeField(fields, 'RssAnon'),
    swap: sizeField(fields, 'VmSwap'),
    arenas: { count: null, resident: null },
  };
}

/** The fields that footprintOf sets itself. */
type CommonField = 'pid' | 'parentPid' | 'startTicks' | 'role' | 'threads' | 'pageTables' | 'busyThreads';

function smaller(a: Bytes | null, b: Bytes | null): Bytes | null {
  return a === null || b === null ? null : a < b ? a : b;
}

function qualityOf(read: readonly ProcessSection[]): SampleQuality {
  const uwsgi = read.filter((process) => process.uwsgi);
  const denied = uwsgi.filter((process) => process.mappings === null).length;
  if (uwsgi.length === 0) return { tier: 'status', reason: 'no uWSGI process was found in the container' };
  if (denied === 0) return { tier: 'smaps', reason: null };
  const reason =
    `the kernel denied the memory maps of ${denied} of ${uwsgi.length} uWSGI processes, as it does once uWSGI has changed ` +
    'its uid; running the container as that user, one uWSGI reload, or the capability ' +
    'SYS_PTRACE lifts it';
  return { tier: 'status', reason };
}
