/** What was found, and the sum. */
import { formatSize, parseQuantity } from '../../../src/core/quantity.ts';
import type { Found } from '../facts.ts';
import { indent, wrap, type Paint } from '../text.ts';
import { figures, mebibytes, reasonsList, stackTable, sumTable } from './tables.ts';

/** "4752Ki" and the like as a reader takes them in. */
export function readable(quantity: string | number | undefined): string {
  const size = quantity === undefined ? null : parseQuantity(quantity);
  return size === null ? 'unknown' : formatSize(size);
}

/** The same of many stacks together, in MiB throughout. */
export function stackSize(quantity: string | number | undefined): string {
  const size = quantity === undefined ? null : parseQuantity(quantity);
  return size === null ? 'unknown' : mebibytes(size);
}

export function renderFound(found: Found, paint: Paint): string {
  const { status } = found;
  const { current, limit, sample } = status;
  const { perWorker = 0, mapped, resident, highWater } = current?.threadStacks ?? {};
  const stacks = perWorker * (current?.processes ?? 0);
  const parts = [
    wrap(
      `Deployment ${found.workload}, ${found.replicas} pods, each ${current?.processes ?? 0} processes x ` +
        `${current?.threads ?? 0} threads with a memory limit of ${readable(limit?.limit)}; the config sets no stack ` +
        `size. The pods answered ${found.load.ok} requests in ${found.load.seconds.toFixed(0)} s` +
        `${found.load.failed === 0 ? '' : ` (${found.load.failed} failed)`}, up to ${found.load.atOnce} at once on each. ` +
        `Then the operator looked into ${sample?.pods ?? 0} of them (${sample?.platform ?? 'unknown platform'}).`,
    ),
    pmapPart(found),
    wrap(
      `Each worker has ${perWorker} such stacks (the first thread runs on the main stack), so one pod has ${stacks}:`,
    ),
    '\n',
    figures([
      ['mapped', stackSize(mapped), 'address space, which the memory limit does not charge'],
      ['resident', stackSize(resident), 'pages ever touched, which it does charge'],
      ['deepest', readable(highWater), 'the high-water mark of one stack'],
    ]),
    '\n',
    wrap(
      `All of the pod without file cache is ${readable(sample?.memoryUsed)}. What other stack sizes would map, beside ` +
        'the round figures of the blog that this program began with:',
    ),
    '\n',
    stackTable(found.stackTable, parseQuantity(status.recommendation?.threadStackSize ?? ''), paint),
    '\n',
    paint.warn(found.warnings.map((warning) => wrap(warning)).join('')),
  ];
  return parts.filter((part) => part !== '').join('');
}

function pmapPart({ pmap }: Found): string {
  if (pmap.length === 0) return '\n';
  return `\nIn the memory map of one worker, as pmap prints it:\n\n${indent(pmap.join('\n'), '    ')}\n\n`;
}

export function renderSum(found: Found, paint: Paint): string {
  const { status, spec } = found;
  const { recommendation, limit } = status;
  const lines = (status.budget ?? []).map(({ name, bytes = 0, expectedBytes = 0, provenance = '' }) => ({
    name,
    bytes,
    expectedBytes,
    provenance: provenance as 'measured',
  }));
  const sum = sumTable({
    lines,
    limit: parseQuantity(limit?.budget ?? '') ?? 0,
    limitDetail: `${readable(limit?.limit)} less ${spec.memory?.headroomPercent ?? '?'} % head room`,
    worstCase: parseQuantity(status.worstCase ?? ''),
  });
  return [
    wrap(
      `Recommended: ${recommendation?.summary ?? ''}. One pod would then be charged as follows; "expected" is what it ` +
        'should use under the load that was measured, "charged" allows for more.',
    ),
    '\n',
    sum,
    '\n',
    reasonsList(recommendation?.reasons ?? [], paint),
    '\n',
    wrap(savings(found)),
  ].join('');
}

function savings({ status }: Found): string {
  const { mapped, resident } = status.savings ?? {};
  const freed = parseQuantity(resident ?? '') === 0 ? 'none' : readable(resident);
  return `Saved in each pod: ${stackSize(mapped)} of address space; resident memory: ${freed}.`;
}
