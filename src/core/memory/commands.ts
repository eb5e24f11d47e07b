/** All commands that are ever run in a container, whole: an admission policy can hold the operator to them. */
import { samplerArgv, samplerArgvPython, type SamplerOptions } from './capture.ts';
import type { Depth } from './capture-script.ts';
import { guardArgv } from './guard-probe.ts';

/** The commands that take one sample, in the order in which they are tried: the first whose program is there runs. */
export function samplerCommands(options: SamplerOptions): readonly (readonly string[])[] {
  return [samplerArgv(options), samplerArgvPython(options)];
}

const DEPTHS: Readonly<Record<Depth, Depth>> = { threads: 'threads', rows: 'rows', merged: 'merged' };

/** Each an argv. */
export const COMMANDS: readonly (readonly string[])[] = [
  ...Object.values(DEPTHS).flatMap((depth) => samplerCommands({ depth })),
  guardArgv(),
];
