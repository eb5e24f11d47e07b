/** The change that was put back. */
import type { PutBack } from '../facts.ts';
import { indent, oneLine, wrap, type Paint } from '../text.ts';
import { eventsPart } from './changed.ts';
import { readable } from './found.ts';
import { diffBlock, reasonsList } from './tables.ts';

const SHOWN_DEATHS = 4;

export function renderPutBack(facts: PutBack, paint: Paint): string {
  const { min, allowBelowFloor } = facts.spec.bounds?.threadStackSize ?? {};
  return [
    wrap(
      `Meanwhile a second Deployment, ${facts.workload}: its owner insists on the blog's stacks and sets ` +
        `bounds.threadStackSize.min: ${min ?? ''} with allowBelowFloor: ${String(allowBelowFloor)}. Its requests were ` +
        'shallow so far, so the measured high-water mark does not stand against it. The operator says what it thinks ' +
        'of that, and obeys:',
    ),
    '\n',
    reasonsList(facts.warnings, paint),
    '\n',
    diffBlock(facts.diff, paint),
    '\n',
    wrap(`Then requests came with deeply nested JSON. The log of ${podsOf(facts)}:`),
    '\n',
    deathsPart(facts, paint),
    '\n',
    wrap(
      'Kubernetes sees nothing of it, because uWSGI starts a new worker. kubectl get pods, right after the first death:',
    ),
    '\n',
    indent(facts.podsText.trimEnd(), '    '),
    '\n\n',
    wrap(
      `The operator reads the log. The old config was back, byte for byte, ` +
        `${facts.secondsToOldText.toFixed(1)} s after the first death was seen; after ${facts.secondsToVerdict.toFixed(1)} s ` +
        `the pods were replaced and the verdict stood: ${facts.history.verdict ?? ''}, ${facts.history.reason ?? ''}. ` +
        `They run ${facts.from} again.`,
    ),
    '\n',
    wrap(
      `What it learned: ${facts.rejected.lesson ?? ''} at ${readable(facts.rejected.threadStackSize)} on image ` +
        `${facts.rejected.image ?? ''}. That is not tried again. Applied is now ${facts.held.status}, ` +
        `${facts.held.reason}: ${facts.held.message}. After that it would try ${facts.next}, for the owner still insists ` +
        'on less than the floor.',
    ),
    '\n',
    eventsPart(facts.events, paint),
  ].join('');
}

function deathsPart({ deaths }: PutBack, paint: Paint): string {
  const lines = deaths.slice(0, SHOWN_DEATHS).map(({ line }) => `    ${paint.bad(oneLine(line, 76))}\n`);
  const more = deaths.length - lines.length;
  return `${lines.join('')}${more > 0 ? `    and ${more} more\n` : ''}`;
}

function podsOf({ deaths }: PutBack): string {
  const count = new Set(deaths.map(({ pod }) => pod)).size;
  return count === 1 ? '1 pod' : `${count} pods`;
}
