/** What a generator puts into a file, and which of it may keep our reading from telling a value. */
import type { Cause } from '../../src/core/uwsgi/cause.ts';

/** Things in a generated file that decide whether its text alone tells what runs. */
export type Construct =
  /** `$(NAME)`, `@(file)`, `%k`: what only the pod knows. */
  | 'variable'
  | 'pod file'
  | 'magic'
  /** `%(name)` of a name that the file does not have. */
  | 'unknown placeholder'
  /** Blocks that only the pod can test. */
  | 'pod block'
  | 'include'
  | 'inherit'
  | 'custom option'
  /** What ends uWSGI: a number below 0, a key that `strict` forbids, blocks in blocks, cheaper not below processes. */
  | 'negative'
  | 'strict'
  | 'nested block'
  | 'cheaper'
  | 'process limit'
  /** A bare `%` at the end of a line takes the next line with it: a block may lose its end. */
  | 'swallowed line'
  /** What builds of uWSGI read differently: which one runs is not in the file. */
  | 'build form'
  /** A form of the dialect that we do not read. */
  | 'unread form';

/** Those that refer to something outside the file. */
export const OUTSIDE_REFERENCES: ReadonlySet<Construct> = new Set([
  'variable',
  'pod file',
  'magic',
  'unknown placeholder',
  'pod block',
  'include',
  'inherit',
  'build form',
]);

/** What must be in a file for each cause. `Unset` is no doubt but the answer. */
export const JUSTIFIED_BY: Readonly<Record<Exclude<Cause, 'Unset'>, readonly Construct[]>> = {
  EnvironmentVariable: ['variable'],
  PodFile: ['pod file'],
  MagicVariable: ['magic'],
  Placeholder: ['unknown placeholder', 'variable', 'pod file', 'magic', 'pod block', 'include'],
  Block: ['pod block', 'include', 'variable', 'magic'],
  Include: ['include'],
  Inherit: ['inherit'],
  CustomOption: ['custom option'],
  Fault: ['negative', 'strict', 'nested block', 'cheaper', 'swallowed line', 'build form'],
  LoopEngine: [],
  Builds: ['build form'],
  UnreadForm: ['unread form'],
  ProcessLimit: ['process limit'],
};
