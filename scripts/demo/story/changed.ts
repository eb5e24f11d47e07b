/** The change that was verified. */
import { renderColumns } from '../../../src/cli/text-table.ts';
import { formatSize, parseQuantity } from '../../../src/core/quantity.ts';
import type { Changed, EventFact } from '../facts.ts';
import { indent, wrap, type Paint } from '../text.ts';
import { readable, stackSize } from './found.ts';
import { diffBlock, left, right } from './tables.ts';

export function renderChanged(changed: Changed, paint: Paint): string {
  const { before, after, history } = changed;
  const rows = [
    ['configuration', before.summary, after.summary],
    ['stacks, mapped', stackSize(before.stacksMapped), stackSize(after.stacksMapped)],
    ['stacks, resident', stackSize(before.stacksResident), stackSize(after.stacksResident)],
    ['deepest stack', readable(before.highWater), readable(after.highWater)],
    ['largest pod', readable(before.memoryUsed), readable(after.memoryUsed)],
  ];
  return [
    wrap(
      'The tuning was told mode Patch. The operator first saved the old config in ConfigMap ' +
        `${changed.savedIn}, then changed these lines and no others:`,
    ),
    '\n',
    diffBlock(changed.diff, paint),
    '\n',
    wrap(
      `The pods were replaced in ${changed.rolloutSeconds.toFixed(0)} s and got the same requests again ` +
        `(${changed.load.ok} answered${changed.load.failed === 0 ? '' : `, ${changed.load.failed} failed`}), while the operator ` +
        'watched them. Measured in one pod, before and after:',
    ),
    '\n',
    indent(renderColumns([left(''), right('BEFORE'), right('AFTER')], rows)),
    '\n',
    wrap(expectation(changed)),
    '\n',
    wrap(`Verdict: ${paint.good(history.verdict ?? '')}, ${history.message ?? ''}.`),
    '\n',
    eventsPart(changed.events, paint),
  ].join('');
}

function expectation({ history, charged }: Changed): string {
  const { expectedMemory, measuredMemory } = history;
  const [expected, measured] = [parseQuantity(expectedMemory ?? ''), parseQuantity(measuredMemory ?? '')];
  if (expected === null || measured === null || expected === 0) return 'The memory after the change was not measured.';
  const percent = Math.round(((measured - expected) / expected) * 100);
  const apart = percent === 0 ? 'the same' : `${Math.abs(percent)} % ${percent < 0 ? 'less' : 'more'}`;
  return `Memory of a pod: expected ${readable(expectedMemory)}, measured ${readable(measuredMemory)} (mean of the pods), ${apart}; charged for it were ${formatSize(charged)}.`;
}

/** Events as `kubectl get events` has them, in the order in which they came. */
export function eventsPart(events: readonly EventFact[], paint: Paint): string {
  const width = Math.max(...events.map(({ reason }) => reason.length), 0);
  const lines = events.map(({ type, reason, message }) => {
    const text = wrap(message, {
      first: `    ${type.padEnd(7)}  ${reason.padEnd(width)}  `,
      rest: ' '.repeat(15 + width),
    });
    return type === 'Warning' ? paint.warn(text) : text;
  });
  return `Its events, as kubectl shows them:\n\n${lines.join('')}`;
}
