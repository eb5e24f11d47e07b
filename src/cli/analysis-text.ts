/** The analysis for a person at a terminal. */
import type { Platform, ProcessFootprint } from '../core/memory/sample.ts';
import { formatQuantity, formatSize, toKib, type Bytes } from '../core/quantity.ts';
import type { Analysis } from './analysis.ts';
import { oneLine } from './io.ts';
import { renderColumns, type Column } from './text-table.ts';

export function renderAnalysis(analysis: Analysis): string {
  const parts = [
    processesPart(analysis),
    stackPart(analysis),
    budgetPart(analysis),
    recommendationPart(analysis),
  ].filter((part) => part !== '');
  return parts.join('\n');
}

/** "Linux 6.18.0 x86_64, glibc 2.36, Python 3.11", with what is unknown named so. */
export function describePlatform({ kernel, architecture, libc, python }: Platform): string {
  const system = kernel === null ? 'unknown kernel' : `Linux ${[kernel, architecture].filter(Boolean).join(' ')}`;
  const library = libc === null ? 'unknown C library' : [libc.name, libc.version].filter(Boolean).join(' ');
  const runtime = python === null ? 'unknown Python' : `Python ${python.major}.${python.minor}`;
  return oneLine(`${system}, ${library}, ${runtime}`);
}

/** A size, or a dash for what this form of capture does not tell. */
export function sizeOrDash(size: Bytes | null): string {
  return size === null ? '-' : formatSize(size);
}

/** A stack's size as it is, since 8188Ki is another size than 8Mi; a dash where it is not known. */
export function exactOrDash(size: Bytes | null): string {
  return size === null ? '-' : formatQuantity(size);
}

/** "4 x 100 with stacks of 512Ki (threads-stacksize = 512)". */
export function describeValues(values: Analysis['current']): string {
  const shape = `${values.processes} x ${values.threads}`;
  if (values.threadStackSize === null) return `${shape} with the default stack size`;
  return `${shape} with stacks of ${formatQuantity(values.threadStackSize)} (threads-stacksize = ${toKib(values.threadStackSize)})`;
}

const left = (head: string): Column => ({ head, align: 'left' });
const right = (head: string): Column => ({ head, align: 'right' });

function processesPart({ pods, platform, totals }: Analysis): string {
  const columns = [
    right('PID'),
    left('ROLE'),
    right('STACKS'),
    right('SIZE'),
    right('MAPPED'),
    right('RESIDENT'),
    right('HIGH-WATER'),
    right('RSS'),
    right('PSS'),
    right('ARENAS'),
  ];
  const rows = pods.flatMap((pod) => pod.processes.map(processCells));
  rows.push([
    'all',
    '',
    String(totals.stackCount ?? '-'),
    '',
    sizeOrDash(totals.stackMapped),
    sizeOrDash(totals.stackResident),
    sizeOrDash(totals.stackHighWater),
    sizeOrDash(totals.rss),
    sizeOrDash(totals.pss),
    '',
  ]);
  const denied = pods.flatMap(({ quality }) => (quality.reason === null ? [] : [`${oneLine(quality.reason)}\n`]));
  return `${describePlatform(platform)}\n${denied.join('')}\n${renderColumns(columns, rows)}`;
}

function processCells({ pid, role, threadStacks, rss, pss, arenas }: ProcessFootprint): string[] {
  return [
    String(pid ?? '-'),
    role ?? '-',
    String(threadStacks.count ?? '-'),
    exactOrDash(threadStacks.size),
    sizeOrDash(threadStacks.mapped),
    sizeOrDash(threadStacks.resident),
    sizeOrDash(threadStacks.highWater),
    sizeOrDash(rss),
    sizeOrDash(pss),
    arenas.count === null ? '-' : `${arenas.count} (${sizeOrDash(arenas.resident)})`,
  ];
}

function stackPart({ stackTable, totals, current }: Analysis): string {
  if (stackTable.length === 0) return '';
  const blog = stackTable.some((row) => row.blog !== null);
  const columns = [right('STACK'), right('MAPPED'), left(''), ...(blog ? [right('BLOG')] : []), left('RISK')];
  const rows = stackTable.map(({ size, mapped, provenance, blog: figure, risk }) => [
    `${toKib(size)}K`,
    formatSize(mapped),
    provenance,
    ...(blog ? [figure ?? ''] : []),
    risk?.text ?? '',
  ]);
  const title = `Thread stacks of ${current.processes} x ${current.threads}, by size:`;
  return `${title}\n${renderColumns(columns, rows)}${residentNote(totals)}\n`;
}

/** Mapped is not charged; this says what is. */
export function residentNote({ stackResident, stackHighWater, stackHuge }: Analysis['totals']): string {
  if (stackResident === null) {
    return 'Mapped is address space. How much of the stacks is resident this capture does not tell; a memory limit charges only that.';
  }
  const depth = stackHighWater === null ? '' : `, the deepest ${formatSize(stackHighWater)}`;
  const resident = `Mapped is address space. Resident, which a memory limit charges, is ${formatSize(stackResident)} in all${depth}`;
  if (stackHuge === null || stackHuge === 0) return `${resident}: touched pages, whatever the size.`;
  return `${resident}; ${formatSize(stackHuge)} of it are huge pages, which stacks below 2Mi cannot hold.`;
}

function budgetPart({ result, limit, headroomPercent }: Analysis): string {
  if (result.budget.length === 0) return '';
  const columns = [left('LINE'), right('CHARGED'), right('EXPECTED'), left('FROM'), left('HOW')];
  const rows = result.budget.map(({ name, bytes, expectedBytes, provenance, detail }) => [
    name,
    formatSize(bytes),
    formatSize(expectedBytes),
    provenance,
    detail,
  ]);
  const charged = result.budget.reduce((sum, { bytes }) => sum + bytes, 0);
  const expected = result.budget.reduce((sum, { expectedBytes }) => sum + expectedBytes, 0);
  rows.push(['sum', formatSize(charged), formatSize(expected)]);
  if (limit !== null && result.budgetLimit !== null) {
    const how = `${formatSize(limit.bytes)} less ${headroomPercent} % head room`;
    rows.push(['limit', formatSize(result.budgetLimit), '', limit.source, how]);
  }
  if (result.kind === 'Recommendation') {
    rows.push(['worst case', formatSize(result.worstCase), '', '', 'every stack touched to its end']);
  }
  return `Memory of one pod as recommended:\n${renderColumns(columns, rows)}`;
}

function recommendationPart({ result, current, reasons }: Analysis): string {
  const title =
    result.kind === 'Recommendation'
      ? `Recommended: ${describeValues(result)}\nRunning:     ${describeValues(current)}`
      : `No recommendation for ${describeValues(current)}`;
  return `${title}\n${reasons.map((reason) => `  ${oneLine(reason)}\n`).join('')}`;
}
