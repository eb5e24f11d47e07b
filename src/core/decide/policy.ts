/** The spec with its texts read once: durations in milliseconds, sizes in bytes. */
import type { Change, TuningSpec } from '../../api/uwsgi-tuning.ts';
import { bytes, formatQuantity, kib, mib, parseQuantity, type Bytes } from '../quantity.ts';
import type { Policy as SizingPolicy, Range } from '../recommend/types.ts';
import type { ConfigFormat } from '../uwsgi/analysis.ts';
import { parseDuration } from './duration.ts';

export interface Policy {
  readonly targetName: string;
  readonly containerName: string | null;
  readonly configMapName: string;
  readonly configKey: string;
  readonly format: FileFormat;
  readonly section: string;
  readonly mode: 'Recommend' | 'Patch';
  readonly suspend: boolean;
  readonly minIntervalMs: number;
  readonly minChangePercent: number;
  readonly rolloutTimeoutMs: number;
  readonly verifyWindowMs: number;
  readonly sizing: SizingPolicy;
  readonly limitOverride: Bytes | null;
  readonly intervalMs: number;
  readonly maxPods: number;
  readonly minSamples: number;
  readonly minObservationMs: number;
  readonly sampleTimeoutMs: number;
}

/** More than any program needs; with the most threads it is still an exact number of bytes. */
const LARGEST_STACK = mib(1024);

/** The policy, and every field that the API server's rules forbid although it was stored: an older schema let it pass. */
export function readPolicy(spec: TuningSpec): { readonly policy: Policy; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const duration = (field: string, text: string, [least, most]: readonly [string, string]): number => {
    const value = parseDuration(text);
    if (value === null) problems.push(`${field}: "${text}" is no duration such as 10m or 1h30m`);
    else if (value < (parseDuration(least) ?? 0) || value > (parseDuration(most) ?? 0)) {
      problems.push(`${field}: found ${text}, allowed: from ${least} to ${most}`);
    }
    return value ?? 0;
  };
  const size = (
    field: string,
    text: string | number | undefined,
    [least, most]: readonly [Bytes, Bytes],
  ): Bytes | null => {
    if (text === undefined) return null;
    const value = parseQuantity(text);
    if (value === null) problems.push(`${field}: "${text}" is no quantity of bytes such as 512Ki`);
    else if (value < least || value > most) {
      problems.push(`${field}: found ${text}, allowed: from ${formatQuantity(least)} to ${formatQuantity(most)}`);
    }
    return value ?? bytes(0);
  };
  const range = (bounds: { min?: number; max?: number } | undefined): Range => ({
    min: bounds?.min ?? null,
    max: bounds?.max ?? null,
  });
  const { updatePolicy: update = {}, bounds = {}, memory = {}, sampling = {} } = spec;
  const stack = bounds.threadStackSize;
  const policy: Policy = {
    targetName: spec.targetRef.name,
    containerName: spec.containerName ?? null,
    configMapName: spec.config.configMapRef.name,
    configKey: spec.config.configMapRef.key,
    format: spec.config.format ?? formatOfKey(spec.config.configMapRef.key),
    section: spec.config.section ?? 'uwsgi',
    mode: update.mode ?? 'Recommend',
    suspend: update.suspend ?? false,
    minIntervalMs: duration('spec.updatePolicy.minInterval', update.minInterval ?? '1h', ['0s', '8760h']),
    minChangePercent: update.minChangePercent ?? 10,
    rolloutTimeoutMs: duration('spec.updatePolicy.rolloutTimeout', update.rolloutTimeout ?? '10m', ['1s', '24h']),
    verifyWindowMs: duration('spec.updatePolicy.verifyWindow', update.verifyWindow ?? '10m', ['0s', '168h']),
    sizing: {
      objective: spec.objective ?? 'PreserveConcurrency',
      bounds: {
        processes: range(bounds.processes),
        threads: range(bounds.threads),
        threadStackSize: {
          min: size('spec.bounds.threadStackSize.min', stack?.min, [bytes(0), LARGEST_STACK]),
          max: size('spec.bounds.threadStackSize.max', stack?.max, [kib(16), LARGEST_STACK]),
          allowBelowFloor: stack?.allowBelowFloor ?? false,
        },
      },
      controlled: bounds.controlled ?? ['Processes', 'Threads', 'ThreadStackSize'],
      headroomPercent: memory.headroomPercent ?? 15,
      stackCharge: memory.stackCharge ?? 'HighWater',
    },
    limitOverride: size('spec.memory.limit', memory.limit, [mib(1), mib(64 * 1024 * 1024)]),
    intervalMs: duration('spec.sampling.interval', sampling.interval ?? '5m', ['5s', '24h']),
    maxPods: sampling.maxPods ?? 3,
    minSamples: sampling.minSamples ?? 12,
    minObservationMs: duration('spec.sampling.minObservation', sampling.minObservation ?? '24h', ['0s', '8760h']),
    sampleTimeoutMs: duration('spec.sampling.timeout', sampling.timeout ?? '20s', ['1s', '2m']),
  };
  return { policy, problems: [...problems, ...formatProblems(spec)] };
}

/** The policy while a change is in flight: the config is read as the change was planned, whatever the spec says now. */
export function policyInForce(policy: Policy, change: Change | undefined): Policy {
  return change === undefined ? policy : { ...policy, ...dialectOf(change) };
}

/** Dialects of a file that a ConfigMap's key can be mounted as. */
type FileFormat = Exclude<ConfigFormat, 'Env'>;

/** The dialect and section that a change was planned for. */
export function dialectOf({ configMap }: Change): { readonly format: FileFormat; readonly section: string } {
  const format = FILE_FORMATS.find((name) => name === configMap?.format) ?? 'Ini';
  return { format, section: configMap?.section ?? 'uwsgi' };
}

const FILE_FORMATS: readonly FileFormat[] = ['Ini', 'Yaml', 'Json', 'Xml'];

/** uWSGI chooses its loader by these suffixes (core/uwsgi.c uwsgi_opt_load). */
const SUFFIXES: Readonly<Record<string, FileFormat>> = {
  yaml: 'Yaml',
  yml: 'Yaml',
  json: 'Json',
  js: 'Json',
  xml: 'Xml',
};

function formatProblems(spec: TuningSpec): string[] {
  const key = spec.config.configMapRef.key;
  if (spec.config.format !== undefined || !key.endsWith('.env')) return [];
  return [
    `spec.config.configMapRef.key: "${key}" looks like variables; set spec.config.format if uWSGI reads it as a file`,
  ];
}

function formatOfKey(key: string): FileFormat {
  return SUFFIXES[/\.([a-z]+)$/.exec(key)?.[1] ?? ''] ?? 'Ini';
}
