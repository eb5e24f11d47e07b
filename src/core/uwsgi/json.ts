/**
 * JSON as uWSGI reads it (core/json.c) with yajl (Debian) and with jansson (what pip builds find): the members of one
 * object, an array being one option for each item. What is nested deeper sets nothing.
 */
import { OUTSIDE } from './c-number.ts';
import { MAX_OPTIONS, type BuildReading, type ConfigDocument, type Fault, type Splice } from './dialect.ts';
import { readJsonTokens, type JsonToken, type JsonTokens } from './json-tokens.ts';
import { applyMagic, type MagicText } from './magic.ts';
import { placedDocument, type PlacedDirective, type PlacedSection } from './placed.ts';

/** jansson gives up at 2048. */
const MAX_DEPTH = 1_000;

/** Reads a text as uWSGI does with yajl. */
export function readJson(raw: string): ConfigDocument {
  const reader = new JsonReader(raw, 'yajl');
  return placedDocument({
    text: raw,
    section: (name) => reader.section(name),
    // First in the object: no other line changes for it, and no block can hold it.
    insert: (section, _, option) => insertFirst(raw, section, option),
  });
}

/** Reads a text as uWSGI does with jansson. */
export function readJanssonJson(raw: string): BuildReading {
  const reader = new JsonReader(raw, 'jansson');
  return { section: (name) => reader.section(name), followsSections: false };
}

type Library = 'yajl' | 'jansson';

interface Member {
  readonly key: string;
  readonly keyToken: JsonToken;
  /** The tokens of its value: one of a scalar, those inside of an array. */
  readonly values: readonly JsonToken[];
  /** Index of the first token of its value. */
  readonly value: number;
}

class JsonReader {
  readonly #raw: string;
  readonly #library: Library;
  readonly #magic: MagicText;
  readonly #read: JsonTokens;

  constructor(raw: string, library: Library) {
    this.#raw = raw;
    this.#library = library;
    this.#magic = applyMagic(raw);
    this.#read = readJsonTokens(this.#magic.text);
  }

