/** Figures of samples for status: what the pods use and what runs in them. */
import type { Sample } from '../memory/sample.ts';
import { bytes, formatQuantity, kib, sumBytes, type Bytes } from '../quantity.ts';
import type { ConfigReading } from '../uwsgi/reading.ts';
import type { TuningStatus } from '../../api/uwsgi-tuning.ts';
import type { Values } from './values.ts';

/** A pod's memory that the limit is about: cgroup usage without reclaimable file cache. */
export function memoryUsed(sample: Sample): Bytes | null {
  const { usage, fileCache } = sample.cgroup;
  return usage === null || fileCache === null ? null : bytes(Math.max(0, usage - fileCache));
}

/** The mean of the pods' memory as a quantity in whole KiB; null when no sample tells. */
export function meanMemoryUsed(samples: readonly Sample[]): string | null {
  const newest = new Map<string, Sample>();
  for (const sample of samples) {
    const before = newest.get(sample.podUid);
    if (before === undefined || before.takenAt < sample.takenAt) newest.set(sample.podUid, sample);
  }
  const used = [...newest.values()].map(memoryUsed).filter((value) => value !== null);
  if (used.length === 0) return null;
  return formatQuantity(roundToKib(sumBytes(used) / used.length));
}

export function roundToKib(value: number): Bytes {
  return kib(Math.round(value / kib(1)));
}

/** What runs: measured; the config's numbers only where measurement cannot tell, or where cheaper keeps workers away. */
export function currentValues(samples: readonly Sample[], reading: ConfigReading | null): Values | null {
  const workers = samples.flatMap((sample) => sample.processes.filter((process) => process.role === 'worker'));
  if (workers.length === 0) return null;
  const perPod = samples.map((sample) => sample.processes.filter((process) => process.role === 'worker').length);
  const measured = Math.max(...perPod);
  const configured = reading?.processes.value ?? null;
  const stacks = workers.map((worker) => worker.threadStacks);
  const counts = stacks.map((stack) => stack.count).filter((count) => count !== null);
  return {
    processes: reading?.cheaper.value == null ? measured : Math.max(measured, configured ?? 0),
    threads: counts.length > 0 ? Math.max(...counts) + 1 : (reading?.threads.value ?? 1),
    threadStackSize: mostFrequent(stacks.map((stack) => stack.size)) ?? reading?.threadStackSize.value ?? null,
  };
}

/** The thread stacks of the newest sample's pod. */
export function threadStacksStatus(
  sample: Sample,
  highWater: Bytes | null,
): NonNullable<TuningStatus['current']>['threadStacks'] {
  const stacks = sample.processes.filter((process) => process.role === 'worker').map((worker) => worker.threadStacks);
  const total = (pick: (stack: (typeof stacks)[number]) => Bytes | null): { value: string } | null => {
    const known = stacks.map(pick).filter((value) => value !== null);
    return known.length === 0 || known.length < stacks.length ? null : { value: formatQuantity(sumBytes(known)) };
  };
  const counts = stacks.map((stack) => stack.count).filter((count) => count !== null);
  const [mapped, resident, huge] = [total((s) => s.mapped), total((s) => s.resident), total((s) => s.hugePages)];
  return {
    ...(counts.length > 0 ? { perWorker: Math.max(...counts) } : {}),
    ...(mapped === null ? {} : { mapped: mapped.value }),
    ...(resident === null ? {} : { resident: resident.value }),
    ...(huge === null ? {} : { hugePages: huge.value }),
    ...(highWater === null ? {} : { highWater: formatQuantity(highWater) }),
  };
}

/** "Linux 6.18.1 x86_64, glibc 2.36, Python 3.11". */
export function describePlatform(sample: Sample): string {
  const { kernel, architecture, libc, python, transparentHugePages } = sample.platform;
  const parts = [
    `Linux ${kernel ?? 'unknown'} ${architecture ?? ''}`.trim(),
    libc === null ? 'libc unknown' : `${libc.name} ${libc.version ?? ''}`.trim(),
    python === null ? 'Python unknown' : `Python ${python.major}.${python.minor}`,
    `huge pages ${transparentHugePages ?? 'unknown'}`,
  ];
  return parts.join(', ');
}

function mostFrequent(values: readonly (Bytes | null)[]): Bytes | null {
  const counts = new Map<Bytes, number>();
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  const best = [...counts.entries()].sort(([, left], [, right]) => right - left)[0];
  return best?.[0] ?? null;
}
