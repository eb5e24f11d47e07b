/**
 * What a request from outside can do to a worker whose thread stacks have a given size, by language runtime. Measured:
 * modern-runtimes.md 2 (3.13, 3.14) and uwsgi.md 1.6 (3.11); 3.12 is taken as 3.13.
 */
import type { Platform } from '../memory/sample.ts';
import { formatQuantity, kib, type Bytes } from '../quantity.ts';
import { runtimeFloor } from './floor.ts';

/** `crash`: a worker dies, with every request in flight. `error`: requests fail that would succeed on a larger stack. */
export interface StackRisk {
  readonly kind: 'crash' | 'error' | 'unmeasured';
  readonly text: string;
}

interface Step {
  /** The risk holds for stacks below this size. */
  readonly below: Bytes;
  readonly kind: StackRisk['kind'];
  readonly text: string;
}

const UP_TO_3_11: readonly Step[] = [
  { below: kib(160), kind: 'crash', text: 'remote crash: a JSON body of nested lists (148 KiB deep) kills the worker' },
  { below: kib(384), kind: 'crash', text: 'crash: parsing nested source (ast.parse, 344 KiB deep) kills the worker' },
];

const FIXED_COUNTER: readonly Step[] = [
  { below: kib(1025), kind: 'crash', text: 'remote crash: a JSON body of nested lists kills the worker' },
  { below: kib(1537), kind: 'crash', text: 'crash: json.dumps or repr of nested data kills the worker' },
  { below: kib(3072), kind: 'crash', text: 'crash: a sort whose key recurses through C kills the worker' },
];

const KNOWS_ITS_STACK: readonly Step[] = [
  { below: kib(128), kind: 'error', text: 'requests with JSON nested 200 deep fail with RecursionError, no signal' },
  { below: kib(512), kind: 'error', text: 'parsing of 150 nested parentheses fails with MemoryError, no signal' },
];

/** The risk of a stack of this size; null when every measured workload ran as it does with 8 MiB. */
export function stackRisk(size: Bytes, platform: Platform): StackRisk | null {
  const floor = runtimeFloor(platform);
  const found = stepsOf(platform).find(({ below }) => size < below);
  if (found !== undefined) return { kind: found.kind, text: found.text };
  if (size >= floor.size) return null;
  return { kind: 'unmeasured', text: `below ${formatQuantity(floor.size)}, the floor for ${floor.why}` };
}

function stepsOf({ python }: Platform): readonly Step[] {
  if (python === null) return [];
  if (python.major < 3 || python.minor <= 11) return UP_TO_3_11;
  if (python.minor <= 13) return FIXED_COUNTER;
  return python.minor === 14 ? KNOWS_ITS_STACK : [];
}
