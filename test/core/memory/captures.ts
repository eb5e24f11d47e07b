/** The captures under test/fixtures/captures, and how a test looks at them. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { CaptureFile } from '../../../src/core/memory/read-capture.ts';
import { readCapture } from '../../../src/core/memory/read-capture.ts';
import { splitCapture } from '../../../src/core/memory/capture.ts';
import type { CaptureSections } from '../../../src/core/memory/capture.ts';
import { describeParseError, isParseError } from '../../../src/core/memory/mapping.ts';
import type { ProcessFootprint, Sample } from '../../../src/core/memory/sample.ts';
import { sampleFromCapture } from '../../../src/core/memory/sample-from-capture.ts';

const ROOT = new URL('../../fixtures/captures/', import.meta.url);

export const IDENTITY = { pod: 'web-1', podUid: 'uid-1', node: 'node-1', takenAt: 1_700_000_000_000 };

/** The bytes of a fixture. */
export function fixture(name: string): Uint8Array {
  return readFileSync(new URL(name, ROOT));
}

/** A fixture that is kept compressed, as it was. */
export function unzipped(name: string): Uint8Array {
  return gunzipSync(fixture(name));
}

/** The sections of a saved stream. */
export function sections(name: string): CaptureSections {
  const capture = splitCapture(fixture(`${name}.capture.gz`), gunzipSync);
  if (!capture.ok) throw new Error(capture.message);
  return capture.sections;
}

/** The sample of a saved stream. */
export function sample(name: string): Sample {
  return sampleFromCapture(sections(name), IDENTITY);
}

/** A capture file of any form. */
export function file(name: string): CaptureFile {
  const read = readCapture(fixture(name), name, { gunzip: gunzipSync });
  if (isParseError(read)) throw new Error(describeParseError(read, name));
  return read;
}

/** One process on one line: role, threads, stacks "count x size", resident, high-water mark; KiB, "?" for null. */
export function summary(process: ProcessFootprint): string {
  const kib = (value: number | null): string => (value === null ? '?' : String(value / 1024));
  const { count, size, resident, highWater, hugePages } = process.threadStacks;
  return (
    `${process.role ?? '?'} ${process.threads ?? '?'}t: ${count ?? '?'} x ${kib(size)}, resident ${kib(resident)}, ` +
    `high ${kib(highWater)}, huge ${kib(hugePages)}`
  );
}
