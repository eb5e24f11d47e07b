/**
 * How fast smaps text is parsed beside a newline scan of the same bytes: run by hand, `node bench/parse.ts [ROUNDS]`.
 *
 * The scan finds every line end with `indexOf` on the very Uint8Array that the parser gets; it is the least that any
 * reader of lines does. The texts are captures of real processes, whole and as the sampler sends them: without the lines
 * that say 0 kB. Each round runs both in turn, in changing order.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { isParseError } from '../src/core/memory/mapping.ts';
import { parseSmaps, parseSparseSmaps } from '../src/core/memory/parse-smaps.ts';
import { median } from './measure.ts';

const CAPTURES = join(import.meta.dirname, '..', 'test', 'fixtures', 'captures');
const NEWLINE = 10;
/** A text is read so often in one run that it takes a few milliseconds: more is seldom left alone by a busy machine. */
const BYTES_A_RUN = 2 ** 20;

interface Text {
  readonly name: string;
  /** Of the text with all its lines. */
  readonly wholeBytes: number;
  readonly bytes: Uint8Array;
  readonly parse: typeof parseSmaps;
}

function texts(): readonly Text[] {
  const names = readdirSync(CAPTURES, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.smaps.gz'),
  );
  return names.flatMap((name) => {
    const whole = gunzipSync(readFileSync(join(CAPTURES, name))).toString('latin1');
    const sparse = whole.replaceAll(/^[A-Z]\w+: +0 kB\n/gm, '');
    return [
      { name, wholeBytes: whole.length, bytes: new Uint8Array(Buffer.from(whole, 'latin1')), parse: parseSmaps },
      {
        name: `${name} without zeros`,
        bytes: new Uint8Array(Buffer.from(sparse, 'latin1')),
        parse: parseSparseSmaps,
        wholeBytes: whole.length,
      },
    ];
  });
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}

function countRows({ bytes, parse }: Text): number {
  const rows = parse(bytes);
  if (isParseError(rows)) throw new Error(rows.found);
  return rows.length;
}

/** Bytes a second, and what was counted, so that no run is optimised away. */
function speed({ length }: Uint8Array, work: () => number): { readonly speed: number; readonly count: number } {
  const times = Math.ceil(BYTES_A_RUN / length);
  let count = 0;
  const begun = performance.now();
  for (let i = 0; i < times; i += 1) count += work();
  return { speed: (length * times) / ((performance.now() - begun) / 1000), count: count / times };
}

interface Result {
  /** Speed of the parser by speed of the scan, of the same bytes. */
  readonly ratio: number;
  /** Of the scan of the whole text by the time of the parser: what is left out need not be parsed. */
  readonly wholeRatio: number;
  readonly line: string;
}

function measure(text: Text, rounds: number): Result {
  const scan: number[] = [];
  const parse: number[] = [];
  let counted = '';
  const scanned = (): ReturnType<typeof speed> => speed(text.bytes, () => countLines(text.bytes));
  for (let round = 0; round < rounds; round += 1) {
    const before = round % 2 === 0 ? scanned() : null;
    const parsed = speed(text.bytes, () => countRows(text));
    const lines = before ?? scanned();
    scan.push(lines.speed);
    parse.push(parsed.speed);
    counted = `${String(text.bytes.length)} B, ${String(lines.count)} lines, ${String(parsed.count)} rows`;
  }
  // The fastest of each: what slows a run is the machine.
  const ratio = Math.max(...parse) / Math.max(...scan);
  const speeds = `parse ${mb(parse)}, scan ${mb(scan)}`;
  const wholeRatio = (ratio * text.wholeBytes) / text.bytes.length;
  return { ratio, wholeRatio, line: `${percent(ratio)} of the scan: ${speeds}; ${text.name}: ${counted}\n` };
}

function mb(speeds: readonly number[]): string {
  return `${(Math.max(...speeds) / 1e6).toFixed(0)} MB/s`;
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(0)} %`;
}

const rounds = Number(process.argv[2] ?? 100);
const all = texts();
// The first rounds are of code that is not compiled yet; a controller parses for weeks.
for (const text of all) measure(text, 2);
for (const kind of [parseSmaps, parseSparseSmaps]) {
  const results = all.filter(({ parse }) => parse === kind).map((text) => measure(text, rounds));
  for (const { line } of results) process.stdout.write(line);
  const what = kind === parseSmaps ? 'whole smaps' : 'smaps without zeros';
  for (const [bytes, ratios] of [
    ['the same bytes', results.map(({ ratio }) => ratio)],
    ['the whole text', results.map(({ wholeRatio }) => wholeRatio)],
  ] as const) {
    const least = percent(Math.min(...ratios));
    process.stdout.write(`${what}: median ${percent(median(ratios))}, least ${least} of a scan of ${bytes}\n`);
  }
}
