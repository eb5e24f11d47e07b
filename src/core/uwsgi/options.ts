/**
 * The options this program reads, with their spellings, units and how uWSGI parses them (uwsgi.md 2.1, 2.2;
 * core/uwsgi.c uwsgi_base_options). Names are case-sensitive. Files have no short options: `p = 3` sets nothing.
 */

/** How uWSGI reads a value. */
export type ValueKind =
  /** C atoi; below 0 uWSGI exits (uwsgi_opt_set_int). */
  | 'int'
  /** On unless false, off, no (any case) or 0; also on for `true ; note` (uwsgi_opt_true). */
  | 'bool'
  /** Whole MiB by strtoul (uwsgi_opt_set_megabytes). */
  | 'mib'
  /** Bytes by strtoul (uwsgi_opt_set_64bit). */
  | 'bytes'
  /** The text as it is. */
  | 'text'
  /** Each occurrence adds one. */
  | 'list';

export interface OptionDefinition {
  readonly names: readonly string[];
  readonly kind: ValueKind;
}

/** Every option that is read, by the name it has in this program. The first spelling is the one that is written. */
export const OPTIONS = {
  processes: { names: ['processes', 'workers'], kind: 'int' },
  threads: { names: ['threads'], kind: 'int' },
  /** KiB, applied to the stacks of cores 1..threads-1 (core/loop.c). */
  threadStackSize: {
    names: ['threads-stacksize', 'thread-stacksize', 'thread-stack-size', 'threads-stack-size'],
    kind: 'int',
  },
  cheaper: { names: ['cheaper'], kind: 'int' },
  cheaperInitial: { names: ['cheaper-initial'], kind: 'int' },
  cheaperRssLimitSoft: { names: ['cheaper-rss-limit-soft'], kind: 'bytes' },
  cheaperRssLimitHard: { names: ['cheaper-rss-limit-hard'], kind: 'bytes' },
  limitProcesses: { names: ['limit-nproc'], kind: 'int' },
  strict: { names: ['strict'], kind: 'bool' },
  master: { names: ['master'], kind: 'bool' },
  lazyApps: { names: ['lazy-apps', 'lazy'], kind: 'bool' },
  enableThreads: { names: ['enable-threads'], kind: 'bool' },
  async: { names: ['async', 'gevent', 'asyncio', 'tornado', 'coroae'], kind: 'int' },
  gevent: { names: ['gevent'], kind: 'int' },
  asyncio: { names: ['asyncio'], kind: 'int' },
  loop: { names: ['loop'], kind: 'text' },
  emperor: { names: ['emperor'], kind: 'list' },
  uid: { names: ['uid', 'immediate-uid'], kind: 'text' },
  gid: { names: ['gid', 'immediate-gid'], kind: 'text' },
  dieOnTerm: { names: ['die-on-term'], kind: 'bool' },
  exitOnReload: { names: ['exit-on-reload'], kind: 'bool' },
  neverSwap: { names: ['never-swap'], kind: 'bool' },
  limitAs: { names: ['limit-as'], kind: 'mib' },
  reloadOnAs: { names: ['reload-on-as'], kind: 'mib' },
  reloadOnRss: { names: ['reload-on-rss'], kind: 'mib' },
  evilReloadOnAs: { names: ['evil-reload-on-as'], kind: 'mib' },
  evilReloadOnRss: { names: ['evil-reload-on-rss'], kind: 'mib' },
  memoryReport: { names: ['memory-report'], kind: 'bool' },
  stats: { names: ['stats', 'stats-server'], kind: 'text' },
  statsHttp: { names: ['stats-http'], kind: 'bool' },
  touchReload: { names: ['touch-reload', 'fs-reload'], kind: 'list' },
  maxRequests: { names: ['max-requests'], kind: 'int' },
  maxWorkerLifetime: { names: ['max-worker-lifetime'], kind: 'int' },
  harakiri: { names: ['harakiri'], kind: 'int' },
  bufferSize: { names: ['buffer-size'], kind: 'int' },
  postBuffering: { names: ['post-buffering'], kind: 'int' },
  listen: { names: ['listen'], kind: 'int' },
  maxFd: { names: ['max-fd'], kind: 'int' },
  offloadThreads: { names: ['offload-threads', 'offload-thread'], kind: 'int' },
  autoProcname: { names: ['auto-procname'], kind: 'bool' },
  procname: { names: ['procname', 'procname-prefix', 'procname-prefix-spaced', 'procname-append'], kind: 'list' },
  router: { names: ['http', 'https', 'fastrouter'], kind: 'list' },
  mules: { names: ['mule', 'mules', 'farm'], kind: 'list' },
  spoolers: { names: ['spooler', 'spooler-external'], kind: 'list' },
  daemons: {
    names: ['attach-daemon', 'attach-daemon2', 'attach-control-daemon', 'smart-attach-daemon', 'smart-attach-daemon2'],
    kind: 'list',
  },
} as const satisfies Readonly<Record<string, OptionDefinition>>;

