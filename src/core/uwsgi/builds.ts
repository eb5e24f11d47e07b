/** What the builds of uWSGI have in common about a text: where they differ, the text alone does not tell. */
import type { ConfigFacts } from './facts.ts';
import type { ConfigReading, Setting } from './config-reading.ts';

/** What one build reads. */
export interface BuildResult {
  readonly build: string;
  readonly reading: ConfigReading;
}

/** One reading for all builds; there is at least one, and the first is the one that edits are made for. */
export function mergeBuilds(results: readonly BuildResult[]): ConfigReading {
  const [first, ...others] = results;
  if (first === undefined) throw new Error('no build reads the text');
  return others.reduce<ConfigReading>((merged, other) => mergeTwo({ ...first, reading: merged }, other), first.reading);
}

function mergeTwo(a: BuildResult, b: BuildResult): ConfigReading {
  const setting = <T>(pick: (reading: ConfigReading) => Setting<T>): Setting<T> =>
    mergeSettings({ build: a.build, setting: pick(a.reading) }, { build: b.build, setting: pick(b.reading) });
  return {
    ...a.reading,
    sectionFound: a.reading.sectionFound && b.reading.sectionFound,
    fault: b.reading.fault === null && a.reading.fault?.cause !== 'UnreadForm' ? null : a.reading.fault,
    processes: setting((reading) => reading.processes),
    threads: setting((reading) => reading.threads),
    threadStackSize: setting((reading) => reading.threadStackSize),
    cheaper: setting((reading) => reading.cheaper),
    facts: mergeFacts(a.reading.facts, b.reading.facts),
  };
}

interface BuildSetting<T> {
  readonly build: string;
  readonly setting: Setting<T>;
}

function mergeSettings<T>(a: BuildSetting<T>, b: BuildSetting<T>): Setting<T> {
  const isUnset = (setting: Setting<T>): boolean => setting.cause === 'Unset';
  if (a.setting.value === b.setting.value && isUnset(a.setting) === isUnset(b.setting)) return a.setting;
  if (a.setting.cause === 'UnreadForm') return a.setting;
  const reason = `${a.build} reads ${told(a.setting)}, ${b.build} reads ${told(b.setting)}`;
  return { ...a.setting, value: null, reason, cause: 'Builds' };
}

function told<T>({ value, cause, where, reason }: Setting<T>): string {
  const at = where === null ? '' : ` of line ${where.line}`;
  if (value !== null) return where === null ? 'nothing' : `${String(value)}${at}`;
  return cause === 'Unset' ? `no size${at}` : `what it cannot tell (${reason ?? ''})`;
}

function mergeFacts(a: ConfigFacts, b: ConfigFacts): ConfigFacts {
  const merged: Record<keyof ConfigFacts, unknown> = { ...a };
  for (const name of Object.keys(a) as (keyof ConfigFacts)[]) if (a[name] !== b[name]) merged[name] = null;
  return merged as ConfigFacts;
}
