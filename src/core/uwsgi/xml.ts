/**
 * XML as uWSGI reads it (core/xmlconf.c) with libxml2 (Debian) and with expat (pip builds): the elements inside of
 * `<uwsgi>` are the options. A section is the `id` that is asked for; "uwsgi" stands for none.
 */
import { OUTSIDE } from './c-number.ts';
import {
  MAX_OPTIONS,
  type BuildReading,
  type ConfigDocument,
  type Directive,
  type Fault,
  type Splice,
} from './dialect.ts';
import { applyMagic, type MagicText } from './magic.ts';
import { placedDocument, type PlacedDirective, type PlacedSection } from './placed.ts';
import { readXmlTokens, type XmlToken } from './xml-tokens.ts';

type OpenToken = Extract<XmlToken, { readonly kind: 'open' }>;

/** Reads a text as uWSGI does with libxml2. */
export function readXml(raw: string): ConfigDocument {
  const reader = new XmlReader(raw);
  return placedDocument({
    text: raw,
    section: (name) => reader.libxml2(name),
    // First in the section: no block can hold it.
    insert: (section, _, option) => insertFirst(raw, section, option),
  });
}

/** Reads a text as uWSGI does with expat. */
export function readExpatXml(raw: string): BuildReading {
  const reader = new XmlReader(raw);
  return { section: (name) => reader.expat(name), followsSections: false };
}

const NOTHING = { found: false, directives: [], unreadable: null, fatal: null };

class XmlReader {
  readonly #raw: string;
  readonly #magic: MagicText;
  readonly #tokens: readonly XmlToken[];
  readonly #unreadable: Fault | null;

  constructor(raw: string) {
    this.#raw = raw;
    this.#magic = applyMagic(raw);
    const read = readXmlTokens(this.#magic.text);
    this.#tokens = 'tokens' in read ? read.tokens : [];
    const odd = 'tokens' in read ? this.#oddTag() : { at: read.at, what: read.what };
    this.#unreadable = odd === null ? null : this.#unread(odd.at, odd.what);
  }

  #unread(at: number, what: string): Fault {
    return { line: this.#magic.rawLine(at), reason: `${what}: this form of XML is not read`, cause: 'UnreadForm' };
  }

  /** `mode` picks elements by the command line; `<app>` and parts from the pod mean things of their own. */
  #oddTag(): { readonly at: number; readonly what: string } | null {
    const root = this.#tokens.find(({ kind }) => kind === 'open');
    for (const token of this.#tokens) {
      if (token.kind !== 'open') continue;
      const isFromPod = this.#magic.text.slice(token.from, token.to).includes(OUTSIDE);
      if (isFromPod) return { at: token.from, what: 'a tag with a magic variable' };
      if (token.name === 'app' && token !== root) return { at: token.from, what: 'an element <app>' };
      if (token.attributes.some(([name]) => name === 'mode')) return { at: token.from, what: 'an attribute "mode"' };
    }
    return null;
  }

