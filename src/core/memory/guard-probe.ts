/**
 * The light probe of the verification, run every few seconds: the OOM counter and which uWSGI processes there are. It
 * starts no program for a process whose name says uwsgi.
 */
import type { SamplerRoots } from './capture-script.ts';
import { SHELL_COMMON, shellArgv } from './capture-script.ts';

/** One uWSGI process: the same pid with other start ticks is another process. */
export interface ProbedProcess {
  readonly pid: number;
  readonly parentPid: number;
  readonly startTicks: number;
}

/** What one probe saw. */
export interface GuardProbe {
  /** Processes of the container killed for memory since its cgroup was made; null when the cgroup does not tell. */
  readonly oomKills: number | null;
  readonly processes: readonly ProbedProcess[];
}

const GUARD = `${SHELL_COMMON}line() { echo "process $p $parent $start $uwsgi"; }
echo '@uwsgi-tuner guard 1'
group "$P/self"
own=$g
memory && for f in memory.events memory.oom_control; do
  while IFS= read -r l; do
    case $l in oom_kill\\ *) echo "$l" ;; esac
  done <"$m/$f"
done
each line stat
echo "end $n"
`;

/** The probe as an argv for exec. */
export function guardArgv(roots: SamplerRoots = {}): readonly string[] {
  return shellArgv(GUARD, roots);
}

/** Reads what the probe printed. Null when it is not whole or not of the protocol: half a probe is none. */
export function parseGuardProbe(text: string): GuardProbe | null {
  const lines = text.split('\n');
  if (lines[0] !== '@uwsgi-tuner guard 1' || lines.at(-1) !== '') return null;
  let oomKills: number | null = null;
  let seen = 0;
  const processes: ProbedProcess[] = [];
  for (const line of lines.slice(1, -2)) {
    const [word = '', ...numbers] = line.split(' ');
    const values = numbers.map(Number);
    if (!values.every((value) => Number.isSafeInteger(value))) return null;
    const [first = -1, parentPid = -1, startTicks = -1, uwsgi = 0] = values;
    if (word === 'oom_kill' && values.length === 1) oomKills = first;
    else if (word === 'process' && values.length === 4) {
      seen += 1;
      if (uwsgi === 1) processes.push({ pid: first, parentPid, startTicks });
    } else return null;
  }
  return lines.at(-2) === `end ${seen}` ? { oomKills, processes } : null;
}
