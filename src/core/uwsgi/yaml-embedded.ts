/**
 * YAML as uWSGI's own parser reads it (core/yaml.c without libyaml): what builds by pip have. No quotes, a `#` cuts
 * anywhere, and a line that is a list item, or has no `: `, ends the section.
 */
import { MAX_OPTIONS, type BuildReading, type Directive, type SectionReading } from './dialect.ts';
import { applyMagic } from './magic.ts';

/** Reads a text. Never fails: every text is YAML to this parser. */
export function readEmbeddedYaml(raw: string): BuildReading {
  const { text, rawLine } = applyMagic(raw);
  return { section: (name) => readSection(text, name, rawLine), followsSections: false };
}

function readSection(text: string, asked: string, rawLine: (index: number) => number): SectionReading {
  const directives: Directive[] = [];
  const done = (found: boolean): SectionReading => ({ found, directives, unreadable: null, fatal: null });
  let inSection = false;
  let current = 0;
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf('\n', start);
    const next = newline === -1 ? text.length : newline + 1;
    const line = cString(text.slice(start, newline === -1 ? text.length : newline));
    const at = start;
    start = next;
    if (line === '') continue;
    if (directives.length > MAX_OPTIONS) return done(true);
    const depth = depthOf(line);
    if (depth <= current) {
      current = depth;
      if (inSection) return done(true);
    } else if (!inSection) continue;

    const key = line.replace(/^[ \t\r]+/, '');
    if (key === '') continue;
    if (/^[-[{]/.test(key)) {
      if (inSection) return done(true);
      continue;
    }
    if (!inSection) {
      const colon = key.indexOf(':');
      inSection = colon !== -1 && key.slice(0, colon) === asked;
      continue;
    }
    const colon = key.includes(': ') ? key.indexOf(': ') : key.indexOf(':\t');
    if (colon === -1) return done(true);
    const value = stripEnd(key.slice(colon + 2).replace(/^[ \t\r]+/, ''));
    directives.push({ key: stripEnd(key.slice(0, colon)), value, line: rawLine(at), lock: null });
  }
  return done(inSection);
}

/** A line ends at a `#`, and as every C string at a NUL. */
function cString(line: string): string {
  const end = line.search(/[#\0]/);
  return end === -1 ? line : line.slice(0, end);
}

function depthOf(line: string): number {
  let depth = 0;
  for (const character of line) {
    if (character === ' ') depth++;
    else if (character === '\t' || character === '\r') depth += 8;
    else break;
  }
  return depth;
}

function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--;
  return text.slice(0, end);
}
