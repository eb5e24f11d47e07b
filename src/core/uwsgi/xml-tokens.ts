/** The tokens of a plain XML text: elements, text, comments, CDATA. What is beyond that is said to be unread. */

export type XmlToken =
  | {
      readonly kind: 'open';
      readonly name: string;
      readonly attributes: readonly (readonly [name: string, value: string])[];
      /** `<name/>`: the closing token is missing. */
      readonly isEmpty: boolean;
      readonly from: number;
      readonly to: number;
    }
  | { readonly kind: 'close'; readonly name: string; readonly from: number; readonly to: number }
  | {
      readonly kind: 'text' | 'cdata' | 'comment';
      readonly value: string;
      /** Whether the value stands in the text as it is. */
      readonly isVerbatim: boolean;
      readonly from: number;
      readonly to: number;
    };

/** The tokens, or where the text is beyond the plain form. */
export type XmlTokens = { readonly tokens: readonly XmlToken[] } | { readonly at: number; readonly what: string };

/** libxml2 gives up at 256. */
const MAX_DEPTH = 200;

const NAME = '[A-Za-z_][A-Za-z0-9_.-]*';
const OPEN = new RegExp(`^<(${NAME})((?:\\s+${NAME}\\s*=\\s*(?:"[^<&"]*"|'[^<&']*'))*)\\s*(/?)>`);
const CLOSE = new RegExp(`^</(${NAME})\\s*>`);
const ATTRIBUTE = new RegExp(`(${NAME})\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, 'g');
const DECLARATION =
  /^<\?xml\s+version\s*=\s*["']1\.0["'](?:\s+encoding\s*=\s*["'](?:utf-8|us-ascii|UTF-8|US-ASCII)["'])?(?:\s+standalone\s*=\s*["'](?:yes|no)["'])?\s*\?>/;
const ENTITY = /^&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));/;
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Longer tags are none that people write, and keep each look at the text short. */
const MAX_TAG = 4_096;

const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe]/;

/** Splits a text into tokens; checks that it is well-formed. */
export function readXmlTokens(text: string): XmlTokens {
  const tokens: XmlToken[] = [];
  const open: string[] = [];
  let hasRoot = false;
  const forbidden = text.search(FORBIDDEN);
  if (forbidden !== -1) return { at: forbidden, what: 'a control character' };
  let at = DECLARATION.exec(text.slice(0, MAX_TAG))?.[0].length ?? 0;
  while (at < text.length) {
    const token = readToken(text, at);
    if ('what' in token) return token;
    if (open.length === 0 && !mayStandOutside(token, text, hasRoot))
      return { at, what: 'text outside of the root element' };
    if (token.kind === 'open') {
      hasRoot = true;
      if (!token.isEmpty) open.push(token.name);
      if (open.length > MAX_DEPTH) return { at, what: `elements more than ${MAX_DEPTH} deep` };
    } else if (token.kind === 'close' && open.pop() !== token.name) {
      return { at, what: `</${token.name}> without its beginning` };
    }
    tokens.push(token);
    at = token.to;
  }
  return open.length === 0 && hasRoot ? { tokens } : { at: text.length, what: 'an element without its end' };
}

function mayStandOutside(token: XmlToken, text: string, hasRoot: boolean): boolean {
  if (token.kind === 'comment') return true;
  if (token.kind === 'text') return /^\s*$/.test(text.slice(token.from, token.to));
  return token.kind === 'open' && !hasRoot;
}

function readToken(text: string, at: number): XmlToken | { readonly at: number; readonly what: string } {
  if (text[at] !== '<') return readText(text, at);
  const head = text.slice(at, at + MAX_TAG);
  const open = OPEN.exec(head);
  if (open !== null) {
    const [whole, name = '', attributes = '', empty] = open;
    const pairs = [...attributes.matchAll(ATTRIBUTE)].map(([, key = '', a, b]) => [key, a ?? b ?? ''] as const);
    if (new Set(pairs.map(([key]) => key)).size < pairs.length) return { at, what: 'an attribute twice' };
    return { kind: 'open', name, attributes: pairs, isEmpty: empty === '/', from: at, to: at + whole.length };
  }
  const close = CLOSE.exec(head);
  if (close !== null) return { kind: 'close', name: close[1] ?? '', from: at, to: at + close[0].length };
  if (head.startsWith('<!--')) return readUntil(text, at, { begin: '<!--', end: '-->', kind: 'comment' });
  if (head.startsWith('<![CDATA[')) return readUntil(text, at, { begin: '<![CDATA[', end: ']]>', kind: 'cdata' });
  return { at, what: 'a document type, an instruction, or a tag that is not plain' };
}

function readUntil(
  text: string,
  at: number,
  { begin, end, kind }: { readonly begin: string; readonly end: string; readonly kind: 'comment' | 'cdata' },
): XmlToken | { readonly at: number; readonly what: string } {
  const stop = text.indexOf(end, at + begin.length);
  if (stop === -1) return { at, what: `a ${kind} without its end` };
  const value = text.slice(at + begin.length, stop);
  if (kind === 'comment' && (value.includes('--') || value.endsWith('-'))) return { at, what: '-- in a comment' };
  return { kind, value, isVerbatim: false, from: at, to: stop + end.length };
}

function readText(text: string, at: number): XmlToken | { readonly at: number; readonly what: string } {
  const parts: string[] = [];
  let isVerbatim = true;
  let to = at;
  while (to < text.length && text[to] !== '<') {
    if (text[to] === '&') {
      const entity = ENTITY.exec(text.slice(to, to + 12));
      const character = entity === null ? '' : decode(entity);
      if (entity === null || character === '') return { at: to, what: 'an entity of its own' };
      parts.push(character);
      to += entity[0].length;
      isVerbatim = false;
    } else {
      const stop = text.slice(to).search(/[<&]/);
      const end = stop === -1 ? text.length : to + stop;
      parts.push(text.slice(to, end));
      to = end;
    }
  }
  const value = parts.join('').replaceAll('\r\n', '\n');
  if (value.includes(']]>') || value.includes('\r')) return { at, what: ']]> or a lone carriage return in text' };
  return { kind: 'text', value, isVerbatim: isVerbatim && value === text.slice(at, to), from: at, to };
}

function decode([, name, decimal, hexadecimal]: RegExpExecArray): string {
  if (name !== undefined) return NAMED[name] ?? '';
  const code = decimal === undefined ? parseInt(hexadecimal ?? '0', 16) : Number(decimal);
  return code >= 0x20 && code < 0xd800 ? String.fromCodePoint(code) : '';
}