  libxml2(section: string): PlacedSection {
    if (this.#unreadable !== null) return { ...NOTHING, unreadable: this.#unreadable };
    const root = this.#uwsgiElement(section);
    if (root === null) return { ...NOTHING, fatal: this.#noElement() };
    const directives: PlacedDirective[] = [];
    let depth = 0;
    for (let at = root.index + 1; at < this.#tokens.length && directives.length <= MAX_OPTIONS; at++) {
      const token = this.#tokens[at];
      if (token === undefined || root.token.isEmpty) break;
      if (token.kind === 'close') {
        if (depth === 0) break;
        depth--;
      }
      if (depth === 0 && token.kind === 'cdata') {
        return { ...NOTHING, unreadable: this.#unread(token.from, 'CDATA between the options') };
      }
      if (token.kind !== 'open') continue;
      if (depth === 0 && isAsked(token, section)) {
        const directive = this.#directive(token, at);
        if (directive === null)
          return {
            ...NOTHING,
            fatal: this.#fault(token.from, 'an option that begins with an element, and uWSGI crashes'),
          };
        directives.push(directive);
      }
      if (!token.isEmpty) depth++;
    }
    return { found: directives.length > 0, directives, unreadable: null, fatal: null };
  }

  expat(section: string): SectionOfExpat {
    if (this.#unreadable !== null) return { ...NOTHING, unreadable: this.#unreadable };
    if (this.#magic.text.startsWith('\ufeff')) {
      return { ...NOTHING, fatal: this.#fault(0, 'a byte order mark, which uWSGI with expat refuses') };
    }
    const asked = section === 'uwsgi' ? null : section;
    const directives: Directive[] = [];
    let inside = false;
    let key: { readonly name: string; readonly from: number } | null = null;
    const add = (value: string): void => {
      if (key !== null && inside)
        directives.push({ key: key.name, value, line: this.#magic.rawLine(key.from), lock: null });
      key = null;
    };
    for (const token of this.#tokens) {
      if (directives.length > MAX_OPTIONS) break;
      if (token.kind === 'open') {
        if (inside) key = token;
        else inside = token.name === 'uwsgi' && (asked === null || isFirstId(token, asked));
        if (token.isEmpty) inside = this.#close(token.name, inside, add);
      } else if (token.kind === 'close') inside = this.#close(token.name, inside, add);
      else if (token.kind !== 'comment' && token.value !== '') add(firstPiece(token, this.#magic.text));
    }
    return { found: directives.length > 0, directives, unreadable: null, fatal: null };
  }

  #close(name: string, inside: boolean, add: (value: string) => void): boolean {
    if (!inside) return false;
    if (name === 'uwsgi') return false;
    add('1');
    return true;
  }

  #noElement(): Fault {
    return this.#fault(0, 'no element <uwsgi> in the text, and uWSGI exits');
  }

  #fault(at: number, reason: string): Fault {
    return { line: this.#magic.rawLine(at), reason, cause: 'Fault' };
  }

  /** The root, or the first `<uwsgi>` in it that does not have another id. */
  #uwsgiElement(section: string): { readonly token: OpenToken; readonly index: number } | null {
    let depth = 0;
    for (const [index, token] of this.#tokens.entries()) {
      if (token.kind === 'close') depth--;
      if (token.kind !== 'open') continue;
      if (token.name === 'uwsgi' && (depth === 0 || (depth === 1 && isAsked(token, section)))) return { token, index };
      if (!token.isEmpty) depth++;
    }
    return null;
  }

  /** libxml2 shows uWSGI the first thing in an element: its text, or what stands before it. */
  #directive(open: OpenToken, index: number): PlacedDirective | null {
    const { rawOffset, rawLine } = this.#magic;
    const first = open.isEmpty ? undefined : this.#tokens[index + 1];
    if (first?.kind === 'open') return null;
    const base = { key: open.name, line: rawLine(open.from) };
    const end = first === undefined || first.kind === 'close' ? (first ?? open) : this.#tokens[index + 2];
    const whole = wholeElement(this.#raw, rawOffset(open.from), rawOffset((end ?? open).to - 1) + 1);
    if (first === undefined || first.kind === 'close') {
      const at = rawOffset(open.to - 1);
      return { ...base, value: '1', lock: 'has no text', span: { from: at, to: at }, inner: at, whole };
    }
    const span = { from: rawOffset(first.from), to: rawOffset(first.to - 1) + 1 };
    const isPlain = first.kind === 'text' && first.isVerbatim && end?.kind === 'close';
    const isVerbatim = isPlain && this.#raw.startsWith(first.value, span.from);
    const lock = isVerbatim ? null : 'is not written as plain text';
    return { ...base, value: first.value, lock, span, inner: span.from, whole };
  }
}

type SectionOfExpat = ReturnType<BuildReading['section']>;

/** Whether an element counts: with another id than the one asked for it does not. */
function isAsked({ attributes }: OpenToken, section: string): boolean {
  const id = attributes.find(([name]) => name === 'id')?.[1];
  return section === 'uwsgi' || id === undefined || id === section;
}

/** expat's reading only looks at the first attribute. */
function isFirstId({ attributes }: OpenToken, asked: string): boolean {
  const [name, value] = attributes[0] ?? [];
  return name === 'id' && value === asked;
}

/** expat hands over text up to a line break or an entity, and uWSGI takes the first piece. */
function firstPiece(token: Exclude<XmlToken, { readonly kind: 'open' | 'close' }>, text: string): string {
  if (token.kind !== 'text') return cutAtBreak(token.value);
  const written = text.slice(token.from, token.to).replaceAll('\r\n', '\n');
  const entity = written.indexOf('&');
  if (entity === 0) return token.value.slice(0, token.value.codePointAt(0) === undefined ? 0 : 1);
  return cutAtBreak(entity === -1 ? written : written.slice(0, entity));
}

function cutAtBreak(value: string): string {
  const lineBreak = value.indexOf('\n');
  if (lineBreak === -1) return value;
  return lineBreak === 0 ? '\n' : value.slice(0, lineBreak);
}

/** An element with the blanks up to what follows: what `insertFirst` brought. */
function wholeElement(raw: string, from: number, to: number): PlacedDirective['whole'] {
  const blanks = /^\s*/.exec(raw.slice(to, to + MAX_GAP))?.[0].length ?? 0;
  return { from, to: to + blanks };
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
  return { from: at, to: at, insert: `<${key}>${value}</${key}>${gap}` };
}
