/** The analysis as one self-contained page: no script, nothing loaded from elsewhere, readable on paper. */
import { formatSize, toKib, type Bytes } from '../core/quantity.ts';
import type { BudgetLine } from '../core/recommend/types.ts';
import { describePlatform, describeValues, exactOrDash, residentNote, sizeOrDash } from './analysis-text.ts';
import type { Analysis } from './analysis.ts';

/** Colours of the lines of the sum, told apart also without colour by their place and their row. */
const COLOURS = ['#4269d0', '#efb118', '#ff725c', '#6cc5b0', '#3ca951', '#ff8ab7', '#a463f2', '#97bbf5'];

export function renderHtml(analysis: Analysis): string {
  const { result } = analysis;
  const title =
    result.kind === 'Recommendation' ? describeValues(result) : `No recommendation: ${words(result.reason)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>uwsgi-tuner: ${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<p class="kind">uwsgi-tuner analysis</p>
<h1>${escape(title)}</h1>
<p class="from">Running: ${escape(describeValues(analysis.current))}. ${escape(describePlatform(analysis.platform))}.</p>
${qualityNotes(analysis)}</header>
<main>
${figures(analysis)}
${reasonsSection(analysis)}
${budgetSection(analysis)}
${stackSection(analysis)}
${processSection(analysis)}
</main>
</body>
</html>
`;
}

/** Text as it may stand in HTML, between tags and in attributes. */
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** "DoesNotFit" as "does not fit". */
function words(code: string): string {
  return code
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .trim();
}

function qualityNotes({ pods }: Analysis): string {
  return pods
    .flatMap(({ pod, quality }) => (quality.reason === null ? [] : [`${pod}: ${quality.reason}`]))
    .map((note) => `<p class="warning">${escape(note)}</p>\n`)
    .join('');
}

function figures({ result, totals, limit }: Analysis): string {
  const saved = result.kind === 'Recommendation' ? result.savings : null;
  const cards: readonly (readonly [string, string, string])[] = [
    ['Thread stacks, mapped', sizeOrDash(totals.stackMapped), 'address space, not charged'],
    ['Thread stacks, resident', sizeOrDash(totals.stackResident), 'what the limit charges of it'],
    ...(saved === null
      ? []
      : [
          ['Saved, mapped', formatSize(saved.mapped), 'address space'] as const,
          [
            'Saved, resident',
            saved.resident === 0 ? 'nothing' : formatSize(saved.resident),
            'measured huge pages',
          ] as const,
        ]),
    ...(result.kind === 'Recommendation'
      ? [['Confidence', result.confidence.toFixed(2), 'of 1.00; grows with days and samples'] as const]
      : []),
    ['Memory limit', limit === null ? 'unknown' : formatSize(limit.bytes), limit?.source ?? 'give --limit'],
  ];
  const items = cards.map(
    ([name, value, note]) =>
      `<div><dt>${escape(name)}</dt><dd>${escape(value)}</dd><dd class="note">${escape(note)}</dd></div>`,
  );
  return `<dl class="figures">${items.join('\n')}</dl>`;
}

function reasonsSection({ reasons }: Analysis): string {
  const items = reasons.map(
    (reason) => `<li${reason.startsWith('Warning') ? ' class="warning"' : ''}>${escape(reason)}</li>`,
  );
  return `<section><h2>Why</h2><ul>${items.join('\n')}</ul></section>`;
}

function budgetSection({ result, limit, headroomPercent }: Analysis): string {
  if (result.budget.length === 0) return '';
  const charged = result.budget.reduce((sum, { bytes }) => sum + bytes, 0);
  const expected = result.budget.reduce((sum, { expectedBytes }) => sum + expectedBytes, 0);
  const rows = result.budget.map(
    (line, index) =>
      `<tr><th scope="row"><i style="background:${colour(index)}"></i>${escape(line.name)}</th><td>${formatSize(line.bytes)}</td><td>${formatSize(line.expectedBytes)}</td><td class="text">${line.provenance}</td><td class="text">${escape(line.detail)}</td></tr>`,
  );
  const limitRow =
    limit === null || result.budgetLimit === null
      ? ''
      : `<tr><th scope="row">limit</th><td>${formatSize(result.budgetLimit)}</td><td></td><td class="text">${limit.source}</td><td class="text">${formatSize(limit.bytes)} less ${headroomPercent} % head room</td></tr>`;
  const worst =
    result.kind === 'Refusal'
      ? ''
      : `<tr><th scope="row">worst case</th><td>${formatSize(result.worstCase)}</td><td></td><td></td><td class="text">every stack touched to its end</td></tr>`;
  return `<section><h2>Memory of one pod as recommended</h2>
${bar(result.budget, { charged, limit: result.budgetLimit })}
<table><thead><tr><th scope="col">Line</th><th scope="col">Charged</th><th scope="col">Expected</th><th scope="col" class="text">From</th><th scope="col" class="text">How</th></tr></thead>
<tbody>${rows.join('\n')}</tbody>
<tfoot><tr><th scope="row">sum</th><td>${formatSize(charged)}</td><td>${formatSize(expected)}</td><td></td><td></td></tr>${limitRow}${worst}</tfoot></table>
<p class="note">Charged is counted against the limit (95th percentile, stacks with their margin); expected is what the pod should use under the load that was measured. File cache is outside the sum: the kernel reclaims it.</p></section>`;
}

