/** Captures of every form, damaged: an answer or one line, never an exception, never a figure that is no size. */
import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { analysisData } from '../../../src/cli/analysis-data.ts';
import { analyseSamples } from '../../../src/cli/analysis.ts';
import { splitCapture } from '../../../src/core/memory/capture.ts';
import { describeParseError, isParseError } from '../../../src/core/memory/mapping.ts';
import { readCapture } from '../../../src/core/memory/read-capture.ts';
import { sampleFromCapture } from '../../../src/core/memory/sample-from-capture.ts';
import type { ProcessFootprint, Sample } from '../../../src/core/memory/sample.ts';
import { mib } from '../../../src/core/quantity.ts';
import { addSample, decodeDigest, emptyDigest, encodeDigest } from '../../../src/core/recommend/digest.ts';
import { isOneLine, law, mutate, mutations, subject } from '../subject.ts';

const ROOT = new URL('../../fixtures/captures/', import.meta.url);
const IDENTITY = { pod: 'web-1', podUid: 'uid-1', node: 'node-1', takenAt: 1_700_000_000_000 };
const latin1 = new TextDecoder('latin1');

function fixture(name: string): Uint8Array {
  return gunzipSync(readFileSync(new URL(name, ROOT)));
}

/** A saved stream with at most so many rows of each process, which keeps it whole and small. */
function thinned(stream: Uint8Array, rows: number): Uint8Array {
  let seen = 0;
  let keeps = true;
  const lines = latin1.decode(stream).split('\n');
  const kept = lines.filter((line) => {
    if (line.startsWith('@')) [seen, keeps] = [0, true];
    else if (/^[0-9a-f]{8,}-[0-9a-f]{8,} /.test(line)) keeps = ++seen <= rows;
    else if (!/^[A-Z]\w+:/.test(line)) keeps = true;
    return keeps;
  });
  return Buffer.from(kept.join('\n'), 'latin1');
}

/** The first rows of a smaps or pmap text. */
function head(text: Uint8Array, lines: number): Uint8Array {
  return Buffer.from(`${latin1.decode(text).split('\n').slice(0, lines).join('\n')}\n`, 'latin1');
}

const STREAMS = ['1x1', '1x10-pyuwsgi', '1x10-uid-drop', '2x20-64k', '2x8-256k-others', 'forky-2x12-64k-mule'];
const SMALL = [
  ...STREAMS.map((name) => thinned(fixture(`${name}.capture.gz`), 6)),
  head(fixture('linux7.2-glibc2.43-py3.14/3x1/452.smaps.gz'), 150),
  head(fixture('linux6.1-glibc2.36-py3.11-thp-always/1x60-8m/530.smaps.gz'), 120),
  ...['', '-x', '-X', '-XX'].map((form) => head(fixture(`pmap/2x8-256k-others.pmap${form}.gz`), 30)),
];
const WHOLE = [fixture('1x40-deep.capture.gz'), fixture('pmap/2x8-256k-others.pmap.gz')];

const TOKENS = [
  ...[
    '\n',
    ' ',
    '\0',
    '\r\n',
    '@end 1\n',
    '@end 0\n',
    '@process 1 1 -\n',
    '@parts 1 7\n',
    'Linux\n',
    '@conf\n',
    '-',
    ' kB\n',
  ],
  ...[
    '9999999999999',
    '18446744073709551615',
    '-1',
    '1e308',
    'ffffffffffffffff',
    '0000000000000000-',
    'Size: 8796093022208 kB\n',
  ],
  ...[
    'VmFlags: gu nh\n',
    '[anon]',
    '---p',
    'rw-p',
    '(uwsgi) S 1 ',
    'Threads:\t9\n',
    '=',
    '\u001f\u008b',
    '1:   uwsgi\n',
    ' total 1K\n',
  ],
];

const NOTHING = new Uint8Array();
const BASES = [...SMALL, ...WHOLE];

const input = fc.record({
  base: fc.oneof(
    { weight: 200, arbitrary: fc.nat({ max: SMALL.length - 1 }) },
    { weight: 1, arbitrary: fc.integer({ min: SMALL.length, max: BASES.length - 1 }) },
  ),
  other: fc.nat({ max: SMALL.length - 1 }),
  steps: mutations(TOKENS),
  /** Mutations of the compressed form; most inputs are plain. */
  zipped: fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, mutations(TOKENS)),
});

const CODES = ['Empty', 'TooLarge', 'NotGzip', 'NotCapture', 'CutShort', 'Malformed'];
const options = { gunzip: (bytes: Uint8Array): Uint8Array => gunzipSync(bytes, { maxOutputLength: 1 << 22 }) };

export const captures = subject('captures', 30, input, ({ base, other, steps, zipped }) => {
  const plain = mutate(BASES[base] ?? NOTHING, BASES[other] ?? NOTHING, steps);
  const bytes = zipped === null ? plain : mutate(gzipSync(plain), plain, zipped);
  const capture = splitCapture(bytes, options.gunzip);
  if (capture.ok) checkSample(sampleFromCapture(capture.sections, IDENTITY));
  else
    law(CODES.includes(capture.code) && isOneLine(capture.message, 500), `refusal ${capture.code}: ${capture.message}`);
  const file = readCapture(bytes, 'x', options);
  if (isParseError(file)) {
    const line = describeParseError(file, 'x');
    law(isOneLine(line, 1000), `no line for a person: ${JSON.stringify(line)}`);
    return;
  }
  for (const process of file.processes) checkFigures(process);
  if (capture.ok) return;
  const { processes, platform, cgroup } = file;
  const quality = file.quality ?? { tier: 'smaps' as const, reason: null };
  checkSample({ ...IDENTITY, quality, platform, cgroup, processes });
});

/** A sample goes all the way: into a digest and back, and into an analysis. */
function checkSample(sample: Sample): void {
  for (const process of sample.processes) checkFigures(process);
  if (sample.processes.length === 0) return;
  const digest = addSample(emptyDigest(), sample, { image: 'shop/web:1', nowMs: sample.takenAt });
  const stored: unknown = JSON.parse(JSON.stringify(encodeDigest(digest)));
  law(
    JSON.stringify(encodeDigest(decodeDigest(stored))) === JSON.stringify(stored),
    'the digest does not survive status',
  );
  const analysis = analyseSamples({ samples: [sample], limit: mib(512), config: null });
  law(JSON.stringify(analysisData(analysis)).length > 0, 'no analysis');
  const { result } = analysis;
  if (result.kind !== 'Recommendation') return;
  law(result.processes >= 1 && result.threads >= 1, `recommends ${result.processes} x ${result.threads}`);
  law(result.charged <= (result.budgetLimit ?? 0), `charges ${result.charged} of ${String(result.budgetLimit)}`);
}

/** Every figure is null or a size or a count: whole, not negative, exact. */
function checkFigures({ role: _role, threadStacks, arenas, ...figures }: ProcessFootprint): void {
  for (const [name, value] of Object.entries({
    ...figures,
    ...threadStacks,
    arena: arenas.resident,
    arenas: arenas.count,
  })) {
    law(value === null || (Number.isSafeInteger(value) && value >= 0), `${name} is ${String(value)}`);
  }
}
