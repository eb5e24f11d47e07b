/** Predictions against measurements: one row a pair, then medians and worst. */
import { formatSize } from '../../src/core/quantity.ts';
import type { Shape } from '../../src/core/recommend/growth.ts';
import { renderColumns, type Column } from '../../src/cli/text-table.ts';
import { predict, privateOf, type Observation } from './predict.ts';

/** Sizes are bytes; an error is (predicted - measured) / measured. */
export interface Row extends Shape {
  /** Requests that each connection had answered, a count. */
  readonly served: number;
  readonly measured: number;
  readonly expected: number;
  readonly expectedError: number;
  readonly charged: number;
  readonly chargedError: number;
  /** Of one worker. */
  readonly privateMeasured: number;
  readonly privateExpected: number;
  readonly privateError: number;
}

export interface Summary {
  /** Pairs, a count. */
  readonly pairs: number;
  /** Of the absolute errors of the whole pod's expected memory, and of a worker's private memory. */
  readonly expectedMedian: number;
  readonly expectedWorst: number;
  readonly privateMedian: number;
  readonly privateWorst: number;
  /** The lowest and the median, with sign: below 0 is charged less than measured. */
  readonly chargedLowest: number;
  readonly chargedMedian: number;
}

export interface Table extends Summary {
  /** What the rows are predicted from, the shape that runs last. */
  readonly from: readonly Shape[];
  readonly rows: readonly Row[];
}

export interface Report {
  readonly image: string;
  /** From the first observation. */
  readonly onePoint: Table;
  /** From the first and the second. */
  readonly twoPoints: Table;
  /** Every observation predicted from every other one. */
  readonly everyPair: Summary;
  /** Every observation predicted from every two others with different threads, by where its own threads lie. */
  readonly everyTwo: Readonly<Record<Place, Summary>>;
}

type Place = 'at a measured count of threads' | 'between the two' | 'outside of the two';

/** The first observation is the point that all others are predicted from, the second one the workload's second point. */
export function reportOf(image: string, observations: readonly Observation[]): Report {
  const [first, second, ...others] = observations;
  if (first === undefined || second === undefined) throw new Error('two observations at least are needed');
  const every = observations.flatMap((from) => observations.filter((to) => to !== from).map((to) => rowOf([from], to)));
  const two = everyTwo(observations);
  const at = (place: Place): Summary => summaryOf(two.filter((one) => one.place === place).map(({ row }) => row));
  return {
    image,
    onePoint: tableOf([first], [second, ...others]),
    twoPoints: tableOf([first, second], others),
    everyPair: summaryOf(every),
    everyTwo: {
      'at a measured count of threads': at('at a measured count of threads'),
      'between the two': at('between the two'),
      'outside of the two': at('outside of the two'),
    },
  };
}

function everyTwo(observations: readonly Observation[]): readonly { readonly place: Place; readonly row: Row }[] {
  const pairs = observations.flatMap((a) =>
    observations.filter((b) => b.threads !== a.threads).map((b) => [a, b] as const),
  );
  return pairs.flatMap(([a, b]) =>
    observations
      .filter((to) => to !== a && to !== b)
      .map((to) => ({ place: placeOf(to.threads, a.threads, b.threads), row: rowOf([a, b], to) })),
  );
}

function placeOf(threads: number, a: number, b: number): Place {
  if (threads === a || threads === b) return 'at a measured count of threads';
  return threads > Math.min(a, b) && threads < Math.max(a, b) ? 'between the two' : 'outside of the two';
}

function tableOf(from: readonly Observation[], targets: readonly Observation[]): Table {
  const rows = targets.map((to) => rowOf(from, to));
  return { from: from.map(({ processes, threads }) => ({ processes, threads })), rows, ...summaryOf(rows) };
}

function rowOf(from: readonly Observation[], to: Observation): Row {
  const { charged, expected, privateExpected } = predict(from, to);
  const { processes, threads, served, measured } = to;
  const privateMeasured = privateOf(to);
  const error = (predicted: number, found: number): number => (predicted - found) / found;
  return {
    ...{ processes, threads, served, measured, expected, charged, privateMeasured, privateExpected },
    expectedError: error(expected, measured),
    chargedError: error(charged, measured),
    privateError: error(privateExpected, privateMeasured),
  };
}

function summaryOf(rows: readonly Row[]): Summary {
  const sizes = (read: (row: Row) => number): readonly number[] => rows.map((row) => Math.abs(read(row)));
  const expected = sizes((row) => row.expectedError);
  const ofPrivate = sizes((row) => row.privateError);
  const charged = rows.map((row) => row.chargedError);
  return {
    pairs: rows.length,
    expectedMedian: median(expected),
    expectedWorst: Math.max(...expected),
    privateMedian: median(ofPrivate),
    privateWorst: Math.max(...ofPrivate),
    chargedLowest: Math.min(...charged),
    chargedMedian: median(charged),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return ((low ?? NaN) + (high ?? NaN)) / 2;
}

const HEADS = ['P x T', 'served', 'measured', 'expected', 'error', 'charged', 'error', 'private', 'expected', 'error'];
const COLUMNS = HEADS.map((head): Column => ({ head, align: 'right' }));

export function renderReport({ image, onePoint, twoPoints, everyPair, everyTwo }: Report): string {
  const title = ({ from }: Table): string =>
    `${image}, predicted from ${from.map((shape) => nameOf(shape)).join(' and then ')}`;
  return [onePoint, twoPoints]
    .map((table) => `${title(table)}\n${renderColumns(COLUMNS, table.rows.map(cellsOf))}${linesOf(table)}\n`)
    .join('')
    .concat(`${image}, every shape from every other one\n${linesOf(everyPair)}\n`)
    .concat(
      ...Object.entries(everyTwo).map(
        ([place, summary]) => `${image}, every shape from every two others, ${place}\n${linesOf(summary)}\n`,
      ),
    );
}

function linesOf(summary: Summary): string {
  const { pairs, expectedMedian, expectedWorst, privateMedian, privateWorst, chargedLowest, chargedMedian } = summary;
  return [
    `${pairs} pairs; whole pod expected: median error ${percent(expectedMedian)}, worst ${percent(expectedWorst)}`,
    `private expected: median error ${percent(privateMedian)}, worst ${percent(privateWorst)}`,
    `charged: lowest ${signed(chargedLowest)}, median ${signed(chargedMedian)} of what was measured`,
    '',
  ].join('\n');
}

function cellsOf(row: Row): readonly string[] {
  return [
    nameOf(row),
    row.served.toFixed(1),
    ...[formatSize(row.measured), formatSize(row.expected), signed(row.expectedError)],
    ...[formatSize(row.charged), signed(row.chargedError)],
    ...[formatSize(row.privateMeasured), formatSize(row.privateExpected), signed(row.privateError)],
  ];
}

function nameOf({ processes, threads }: Shape): string {
  return `${processes} x ${threads}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function signed(share: number): string {
  return `${share >= 0 ? '+' : ''}${percent(share)}`;
}
