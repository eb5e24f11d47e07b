/** Holds a reading against what a real server ran. */
import { kib } from '../../src/core/quantity.ts';
import { TUNED_OPTIONS, type ConfigReading, type Setting, type TunedOption } from '../../src/core/uwsgi/reading.ts';
import { JUSTIFIED_BY, OUTSIDE_REFERENCES, type Construct } from './constructs.ts';
import type { Truth } from './server.ts';

const PAGE_KIB = 4;

/** What the reading says that the server did not do; null when all is as read. */
export function contradiction(reading: ConfigReading, truth: Truth, constructs: ReadonlySet<Construct>): string | null {
  if (truth.exited) {
    // What is outside the file may be what ends it.
    if (reading.fault !== null || hasOutsideReference(constructs)) return null;
    return `read ${shown(reading)}, but it exited:\n${truth.log}`;
  }
  if (reading.fault?.cause === 'Fault') return `read that it exits (${reading.fault.reason}), but it runs`;
  const { processes, threads, threadStackSize } = reading;
  const stack = threadStackSize.value === null ? null : threadStackSize.value / kib(1);
  const real = {
    processes: truth.processes,
    cores: truth.cores,
    threads: truth.threads,
    // What the log tells is what was asked for; pages round it up.
    stack: truth.stackKib === null ? null : Math.ceil(truth.stackKib / PAGE_KIB) * PAGE_KIB,
  };
  const wrong = (name: string): string => `read ${name} of ${shown(reading)}, runs ${JSON.stringify(real)}`;
  if (processes.value !== null && processes.value !== real.processes) return wrong('processes');
  if (threads.value !== null && real.processes > 0) {
    if (threads.value !== real.cores || threads.value !== real.threads) return wrong('threads');
  }
  if (stack === null && threadStackSize.cause !== 'Unset') return null;
  return stack === real.stack ? null : wrong('threadStackSize');
}

/** Whether a file refers to something that its text does not hold. */
export function hasOutsideReference(constructs: ReadonlySet<Construct>): boolean {
  return [...constructs].some((construct) => OUTSIDE_REFERENCES.has(construct));
}

/** Whether a setting is null for another reason than that it is not set. */
export function isNull(setting: Setting<number>): boolean {
  return setting.value === null && setting.cause !== 'Unset';
}

/** Causes given without anything in the file that could be one. */
export function unjustified(reading: ConfigReading, constructs: ReadonlySet<Construct>): string | null {
  for (const id of TUNED_OPTIONS) {
    const { cause, reason } = reading[id];
    if (cause === null || cause === 'Unset') continue;
    if (!JUSTIFIED_BY[cause].some((construct) => constructs.has(construct))) {
      return `${id} is null because of ${cause} (${reason ?? ''}), and the file has only: ${[...constructs].join(', ')}`;
    }
  }
  return null;
}

/** A value that is null because builds read it differently, and they do not. */
export function falseDoubt(
  reading: ConfigReading,
  truths: readonly Truth[],
  constructs: ReadonlySet<Construct>,
): string | null {
  // What else is outside the file may make them agree by chance.
  const mayAgree = [...constructs].some((found) => found !== 'build form' && OUTSIDE_REFERENCES.has(found));
  const [a, b] = mayAgree ? [] : truths;
  if (a === undefined || b === undefined || a.exited || b.exited) return null;
  const isSame = {
    processes: a.processes === b.processes,
    threads: a.cores === b.cores,
    threadStackSize: a.stackKib === b.stackKib,
  };
  const isSure = (id: TunedOption): boolean => reading[id].reason?.includes('cannot tell') === false;
  const wrong = TUNED_OPTIONS.filter((id) => reading[id].cause === 'Builds' && isSure(id) && isSame[id]);
  if (wrong.length === 0 || a.processes === 0 || b.processes === 0) return null;
  return `both builds agree about ${wrong.join(', ')}: ${shown(reading)}`;
}

function shown({ processes, threads, threadStackSize }: ConfigReading): string {
  return JSON.stringify([processes.value, threads.value, threadStackSize.value, threadStackSize.reason]);
}
