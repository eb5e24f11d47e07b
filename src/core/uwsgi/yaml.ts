/**
 * YAML as uWSGI reads it with libyaml (core/yaml.c): what Debian's build has. uWSGI takes scanner tokens, not a tree, and
 * most of YAML means something odd to it; so only files of the plain form that people write are read (a map of scalars,
 * lists of scalars), and any other is said to be unread. Edits are lines of that form alone.
 */
import { OUTSIDE } from './c-number.ts';
import { MAX_OPTIONS, MAX_VALUE, type ConfigDocument, type Fault, type Splice } from './dialect.ts';
import { applyMagic, type MagicText } from './magic.ts';
import { insertLineAfter, placedDocument, rawLineAt, wholeLine } from './placed.ts';
import type { PlacedDirective, PlacedSection } from './placed.ts';
import { isEnd, readFlowSequence, readScalar, type Scalar } from './yaml-scalars.ts';

/** Reads a text as YAML. Never fails: what cannot be read is said in the section. */
export function readYaml(raw: string): ConfigDocument {
  const magic = applyMagic(raw);
  return placedDocument({
    text: raw,
    section: (name) => new YamlReader(raw, magic, name).read(),
    insert: (section, after, option) => insert(raw, section, after, option),
  });
}

interface YamlDirective extends PlacedDirective {
  /** The key's column; null where the value stands on a line of its own, or beside others. */
  readonly indent: number | null;
  /** Raw offset of the line with the key. */
  readonly keyLine: number;
}

/** A line that holds something. */
interface Line {
  /** Index of its first character in the text after magic. */
  readonly start: number;
  readonly content: string;
  readonly indent: number;
}

/** Reads one section. Its steps return false where the rest is in a form that is not read here. */
class YamlReader {
  readonly #raw: string;
  readonly #magic: MagicText;
  readonly #asked: string;
  readonly #lines: readonly Line[];
  readonly #directives: YamlDirective[] = [];
  #next = 0;
  #unreadable: Fault | null = null;

  constructor(raw: string, magic: MagicText, asked: string) {
    this.#raw = raw;
    this.#magic = magic;
    this.#asked = asked;
    this.#lines = linesOf(magic.text);
  }

  read(): PlacedSection {
    const found = this.#findSection() && this.#readSection() && this.#directives.length > 0;
    return { found, directives: this.#directives, unreadable: this.#unreadable, fatal: null };
  }

  #refuse(at: number, what: string): false {
    const line = this.#magic.rawLine(at);
    this.#unreadable ??= { line, reason: `${what}: this form of YAML is not read`, cause: 'UnreadForm' };
    return false;
  }

