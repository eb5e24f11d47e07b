/** Options beside the three that matter for a decision (uwsgi.md 3), as the text has them. */
import { bytes, mib, type Bytes } from '../quantity.ts';
import { OUTSIDE } from './c-number.ts';
import { intOf, switchOf, unsignedOf, type OptionState } from './effective.ts';
import type { OptionId } from './options.ts';

/**
 * `null` always means that the text does not tell. An option that is not in the text is `false` for a switch, 0 for a
 * number or a size (uWSGI's "off"), and the empty text.
 */
export interface ConfigFacts {
  readonly strict: boolean | null;
  readonly master: boolean | null;
  /** The application is loaded in every worker (`lazy-apps`, `lazy`): nothing is shared by copy-on-write. */
  readonly lazyApps: boolean | null;
  readonly enableThreads: boolean | null;
  /** Greenlet or coroutine cores of a worker (`async`, `gevent`, `asyncio`): above 1 threads are not the knob. */
  readonly asyncCores: number | null;
  /** The loop engine by name; "gevent" and "asyncio" also by their own options. */
  readonly loop: string | null;
  /** Runs other uWSGI instances, each with a config of its own. */
  readonly emperor: boolean | null;
  readonly cheaperInitial: number | null;
  readonly cheaperRssLimitSoft: Bytes | null;
  readonly cheaperRssLimitHard: Bytes | null;
  /** RLIMIT_AS of every process. */
  readonly limitAs: Bytes | null;
  readonly reloadOnAs: Bytes | null;
  readonly reloadOnRss: Bytes | null;
  readonly evilReloadOnAs: Bytes | null;
  readonly evilReloadOnRss: Bytes | null;
  /** The process drops to another user or group, so its memory map cannot be read (uwsgi.md 6). */
  readonly dropsPrivileges: boolean | null;
  readonly dieOnTerm: boolean | null;
  readonly exitOnReload: boolean | null;
  /** Every mapped page is resident, whole stacks too. */
  readonly neverSwap: boolean | null;
  readonly memoryReport: boolean | null;
  /** The address of the stats server as written; empty when there is none. */
  readonly stats: string | null;
  readonly statsHttp: boolean | null;
  /** A change of a file reloads every pod at once, outside the rollout. */
  readonly reloadsOnTouch: boolean | null;
  /** Requests after which a worker is replaced; 0 never. */
  readonly maxRequests: number | null;
  /** Seconds after which a worker is replaced; 0 never. */
  readonly maxWorkerLifetime: number | null;
  /** Seconds after which a request's worker is killed; 0 never. */
  readonly harakiri: number | null;
  readonly maxFd: number | null;
  readonly offloadThreads: number | null;
  readonly autoProcname: boolean | null;
  readonly customProcname: boolean | null;
  /** Other processes of the instance. */
  readonly hasRouter: boolean | null;
  readonly hasMules: boolean | null;
  readonly hasSpoolers: boolean | null;
  readonly hasDaemons: boolean | null;
}

type States = ReadonlyMap<OptionId, OptionState>;

/** Reads the facts from where every option ends. */
export function readFacts(states: States): ConfigFacts {
  const flag = (id: OptionId): boolean | null => switchOf(states.get(id));
  const number = (id: OptionId): number | null => orZero(states.get(id), intOf);
  const megabytes = (id: OptionId): Bytes | null => size(orZero(states.get(id), unsignedOf), mib(1));
  const byteCount = (id: OptionId): Bytes | null => size(orZero(states.get(id), unsignedOf), 1);
  const any = (id: OptionId): boolean | null => isPresent(states.get(id));
  return {
    strict: flag('strict'),
    master: flag('master'),
    lazyApps: flag('lazyApps'),
    enableThreads: flag('enableThreads'),
    asyncCores: number('async'),
    loop: loopOf(states),
    emperor: any('emperor'),
    cheaperInitial: number('cheaperInitial'),
    cheaperRssLimitSoft: byteCount('cheaperRssLimitSoft'),
    cheaperRssLimitHard: byteCount('cheaperRssLimitHard'),
    limitAs: megabytes('limitAs'),
    reloadOnAs: megabytes('reloadOnAs'),
    reloadOnRss: megabytes('reloadOnRss'),
    evilReloadOnAs: megabytes('evilReloadOnAs'),
    evilReloadOnRss: megabytes('evilReloadOnRss'),
    dropsPrivileges: either(any('uid'), any('gid')),
    dieOnTerm: flag('dieOnTerm'),
    exitOnReload: flag('exitOnReload'),
    neverSwap: flag('neverSwap'),
    memoryReport: flag('memoryReport'),
    stats: textOf(states.get('stats')),
    statsHttp: flag('statsHttp'),
    reloadsOnTouch: any('touchReload'),
    maxRequests: number('maxRequests'),
    maxWorkerLifetime: number('maxWorkerLifetime'),
    harakiri: number('harakiri'),
    maxFd: number('maxFd'),
    offloadThreads: number('offloadThreads'),
    autoProcname: flag('autoProcname'),
    customProcname: any('procname'),
    hasRouter: any('router'),
    hasMules: any('mules'),
    hasSpoolers: any('spoolers'),
    hasDaemons: any('daemons'),
  };
}

function orZero(state: OptionState | undefined, read: (state: OptionState) => number | null): number | null {
  return state === undefined || state.kind === 'unset' ? 0 : read(state);
}

function size(value: number | null, unit: number): Bytes | null {
  const product = value === null ? NaN : value * unit;
  return Number.isSafeInteger(product) ? bytes(product) : null;
}

function isPresent(state: OptionState | undefined): boolean | null {
  if (state === undefined || state.kind === 'unset') return false;
  return state.kind === 'set' ? true : null;
}

function textOf(state: OptionState | undefined): string | null {
  if (state === undefined || state.kind === 'unset') return '';
  return state.kind === 'unknown' || state.text.includes(OUTSIDE) ? null : state.text;
}

function loopOf(states: States): string | null {
  if (isPresent(states.get('gevent')) === true) return 'gevent';
  if (isPresent(states.get('asyncio')) === true) return 'asyncio';
  return textOf(states.get('loop'));
}

function either(a: boolean | null, b: boolean | null): boolean | null {
  if (a === true || b === true) return true;
  return a === null || b === null ? null : false;
}