  section(name: string): PlacedSection {
    const nothing = { found: false, directives: [], unreadable: null, fatal: null };
    const { error, comment, tokens } = this.#read;
    if (error !== null) return { ...nothing, fatal: this.#fault(error, 'the text is no JSON') };
    if (comment !== null && this.#library === 'jansson') {
      return { ...nothing, fatal: this.#fault(comment, 'a comment, which jansson refuses') };
    }
    const odd = this.#oddity();
    if (odd !== null) return { ...nothing, unreadable: odd };
    const members = tokens[0]?.kind === '{' ? this.#members(0) : [];
    const asked = members.filter(({ key }) => key === name);
    const member = this.#library === 'yajl' ? asked[0] : asked.at(-1);
    if (member === undefined || tokens[member.value]?.kind !== '{') {
      return { ...nothing, fatal: this.#fault(0, `no object "${name}" in the text, and uWSGI exits`) };
    }
    const directives = this.#directives(this.#members(member.value));
    const tooBig = this.#library === 'jansson' ? this.#tooBig() : null;
    return { found: directives.length > 0, directives, unreadable: null, fatal: tooBig };
  }

  #fault(index: number, reason: string): Fault {
    return { line: this.#magic.rawLine(index), reason, cause: 'Fault' };
  }

  /** Forms in which the two libraries cannot be trusted to agree with JavaScript. */
  #oddity(): Fault | null {
    const { text, rawLine } = this.#magic;
    let depth = 0;
    for (const { kind, from, to } of this.#read.tokens) {
      if (kind === '{' || kind === '[') depth++;
      else if (kind === '}' || kind === ']') depth--;
      const isOdd = kind === '"' && /\\u(?:0000|[dD][89a-fA-F])/.test(text.slice(from, to));
      if (depth > MAX_DEPTH || isOdd) {
        const what = isOdd ? 'a NUL or half a character in a string' : `brackets more than ${MAX_DEPTH} deep`;
        return { line: rawLine(from), reason: `${what}: this form of JSON is not read`, cause: 'UnreadForm' };
      }
    }
    return null;
  }

  /** jansson refuses a whole number beyond 64 bits, wherever it stands. */
  #tooBig(): Fault | null {
    const { text } = this.#magic;
    const token = this.#read.tokens.find(({ kind, from, to }) => {
      const number = kind === '0' && to - from > 18 ? text.slice(from, to) : '';
      return /^-?\d+$/.test(number) && BigInt.asIntN(64, BigInt(number)) !== BigInt(number);
    });
    return token === undefined ? null : this.#fault(token.from, 'a number beyond 64 bits, which jansson refuses');
  }

  /** The members of the object whose bracket is the token at an index. */
  #members(open: number): readonly Member[] {
    const { tokens } = this.#read;
    const members: Member[] = [];
    let at = open + 1;
    for (let token = tokens[at]; token?.kind === '"' && members.length <= MAX_OPTIONS; token = tokens[at]) {
      const value = at + 2;
      const end = endOfValue(tokens, value);
      members.push({ key: this.#string(token), keyToken: token, value, values: this.#scalars(value, end) });
      at = tokens[end]?.kind === ',' ? end + 1 : end;
    }
    return members;
  }

  #scalars(value: number, end: number): readonly JsonToken[] {
    const { tokens } = this.#read;
    const first = tokens[value];
    if (first === undefined || first.kind === '{') return [];
    if (first.kind !== '[') return [first];
    const items: JsonToken[] = [];
    for (let at = value + 1; at < end - 1 && items.length <= MAX_OPTIONS; at = endOfValue(tokens, at) + 1) {
      const item = tokens[at];
      if (item !== undefined && (item.kind === '"' || item.kind === '0')) items.push(item);
    }
    return items;
  }

  #string({ from, to }: JsonToken): string {
    return JSON.parse(this.#magic.text.slice(from, to)) as string;
  }

  #directives(members: readonly Member[]): readonly PlacedDirective[] {
    const last = new Map(members.map((member) => [member.key, member]));
    const directives: PlacedDirective[] = [];
    const seen = new Set<string>();
    for (const member of members) {
      // jansson keeps the place of the first of two members, and the value of the last.
      if (this.#library === 'jansson' && seen.has(member.key)) continue;
      seen.add(member.key);
      const { values } = this.#library === 'jansson' ? (last.get(member.key) ?? member) : member;
      for (const token of values) {
        const value = this.#value(token);
        if (value !== null) directives.push(this.#directive(member, token, value));
        if (directives.length > MAX_OPTIONS) return directives;
      }
    }
    return directives;
  }

  /** The value that uWSGI makes of a token; null for a real number with jansson, which it passes over. */
  #value(token: JsonToken): string | null {
    if (token.kind === '"') return this.#string(token);
    const word = this.#magic.text.slice(token.from, token.to);
    if (word === 'true') return '1';
    if (word === 'false' || word === 'null') return '0';
    if (this.#library === 'yajl') return word;
    return /^-?\d+$/.test(word) ? String(BigInt.asIntN(32, BigInt(word))) : null;
  }

  #directive({ key, keyToken }: Member, token: JsonToken, value: string): PlacedDirective {
    const { rawOffset, rawLine } = this.#magic;
    const isString = token.kind === '"';
    const span = { from: rawOffset(token.from), to: rawOffset(token.to - 1) + 1 };
    const inner = isString ? rawOffset(token.from + 1) : span.from;
    const isVerbatim = !isString || this.#raw.startsWith(value, inner);
    return {
      key,
      value,
      line: rawLine(keyToken.from),
      lock: isVerbatim && !key.includes(OUTSIDE) ? null : 'is written with an escape or a doubled %',
      span,
      inner,
      whole: wholeMember(this.#raw, rawOffset(keyToken.from), span.to),
    };
  }
}

/** Index of the token behind a value. */
function endOfValue(tokens: readonly JsonToken[], value: number): number {
  let depth = 0;
  for (let at = value; at < tokens.length; at++) {
    const kind = tokens[at]?.kind;
    if (kind === '{' || kind === '[') depth++;
    else if (kind === '}' || kind === ']') depth--;
    if (depth === 0) return at + 1;
  }
  return tokens.length;
}

/** A member with its comma and the blanks up to the next one: what `insertFirst` brought. */
function wholeMember(raw: string, from: number, end: number): PlacedDirective['whole'] {
  const comma = /^\s*,\s*/.exec(raw.slice(end, end + MAX_GAP))?.[0].length ?? 0;
  return { from, to: end + comma };
}

const MAX_GAP = 1_000;

function insertFirst(
  raw: string,
  section: PlacedSection,
  { key, value }: { readonly key: string; readonly value: number },
): Splice | null {
  const first = section.directives[0];
  if (first === undefined) return null;
  const at = first.whole.from;
  const gap = /(?:\r?\n)?[ \t]*$/.exec(raw.slice(Math.max(0, at - MAX_GAP), at))?.[0] ?? '';
  const isOnOwnLine = gap.includes('\n');
  return { from: at, to: at, insert: `"${key}": ${value},${isOnOwnLine ? gap : ' '}` };
}
