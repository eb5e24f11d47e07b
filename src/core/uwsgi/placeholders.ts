/**
 * Fills `$(ENV)`, `@(file)` and `%(option)` in values, in that order, as core/utils.c uwsgi_apply_config_pass and
 * core/config.c uwsgi_manage_placeholder do, with their quirks: options are filled in list order, a name stands for its
 * first occurrence, math goes left to right, and a value that itself begins with a placeholder is not filled again.
 */
import { OUTSIDE, strtoll } from './c-number.ts';
import { MAX_VALUE } from './dialect.ts';
import type { ExportedOption } from './exported-options.ts';

/** The values of the options, in order, with placeholders filled; or the option that would never end. */
export interface FilledValues {
  readonly values: readonly string[];
  readonly endless: ExportedOption | null;
}

/** uWSGI has no limit and hangs or eats memory (`a = x%(a)`). */
const MAX_FILLS = 1_000;

/** Characters looked at in all values together, above one look at each: a bound on hostile files. */
const MAX_STEPS = 10_000_000;

interface Budget {
  steps: number;
}

/** Fills every value that uWSGI fills. */
export function fillPlaceholders(options: readonly ExportedOption[]): FilledValues {
  const values = options.map((option) => option.value);
  const first = new Map<string, number>();
  const includes: number[] = [];
  for (const [index, option] of options.entries()) {
    if (!first.has(option.key)) first.set(option.key, index);
    if (option.effect.kind === 'include' || option.effect.kind === 'inherit') includes.push(index);
  }
  const firstInclude = includes[0] ?? Infinity;
  /** The current text of the first option of a name; outside when a file, the command line or a block may bring it. */
  const lookUp = (name: string): string => {
    const index = first.get(name);
    const option = index === undefined ? undefined : options[index];
    if (index === undefined || option === undefined || index > firstInclude || option.conditional !== null) {
      return OUTSIDE;
    }
    return values[index] ?? '';
  };
  const budget: Budget = { steps: MAX_STEPS };
  const passes: readonly [symbol: string, hook: (name: string) => string | null][] = [
    ['$', () => OUTSIDE],
    ['@', () => OUTSIDE],
    ['%', (name) => evaluate(name, lookUp, budget)],
  ];
  for (const [symbol, hook] of passes) {
    for (const [index, option] of options.entries()) {
      if (option.configured) continue;
      const filled = fill(values[index] ?? '', { symbol, hook, budget });
      if (filled === null) return { values, endless: option };
      values[index] = filled;
    }
  }
  return { values, endless: null };
}

interface Pass {
  readonly symbol: string;
  /** Null when what it stands for is too long. */
  readonly hook: (name: string) => string | null;
  readonly budget: Budget;
}

/** One pass over one value; null when it would not end. A port, state for state, of uwsgi_apply_config_pass. */
function fill(text: string, { symbol, hook, budget }: Pass): string | null {
  if (!text.includes(symbol)) return text;
  let value = text;
  // 0: outside; 1: behind the symbol; 2 and more: inside the parentheses, 2 plus the length of the name so far.
  let state = 0;
  let depth = 0;
  let nameStart = 0;
  let fills = 0;
  for (let at = 0; at < value.length; at++) {
    const character = value[at];
    if (character === symbol) state = 1;
    else if (character === '(' && state === 1) {
      state = 2;
      depth = 0;
      nameStart = at + 1;
    } else if (state <= 1) state = 0;
    else if (character === ')' && depth === 0) {
      const nameLength = state - 2;
      state = 0;
      if (nameLength === 0) continue;
      const filled = hook(value.slice(nameStart, nameStart + nameLength));
      if (filled === null) return null;
      value = value.slice(0, nameStart - 2) + filled + value.slice(nameStart + nameLength + 1);
      // uWSGI looks again from the second character on.
      budget.steps -= at + value.length;
      at = 0;
      fills++;
      if (budget.steps < 0 || fills > MAX_FILLS || value.length > MAX_VALUE) return null;
    } else {
      if (character === '(') depth++;
      else if (character === ')') depth--;
      state++;
    }
  }
  return value;
}

type Operation = 'concat' | '+' | '-' | '*' | '/';

/** `name`, or `a b + 2`: tokens by blanks, left to right, whole numbers; without an operator texts are joined. */
function evaluate(expression: string, lookUp: (name: string) => string, budget: Budget): string | null {
  if (!expression.includes(' ')) return lookUp(expression);
  let current: string | null = null;
  let operation: Operation = 'concat';
  for (const token of expression.split(' ')) {
    if (token === '') continue;
    if (token === '+' || token === '-' || token === '*' || token === '/') {
      operation = token;
    } else if (token === '++' || token === '--') {
      if (current !== null) current = calculate(current, token === '++' ? '+' : '-', '1');
      operation = 'concat';
    } else {
      const operand = /^\d+$/.test(token) ? token : lookUp(token);
      current = calculate(current ?? '', operation, operand);
      operation = 'concat';
      budget.steps -= current.length + operand.length;
      if (budget.steps < 0 || current.length > MAX_VALUE) return null;
    }
  }
  return current ?? '';
}

function calculate(left: string, operation: Operation, right: string): string {
  if (operation === 'concat') return left + right;
  const a = strtoll(left);
  const b = strtoll(right);
  if (a === null || b === null) return OUTSIDE;
  return String(BigInt.asIntN(64, operate(a, operation, b)));
}

function operate(a: bigint, operation: Exclude<Operation, 'concat'>, b: bigint): bigint {
  switch (operation) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0n ? 0n : a / b;
  }
}