/** The lines of the sum end to end, with the limit as a mark; drawn to the larger of the two. */
function bar(
  lines: readonly BudgetLine[],
  { charged, limit }: { readonly charged: number; readonly limit: Bytes | null },
): string {
  const whole = Math.max(charged, limit ?? 0, 1);
  let at = 0;
  const parts = lines.map((line, index) => {
    const width = (line.bytes / whole) * 1000;
    const part = `<rect x="${at.toFixed(1)}" y="8" width="${width.toFixed(1)}" height="28" fill="${colour(index)}"><title>${escape(line.name)} ${formatSize(line.bytes)}</title></rect>`;
    at += width;
    return part;
  });
  const mark = limit === null ? null : Math.min(999, (limit / whole) * 1000).toFixed(1);
  const end = mark === null ? '' : `<line x1="${mark}" x2="${mark}" y1="0" y2="44" class="limit"/>`;
  const label =
    limit === null
      ? `${formatSize(charged)} charged, no limit known`
      : `${formatSize(charged)} charged of ${formatSize(limit)}`;
  return `<svg class="bar" viewBox="0 0 1000 44" preserveAspectRatio="none" role="img" aria-label="${escape(label)}"><rect x="0" y="8" width="1000" height="28" class="free"/>${parts.join('')}${end}</svg>
<p class="caption">${escape(label)}</p>`;
}

function stackSection({ stackTable, totals, current, result }: Analysis): string {
  if (stackTable.length === 0) return '';
  const blog = stackTable.some((row) => row.blog !== null);
  const chosen = result.kind === 'Recommendation' ? result.threadStackSize : null;
  const rows = stackTable.map(({ size, mapped, provenance, blog: figure, risk }) => {
    const mark = size === chosen ? ' class="chosen"' : '';
    const note = risk === null ? (size === chosen ? 'recommended' : '') : risk.text;
    const warned = risk !== null && risk.kind !== 'unmeasured' ? ' warning' : '';
    return `<tr${mark}><th scope="row">${toKib(size)}K</th><td>${formatSize(mapped)}</td><td class="text">${provenance}</td>${blog ? `<td>${figure ?? ''}</td>` : ''}<td class="text${warned}">${escape(note)}</td></tr>`;
  });
  return `<section><h2>Thread stacks of ${current.processes} x ${current.threads}, by size</h2>
<table><thead><tr><th scope="col">Stack</th><th scope="col">Mapped</th><th scope="col" class="text"></th>${blog ? '<th scope="col">Blog</th>' : ''}<th scope="col" class="text">Risk</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table>
<p class="note">${escape(residentNote(totals))}</p></section>`;
}

function processSection({ pods, totals }: Analysis): string {
  const rows = pods.flatMap(({ pod, processes }) =>
    processes.map(
      ({ pid, role, threadStacks, rss, pss, arenas }) =>
        `<tr><td class="text">${escape(pod)}</td><td>${pid ?? '-'}</td><td class="text">${role ?? '-'}</td><td>${threadStacks.count ?? '-'}</td><td>${exactOrDash(threadStacks.size)}</td><td>${sizeOrDash(threadStacks.mapped)}</td><td>${sizeOrDash(threadStacks.resident)}</td><td>${sizeOrDash(threadStacks.highWater)}</td><td>${sizeOrDash(rss)}</td><td>${sizeOrDash(pss)}</td><td>${arenas.count ?? '-'}</td></tr>`,
    ),
  );
  return `<section><h2>Processes</h2>
<table><thead><tr><th scope="col" class="text">Pod</th><th scope="col">PID</th><th scope="col" class="text">Role</th><th scope="col">Stacks</th><th scope="col">Size</th><th scope="col">Mapped</th><th scope="col">Resident</th><th scope="col">High-water</th><th scope="col">Rss</th><th scope="col">Pss</th><th scope="col">Arenas</th></tr></thead>
<tbody>${rows.join('\n')}</tbody>
<tfoot><tr><th scope="row" class="text">all</th><td></td><td></td><td>${totals.stackCount ?? '-'}</td><td></td><td>${sizeOrDash(totals.stackMapped)}</td><td>${sizeOrDash(totals.stackResident)}</td><td>${sizeOrDash(totals.stackHighWater)}</td><td>${sizeOrDash(totals.rss)}</td><td>${sizeOrDash(totals.pss)}</td><td></td></tr></tfoot></table>
<p class="note">A dash: this form of capture does not tell.</p></section>`;
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? '#888';
}

const STYLE = `
:root { color-scheme: light; font: 15px/1.5 system-ui, sans-serif; color: #1c2024; background: #fff; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; }
.kind { text-transform: uppercase; letter-spacing: .08em; font-size: .75rem; color: #5b6570; margin: 0; }
.from, .note, .caption { color: #5b6570; }
.note, .caption { font-size: .85rem; }
.warning { color: #a4262c; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr)); gap: .75rem; margin: 1.5rem 0 0; }
.figures > div { border: 1px solid #d8dde2; border-radius: 6px; padding: .6rem .75rem; }
.figures dt { font-size: .8rem; color: #5b6570; }
.figures dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.figures dd.note { font-size: .75rem; }
ul { padding-left: 1.2rem; margin: .25rem 0; }
li { margin: .2rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid #e4e8ec; vertical-align: top; font-weight: normal; }
thead th { color: #5b6570; border-bottom-color: #b6bec6; }
th[scope=row], tbody td.text, thead th.text, .text { text-align: left; }
thead th:first-child { text-align: left; }
tfoot th, tfoot td { font-weight: 600; }
tr.chosen > * { background: #eaf2ff; font-weight: 600; }
i { display: inline-block; width: .7rem; height: .7rem; border-radius: 2px; margin-right: .45rem; }
.bar { width: 100%; height: 44px; display: block; margin-top: .75rem; }
.bar .free { fill: #eceff2; }
.bar .limit { stroke: #1c2024; stroke-width: 2; vector-effect: non-scaling-stroke; }
@media print {
  body { margin: 0; max-width: none; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  section { break-inside: avoid; }
}`;