export type OptionId = keyof typeof OPTIONS;

const BY_NAME: ReadonlyMap<string, readonly OptionId[]> = indexNames();

function indexNames(): ReadonlyMap<string, readonly OptionId[]> {
  const index = new Map<string, OptionId[]>();
  for (const [id, { names }] of Object.entries(OPTIONS)) {
    for (const name of names) index.set(name, [...(index.get(name) ?? []), id as OptionId]);
  }
  return index;
}

/** The options that a key sets: none for a key this program does not read, two for `gevent`. */
export function optionsNamed(key: string): readonly OptionId[] {
  return BY_NAME.get(key) ?? [];
}

/** Loads another file where it stands; what it sets overrides what stands before it. */
export const INCLUDES: ReadonlySet<string> = new Set([
  ...['include', 'ini', 'xml', 'xmlconfig', 'yaml', 'yml', 'json', 'js', 'config', 'inject-before', 'inject-after'],
]);

/** Loads another file when everything else is read: what it sets overrides the whole file (uwsgi.md 2.4). */
export const INHERITS: ReadonlySet<string> = new Set(['inherit']);

/** Ends a logic block. */
export const BLOCK_ENDS: ReadonlySet<string> = new Set(['end', 'endif', 'endfor', 'end-if', 'end-for']);

/** Begins a logic block; what stands in it is used or not by facts of the pod, save `if-opt` and two kinds of `for`. */
export const BLOCK_STARTS: ReadonlySet<string> = new Set([
  ...['for', 'for-times', 'for-glob', 'for-readline', 'if-opt', 'if-not-opt', 'if-env', 'if-not-env', 'ifenv'],
  ...['if-reload', 'if-not-reload', 'if-hostname', 'if-not-hostname', 'if-hostname-match', 'if-not-hostname-match'],
  ...['if-exists', 'if-not-exists', 'ifexists', 'if-plugin', 'if-not-plugin', 'ifplugin', 'if-file', 'if-not-file'],
  ...['if-dir', 'if-not-dir', 'ifdir', 'if-directory'],
]);

/**
 * Acted on while the file is read, so placeholders in their values stay as they are (UWSGI_OPT_IMMEDIATE). Only those
 * that matter for a value read here, beside the ones above.
 */
export const IMMEDIATE: ReadonlySet<string> = new Set([
  ...INCLUDES,
  ...BLOCK_ENDS,
  ...BLOCK_STARTS,
  ...['fallback-config', 'strict', 'set', 'set-placeholder', 'set-ph', 'declare-option', 'resolve', 'blacklist'],
  ...['end-blacklist', 'whitelist', 'end-whitelist', 'stop', 'reload', 'pause', 'suspend', 'resume', 'extract'],
  ...['connect-and-read', 'listen', 'umask', 'help', 'usage', 'print-sym', 'print-symbol', 'spooler-processes'],
  ...['signal', 'flock', 'flock-wait', 'flock2', 'flock-wait2', 'immediate-uid', 'immediate-gid', 'command-mode'],
  ...['pcre-jit', 'early-envdir', 'plugins', 'plugin', 'need-plugins', 'need-plugin', 'plugins-dir', 'plugin-dir'],
  ...['autoload', 'dlopen', 'binary-append-data', 'iprint', 'exit', 'cflags', 'dot-h', 'config-py', 'build-plugin'],
]);

/** Keys that look like a tuned option and set nothing (uwsgi.md 2.1, 2.4). */
export function lookAlike(key: string): string | null {
  if (optionsNamed(key).length > 0) return null;
  const dashed = key.toLowerCase().replaceAll('_', '-');
  const tuned = [...OPTIONS.processes.names, ...OPTIONS.threads.names, ...OPTIONS.threadStackSize.names];
  if ((tuned as readonly string[]).includes(dashed)) return dashed;
  return key === 'p' ? 'processes' : null;
}

/** uwsgi_opt_true: everything is on but these. */
export function isTrue(value: string): boolean {
  return !['false', 'off', 'no', '0'].includes(value.toLowerCase());
}
