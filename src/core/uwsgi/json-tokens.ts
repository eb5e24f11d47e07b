/** The tokens of a JSON text with their places. Comments are kept apart: yajl allows them, jansson does not. */

export interface JsonToken {
  /** The character of a bracket, comma or colon; `"` for a string; `0` for a number or a word. */
  readonly kind: '{' | '}' | '[' | ']' | ',' | ':' | '"' | '0';
  readonly from: number;
  readonly to: number;
}

export interface JsonTokens {
  readonly tokens: readonly JsonToken[];
  /** Index of the first comment; null when there is none. */
  readonly comment: number | null;
  /** Where the text is no JSON; null when it is. */
  readonly error: number | null;
}

/** Splits a text into tokens and checks that it is JSON, but for its comments. */
export function readJsonTokens(text: string): JsonTokens {
  const tokens: JsonToken[] = [];
  const pieces: string[] = [];
  let comment: number | null = null;
  let kept = 0;
  for (let at = 0; at < text.length;) {
    const character = text.charAt(at);
    let to = at + 1;
    if (character === '/') {
      to = endOfComment(text, at);
      if (to === -1) return { tokens, comment, error: at };
      comment ??= at;
      pieces.push(text.slice(kept, at), ' ');
      kept = to;
    } else if (character === '"') {
      to = endOfString(text, at);
      tokens.push({ kind: '"', from: at, to });
    } else if (isPunctuation(character)) {
      tokens.push({ kind: character, from: at, to });
    } else if (!/\s/.test(character)) {
      while (to < text.length && /[\w.+-]/.test(text.charAt(to))) to++;
      tokens.push({ kind: '0', from: at, to });
    }
    at = to;
  }
  return { tokens, comment, error: errorOf(pieces.join('') + text.slice(kept), text.length) };
}

function isPunctuation(character: string): character is '{' | '}' | '[' | ']' | ',' | ':' {
  return '{}[],:'.includes(character);
}

function endOfComment(text: string, at: number): number {
  if (text[at + 1] === '/') {
    const end = text.indexOf('\n', at);
    return end === -1 ? text.length : end;
  }
  const end = text[at + 1] === '*' ? text.indexOf('*/', at + 2) : -1;
  return end === -1 ? -1 : end + 2;
}

function endOfString(text: string, at: number): number {
  let to = at + 1;
  while (to < text.length && text[to] !== '"') to += text[to] === '\\' ? 2 : 1;
  return Math.min(to + 1, text.length);
}

/** Where the standard's own reader gives up. It counts in the text without comments, so the place is near it at best. */
function errorOf(json: string, length: number): number | null {
  try {
    JSON.parse(json);
    return null;
  } catch (error) {
    const position = /at position (\d+)/.exec(String(error))?.[1];
    return position === undefined ? length : Number(position);
  }
}
