/** Sentences for people, as long as a field of the resource allows. */

/**
 * A text of at most `length` UTF-16 units, the cut marked. A character of two units is never halved: the API server
 * would store another one, and the status would look changed for ever.
 */
export function shortened(text: string, length: number): string {
  if (text.length <= length) return text.toWellFormed();
  const kept = text.slice(0, length - 3);
  const whole = /[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept;
  return `${whole.toWellFormed()}...`;
}
