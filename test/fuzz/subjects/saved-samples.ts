/** Saved samples that somebody edited: one line of refusal, or an analysis in every form of output. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { analysisData } from '../../../src/cli/analysis-data.ts';
import { renderHtml } from '../../../src/cli/analysis-html.ts';
import { renderAnalysis } from '../../../src/cli/analysis-text.ts';
import { analyseSamples } from '../../../src/cli/analysis.ts';
import { CommandError } from '../../../src/cli/io.ts';
import { readSavedSamples } from '../../../src/cli/saved-sample.ts';
import type { Sample } from '../../../src/core/memory/sample.ts';
import { mib } from '../../../src/core/quantity.ts';
import { edited, edits } from '../json.ts';
import { isOneLine, law, subject } from '../subject.ts';

const FILE = new URL('../../fixtures/samples/4x100-8m.json', import.meta.url);
const SAVED: unknown = JSON.parse(readFileSync(FILE, 'utf8'));

const input = fc.record({ edits, twice: fc.boolean(), limit: fc.option(fc.constantFrom(mib(1), mib(512), mib(1e9))) });

export const savedSamples = subject('saved', 5, input, ({ edits: all, twice, limit }) => {
  const value = edited(SAVED, all);
  const samples = readOrRefusal(twice ? [SAVED, value] : value);
  if (typeof samples === 'string') {
    law(isOneLine(samples, 1000), `no line for a person: ${samples}`);
    return;
  }
  if (samples.some(({ processes }) => processes.length === 0)) return;
  const analysis = analyseSamples({ samples, limit, config: null });
  const texts = [JSON.stringify(analysisData(analysis)), renderAnalysis(analysis), renderHtml(analysis)];
  law(
    texts.every((text) => !/NaN|Infinity|undefined|\[object/.test(text)),
    'a figure that is none',
  );
});

function readOrRefusal(value: unknown): readonly Sample[] | string {
  try {
    return readSavedSamples(value, 'a.json');
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
  }
}
