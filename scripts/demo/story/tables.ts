/** Tables that the live and the recorded story share. */
import { renderColumns, type Column } from '../../../src/cli/text-table.ts';
import { formatSize, mib, toKib } from '../../../src/core/quantity.ts';
import type { StackRowFact, SumLine } from '../facts.ts';
import { indent, item, wrap, type Paint } from '../text.ts';

export function left(head: string): Column {
  return { head, align: 'left' };
}

export function right(head: string): Column {
  return { head, align: 'right' };
}

/** A size in MiB as stacks add up: exact to a tenth. */
export function mebibytes(size: number): string {
  return `${Number((size / mib(1)).toFixed(1))}Mi`;
}

/** Figures with what they mean. */
export function figures(rows: readonly (readonly [name: string, figure: string, meaning: string])[]): string {
  const names = Math.max(...rows.map(([name]) => name.length));
  const widths = Math.max(...rows.map(([, figure]) => figure.length));
  return rows
    .map(([name, figure, meaning]) => `    ${name.padEnd(names)}  ${figure.padStart(widths)}  ${meaning}\n`)
    .join('');
}

/** The blog's table, with the risk of each size in short and in full below. */
export function stackTable(rows: readonly StackRowFact[], recommended: number | null, paint: Paint): string {
  const notes = [...new Set(rows.flatMap(({ risk }) => (risk === null ? [] : [risk.text])))];
  const blog = rows.some((row) => row.blog !== null);
  const columns = [right('STACK'), right('MAPPED'), left(''), ...(blog ? [right('BLOG SAID')] : []), left('')];
  const cells = rows.map(({ size, mapped, provenance, blog: figure, risk }) => [
    `${toKib(size)}K`,
    mebibytes(mapped),
    provenance,
    ...(blog ? [figure ?? ''] : []),
    risk === null ? (size === recommended ? '<- recommended' : '') : shortRisk(risk, notes),
  ]);
  const [head = '', ...lines] = indent(renderColumns(columns, cells)).trimEnd().split('\n');
  const painted = lines.map((line, index) => {
    const row = rows[index];
    if (row?.risk != null) return paint.bad(line);
    return row?.size === recommended ? paint.good(line) : line;
  });
  const below = notes.map((note, index) => wrap(note, { first: `  [${index + 1}] `, rest: '      ' })).join('');
  return `${[head, ...painted].join('\n')}\n${below === '' ? '' : `\n${below}`}`;
}

function shortRisk({ text, kind }: NonNullable<StackRowFact['risk']>, notes: readonly string[]): string {
  const head = /^([a-z ]{1,20}):/.exec(text)?.[1] ?? kind;
  return `${head} [${notes.indexOf(text) + 1}]`;
}

export interface Sum {
  readonly lines: readonly SumLine[];
  /** A phrase: "1Gi less 15 % head room". */
  readonly limitDetail: string;
  readonly limit: number;
  readonly worstCase: number | null;
}

/** The lines that were added, and what they add up to. */
export function sumTable({ lines, limit, limitDetail, worstCase }: Sum): string {
  const charged = lines.reduce((sum, line) => sum + line.bytes, 0);
  const expected = lines.reduce((sum, line) => sum + line.expectedBytes, 0);
  const columns = [left('FOR'), right('CHARGED'), right('EXPECTED'), left('FROM')];
  const rows = lines.map((line) => [
    line.name,
    formatSize(line.bytes),
    formatSize(line.expectedBytes),
    line.provenance as string,
  ]);
  rows.push(['sum', formatSize(charged), formatSize(expected), '']);
  rows.push(['allowed', formatSize(limit), '', limitDetail]);
  if (worstCase !== null) rows.push(['worst case', formatSize(worstCase), '', 'every stack touched to its end']);
  return indent(renderColumns(columns, rows));
}

export function reasonsList(reasons: readonly string[], paint: Paint): string {
  return reasons
    .map((reason) => (/^Warning|allowBelowFloor/.test(reason) ? paint.warn(item(reason)) : item(reason)))
    .join('');
}

/** Added lines and removed lines of a diff in their colours. */
export function diffBlock(diff: string, paint: Paint): string {
  const lines = diff.trimEnd().split('\n');
  return lines
    .map((line) => `    ${line.startsWith('+') ? paint.good(line) : line.startsWith('-') ? paint.bad(line) : line}\n`)
    .join('');
}
