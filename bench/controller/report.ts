/** The figures of all sizes side by side, as a table in Markdown. */
import type { Requests, Usage } from './usage.ts';

/** What was measured with one number of tunings. */
export interface Figures {
  readonly size: number;
  readonly create: {
    /** Create to first recommendation, milliseconds, sorted. */
    readonly latencies: readonly number[];
    readonly cpuSeconds: number;
    readonly requests: Requests;
  };
  readonly rest?: {
    readonly usage: Usage;
    readonly requests: Requests;
    /** The most resident memory since the start, bytes. */
    readonly most: number;
  };
  readonly outage?: {
    readonly seconds: number;
    readonly edited: number;
    /** From the ready API server until the last edited tuning was recommended for anew, milliseconds. */
    readonly editedMs: number;
    /** Until every pod was measured again. */
    readonly allMs: number;
  };
}

type Row = readonly [name: string, value: (figures: Figures, all: readonly Figures[]) => string];

const MIB = 2 ** 20;

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

function seconds(ms: number | undefined): string {
  return ms === undefined || Number.isNaN(ms) ? '-' : (ms / 1000).toFixed(1);
}

function total(requests: Requests): number {
  return requests.reads + requests.execs + requests.leaseWrites + writes(requests);
}

function writes(requests: Requests): number {
  return [...requests.writes.values()].reduce((sum, count) => sum + count, 0);
}

function perMinute(count: number, { rest }: Figures): number {
  return rest === undefined ? NaN : (count * 60) / rest.usage.seconds;
}

/** A figure of the rest beyond what no tuning costs, for each tuning. */
function slope(figures: Figures, all: readonly Figures[], of: (figures: Figures) => number): number {
  const none = all.find(({ size }) => size === 0);
  return none === undefined || figures.size === 0 ? NaN : (of(figures) - of(none)) / figures.size;
}

const rss = ({ rest }: Figures): number => rest?.usage.rss ?? NaN;
const cpu = (figures: Figures): number => perMinute(figures.rest?.usage.cpuSeconds ?? NaN, figures);
const requests = (figures: Figures): number =>
  figures.rest === undefined ? NaN : perMinute(total(figures.rest.requests), figures);

function number(value: number, digits = 1): string {
  return Number.isNaN(value) ? '-' : value.toFixed(digits);
}

const ROWS: readonly Row[] = [
  ['create to recommendation, p50 (s)', ({ create }) => seconds(percentile(create.latencies, 0.5))],
  ['create to recommendation, p99 (s)', ({ create }) => seconds(percentile(create.latencies, 0.99))],
  ['reads of one create', ({ size, create }) => number(create.requests.reads / size)],
  ['writes of one create', ({ size, create }) => number(writes(create.requests) / size)],
  ['CPU of one create (ms)', ({ size, create }) => (size === 0 ? '-' : number((create.cpuSeconds * 1000) / size, 0))],
  [
    'writes at rest but the Lease (a minute)',
    (each) => number(perMinute(each.rest === undefined ? NaN : writes(each.rest.requests), each)),
  ],
  ['requests at rest (a minute)', (each) => number(requests(each))],
  ['of these, execs', (each) => number(perMinute(each.rest?.requests.execs ?? NaN, each))],
  ['CPU at rest (s a minute)', (each) => number(cpu(each), 2)],
  ['RSS at rest, mean (MiB)', (each) => number(rss(each) / MIB)],
  ['RSS at rest, most (MiB)', (each) => number((each.rest?.usage.rssMost ?? NaN) / MIB)],
  ['RSS since the start, most (MiB)', (each) => number((each.rest?.most ?? NaN) / MIB)],
  ['RSS of one tuning (KiB)', (each, all) => number(slope(each, all, rss) / 1024)],
  ['CPU of one tuning (ms a minute)', (each, all) => number(slope(each, all, cpu) * 1000, 2)],
  ['requests of one tuning (a minute)', (each, all) => number(slope(each, all, requests), 2)],
  ['after an outage, edits dealt with (s)', ({ outage }) => seconds(outage?.editedMs)],
  ['after an outage, every pod measured (s)', ({ outage }) => seconds(outage?.allMs)],
];

/** The table, and how the cost of one tuning with the most tunings compares with the cost with fewer. */
export function report(all: readonly Figures[]): string {
  const head = `| tunings | ${all.map(({ size }) => String(size)).join(' | ')} |`;
  const line = `| --- |${all.map(() => ' ---: |').join('')}`;
  const rows = ROWS.map(([name, value]) => `| ${name} | ${all.map((each) => value(each, all)).join(' | ')} |`);
  const lists = all.flatMap(({ size, create, rest }) => [
    `${size}: writes while created: ${listed(create.requests.writes)}; at rest: ${rest === undefined ? '-' : listed(rest.requests.writes)}`,
  ]);
  return `${[head, line, ...rows, '', ...lists, '', ...slopes(all)].join('\n')}\n`;
}

function listed(counts: ReadonlyMap<string, number>): string {
  return counts.size === 0 ? 'none' : [...counts].map(([what, count]) => `${count} ${what}`).join(', ');
}

function slopes(all: readonly Figures[]): string[] {
  const [few, many] = all.filter(({ rest, size }) => rest !== undefined && size > 0).slice(-2);
  if (few === undefined || many === undefined) return [];
  const ratio = (of: (figures: Figures) => number): string => (slope(many, all, of) / slope(few, all, of)).toFixed(2);
  return [
    `One tuning of ${many.size} against one of ${few.size}: CPU ${ratio(cpu)}, RSS ${ratio(rss)}, requests ${ratio(requests)} (1: linear).`,
  ];
}
