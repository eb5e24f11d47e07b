/** The part that needs no cluster: recorded captures through the same code, labelled as recorded. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { analyseSamples, type Analysis } from '../../src/cli/analysis.ts';
import { describePlatform } from '../../src/cli/analysis-text.ts';
import { splitCapture } from '../../src/core/memory/capture.ts';
import { sampleFromCapture } from '../../src/core/memory/sample-from-capture.ts';
import { formatSize, toExactKib } from '../../src/core/quantity.ts';
import { renderDiff } from '../../src/core/uwsgi/diff.ts';
import { editConfig } from '../../src/core/uwsgi/edit.ts';
import { pmapRows } from './capture.ts';
import { present, Unmet } from './expectation.ts';
import { BLOG, iniText } from './manifests.ts';
import { diffBlock, figures, mebibytes, reasonsList, stackTable, sumTable } from './story/tables.ts';
import { indent, wrap, type Paint } from './text.ts';

const FOLDER = join('test', 'fixtures', 'captures');
const ROOT = join(import.meta.dirname, '..', '..');

/** The blog's shape on Python 3.11, and a Python that meets a small stack otherwise. */
const CAPTURES = ['4x100.capture.gz', 'forky-1x100.capture.gz'];

export interface Recorded {
  readonly file: string;
  /** What the folder's README says of it. */
  readonly note: string;
  readonly analysis: Analysis;
  readonly pmap: readonly string[];
}

export function readRecorded(): readonly Recorded[] {
  const readme = readFileSync(join(ROOT, FOLDER, 'README.md'), 'utf8');
  return CAPTURES.map((file) => {
    const capture = splitCapture(readFileSync(join(ROOT, FOLDER, file)), (member) => gunzipSync(member));
    if (!capture.ok) throw new Unmet(`a whole capture in ${file}`, capture.message);
    const identity = { pod: basename(file), podUid: file, node: '', takenAt: 0 };
    const sample = sampleFromCapture(capture.sections, identity);
    const analysis = analyseSamples({ samples: [sample], limit: null, config: null });
    const size = sample.processes.find(({ threadStacks }) => threadStacks.size !== null)?.threadStacks.size ?? null;
    const pmap = size === null ? [] : pmapRows(capture.sections.processes, size);
    return { file: join(FOLDER, file), note: noteOf(readme, file), analysis, pmap };
  });
}

/** The capture's row in the README's table as one phrase. */
function noteOf(readme: string, file: string): string {
  const name = file.replace('.capture.gz', '');
  const row = readme.split('\n').find((line) => line.startsWith(`| ${name} |`)) ?? '';
  const [, , ...cells] = row.split('|').map((cell) => cell.trim());
  return cells.filter((cell) => cell !== '').join('; ');
}

/** Each line of a recorded part is told from a live one by its mark at the left edge. */
export const MARK = 'RECORDED';

export function renderRecorded({ file, note, analysis, pmap }: Recorded, paint: Paint): string {
  const { totals, result, current } = analysis;
  const recommended = result.kind === 'Recommendation' ? result.threadStackSize : null;
  const rows = pmap.length === 0 ? '' : `\nFrom the memory map of one worker:\n\n${indent(pmap.join('\n'), '    ')}\n`;
  return [
    wrap(`${MARK} capture ${file} (${note}). ${describePlatform(analysis.platform)}.`),
    rows,
    '\n',
    wrap(
      `${current.processes} x ${current.threads} with ${totals.stackCount ?? 'an unknown number of'} thread stacks:`,
    ),
    '\n',
    figures([
      ['mapped', stacksOf(totals.stackMapped), 'address space, which a memory limit does not charge'],
      ['resident', stacksOf(totals.stackResident), 'pages ever touched, which it does charge'],
      ['deepest', totals.stackHighWater === null ? 'unknown' : formatSize(totals.stackHighWater), 'of one stack'],
    ]),
    '\n',
    stackTable(analysis.stackTable, recommended, paint),
    '\n',
    sumPart(analysis),
    '\n',
    reasonsList(analysis.reasons, paint),
  ].join('');
}

function sumPart({ result, limit, headroomPercent }: Analysis): string {
  if (limit === null || result.budgetLimit === null) return '';
  return sumTable({
    lines: result.budget,
    limit: result.budgetLimit,
    limitDetail: `${formatSize(limit.bytes)} less ${headroomPercent} % head room`,
    worstCase: result.kind === 'Recommendation' ? result.worstCase : null,
  });
}

function stacksOf(size: number | null): string {
  return size === null ? 'unknown' : mebibytes(size);
}

/** The edit that the recommendation for the first capture would be, made on the demo's own config. */
export function renderRecordedEdit({ analysis }: Recorded, paint: Paint): string {
  const { result } = analysis;
  if (result.kind !== 'Recommendation') throw new Unmet('a recommendation for the recorded capture', result.message);
  const size = present(result.threadStackSize, 'a recommended stack size');
  const before = iniText(BLOG);
  const edit = editConfig(before, { format: 'Ini', section: 'uwsgi' }, { threadStackSize: size });
  if (!edit.ok) throw new Unmet(`an edit to ${toExactKib(size)}`, JSON.stringify(edit.refusals));
  return [
    wrap(
      'What a change would write into the config of such a workload (computed now, on an example, nothing written):',
    ),
    '\n',
    diffBlock(renderDiff(before, edit.text), paint),
    '\n',
    wrap(
      'Not shown here, because it needs a cluster: the rollout, the measurement after it, and a bad change put back.',
    ),
  ].join('');
}