  #peek(): Line | undefined {
    return this.#lines[this.#next];
  }

  /** Goes to the first line of the section; false when there is none. */
  #findSection(): boolean {
    const odd = this.#magic.text.search(ODD_CHARACTERS);
    if (odd !== -1) return this.#refuse(odd, 'a line break or a control character beside newline and tab');
    const long = this.#lines.find(({ content }) => content.length > MAX_VALUE);
    if (long !== undefined) return this.#refuse(long.start, `a line of more than ${MAX_VALUE} characters`);
    if (/^---[ \t]*(?:[ \t]#.*)?$/.test(this.#peek()?.content ?? '')) this.#next++;
    for (let line = this.#peek(); line !== undefined; line = this.#peek()) {
      this.#next++;
      const key = readKey(line);
      if (line.indent > 0 || key === null) return this.#refuse(line.start, 'a line at the top that is no "key:"');
      if (key.name === this.#asked) return this.#enterSection(line, key);
      if (!this.#skip(line, key.end)) return false;
    }
    return false;
  }

  #enterSection(line: Line, key: Key): boolean {
    if (!isEnd(line.content, key.end)) return this.#refuse(line.start, 'a section that begins on the line of its name');
    const first = this.#peek();
    if (first !== undefined && isItem(first)) return this.#refuse(first.start, 'a section that is a list');
    return first !== undefined && first.indent > 0;
  }

  /** Passes a part of the file that is not the section's, if it cannot be taken for it. */
  #skip(head: Line, from: number): boolean {
    let content = head.content.slice(from);
    for (let line = head; ; content = line.content) {
      if (DANGERS.test(content)) return this.#refuse(line.start, 'an anchor, a tag, a quote or a map in another part');
      if (content.includes(`${this.#asked}:`))
        return this.#refuse(line.start, 'the name of the section in another part');
      const next = this.#peek();
      if (next === undefined || (next.indent === 0 && !isItem(next))) return true;
      this.#next++;
      line = next;
    }
  }

  #readSection(): boolean {
    const indent = this.#peek()?.indent ?? 0;
    for (let line = this.#peek(); line !== undefined && this.#directives.length <= MAX_OPTIONS; line = this.#peek()) {
      if (line.indent === 0) return true;
      const key = readKey(line);
      if (line.indent !== indent || key === null) return this.#refuse(line.start, 'a line that is no "key: value"');
      if (key.name.includes(OUTSIDE)) return this.#refuse(line.start, 'a key with a magic variable');
      this.#next++;
      if (!this.#readValue(line, key)) return false;
    }
    return true;
  }

  #readValue(line: Line, key: Key): boolean {
    const { content } = line;
    if (isEnd(content, key.end)) return this.#readList(line, key);
    const at = key.end + content.slice(key.end).search(/[^ \t]/);
    const isFlow = content[at] === '[';
    const scalars = isFlow ? readFlowSequence(content, at) : orNull(readScalar(content, at));
    if (scalars === null) return this.#refuse(line.start, 'a value that is no plain or quoted scalar of one line');
    for (const scalar of scalars) this.#add(line, key, { line, scalar, isAlone: !isFlow });
    // What is deeper goes on with the value.
    const next = this.#peek();
    if (next === undefined || next.indent < line.indent || (next.indent === line.indent && !isItem(next))) return true;
    return this.#refuse(next.start, 'a value of more than one line');
  }

  /** The items of a list under a key; a key with nothing under it sets nothing. */
  #readList(line: Line, key: Key): boolean {
    const first = this.#peek();
    if (first === undefined || first.indent < line.indent || (first.indent === line.indent && !isItem(first)))
      return true;
    if (!isItem(first)) return this.#refuse(first.start, 'a map inside the section');
    let item: Line | undefined = first;
    for (; item?.indent === first.indent && isItem(item); item = this.#peek()) {
      this.#next++;
      const scalar = readScalar(item.content, item.indent + 1);
      if (scalar === null) return this.#refuse(item.start, 'a list item that is no plain or quoted scalar of one line');
      this.#add(line, key, { line: item, scalar, isAlone: false });
    }
    return item === undefined || item.indent <= line.indent || this.#refuse(item.start, 'a line deeper than its list');
  }

  #add(
    keyLine: Line,
    key: Key,
    { line, scalar, isAlone }: { readonly line: Line; readonly scalar: Scalar; readonly isAlone: boolean },
  ): void {
    const { rawOffset, rawLine } = this.#magic;
    const raw = (index: number): number => rawOffset(line.start + index);
    const inner = raw(scalar.inner);
    const isVerbatim = scalar.isVerbatim && this.#raw.startsWith(scalar.value, inner);
    const rawKeyLine = rawOffset(keyLine.start);
    this.#directives.push({
      key: key.name,
      value: scalar.value,
      line: rawLine(line.start),
      lock: isVerbatim ? null : 'is written with an escape or a doubled %',
      span: { from: raw(scalar.from), to: raw(scalar.to - 1) + 1 },
      inner,
      whole: wholeLine(this.#raw, rawLineAt(this.#raw, rawKeyLine)),
      indent: isAlone ? keyLine.indent : null,
      keyLine: rawKeyLine,
    });
  }
}

/** What libyaml takes for a line break or refuses, and tabs that stand where it wants blanks. */
const ODD_CHARACTERS = /\r(?!\n)|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029]|.\ufeff|^ *\t/m;

/** What ends uWSGI's reading unseen, or may go on over the next lines. */
const DANGERS = /(?:^|[\s,[:-])[&*!{]|["']/;

function orNull(scalar: Scalar | null): readonly Scalar[] | null {
  return scalar === null ? null : [scalar];
}

interface Key {
  readonly name: string;
  /** Index behind the colon. */
  readonly end: number;
}

function readKey({ content, indent }: Line): Key | null {
  const key =
    /^(?:"(?<double>[\w.-]+)"|'(?<single>[\w.-]+)'|(?<plain>[\w\uffff][\w.\uffff -]*?))[ \t]*:(?=[ \t]|$)/.exec(
      content.slice(indent),
    );
  if (key === null) return null;
  const { double, single, plain } = key.groups ?? {};
  return { name: double ?? single ?? plain ?? '', end: indent + key[0].length };
}

function isItem({ content, indent }: Line): boolean {
  return /^-(?:[ \t]|$)/.test(content.slice(indent));
}

/** The lines that are neither empty nor a comment. */
function linesOf(text: string): readonly Line[] {
  const lines: Line[] = [];
  for (let start = text.startsWith('\ufeff') ? 1 : 0; start < text.length;) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const content = text.slice(start, text[end - 1] === '\r' && end > start ? end - 1 : end);
    const indent = content.search(/[^ ]/);
    if (indent !== -1 && content[indent] !== '#') lines.push({ start, content, indent });
    start = newline === -1 ? text.length : newline + 1;
  }
  return lines;
}

/** A line with the neighbour's indentation: behind it, or before the section's first when `after` is null. */
function insert(
  text: string,
  section: PlacedSection,
  after: PlacedDirective | null,
  { key, value }: { readonly key: string; readonly value: number },
): Splice | null {
  const neighbour = (after ?? section.directives[0]) as YamlDirective | undefined;
  if (neighbour === undefined) return null;
  const line = rawLineAt(text, neighbour.keyLine);
  const indent = /^ */.exec(text.slice(line.start, line.end))?.[0] ?? '';
  const content = `${indent}${key}: ${value}`;
  if (after !== null) return neighbour.indent === null ? null : insertLineAfter(text, line, content);
  const lineBreak = line.next > line.end ? text.slice(line.end, line.next) : '\n';
  return { from: line.start, to: line.start, insert: content + lineBreak };
}
