/** The lines in which two texts differ. Line endings are not compared. */

/** One changed line; `before` is null for a line that came, `after` for one that went. */
export interface ChangedLine {
  /** Its number in the new text, counted from 1; in the old text for a line that went. */
  readonly line: number;
  readonly before: string | null;
  readonly after: string | null;
}

interface Hunk {
  readonly oldStart: number;
  readonly newStart: number;
  readonly removed: readonly string[];
  readonly added: readonly string[];
}

/** Lines compared one by one; texts that differ in more are shown as one block. */
const MAX_CELLS = 4_000_000;

/** The changed lines between two texts, in order. */
export function changedLines(before: string, after: string): readonly ChangedLine[] {
  const changes: ChangedLine[] = [];
  for (const { oldStart, newStart, removed, added } of hunks(before, after)) {
    for (let index = 0; index < Math.max(removed.length, added.length); index++) {
      const line = (index < added.length ? newStart : oldStart) + index;
      changes.push({ line, before: removed[index] ?? null, after: added[index] ?? null });
    }
  }
  return changes;
}

/** A unified diff without context, for events and the command line; empty when the texts are equal. */
export function renderDiff(before: string, after: string): string {
  const lines: string[] = [];
  for (const { oldStart, newStart, removed, added } of hunks(before, after)) {
    lines.push(`@@ -${range(oldStart, removed.length)} +${range(newStart, added.length)} @@`);
    for (const line of removed) lines.push(`-${line}`);
    for (const line of added) lines.push(`+${line}`);
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function range(start: number, count: number): string {
  if (count === 1) return String(start);
  return `${count === 0 ? start - 1 : start},${count}`;
}

/** Where two texts begin to differ, and where they are equal again to their ends: at starts of lines. */
function differingPart(before: string, after: string): { readonly from: number; readonly same: number } {
  const shorter = Math.min(before.length, after.length);
  let from = 0;
  while (from < shorter && before.charCodeAt(from) === after.charCodeAt(from)) from++;
  from = from === 0 ? 0 : before.lastIndexOf('\n', from - 1) + 1;
  let same = 0;
  while (
    same < shorter - from &&
    before.charCodeAt(before.length - 1 - same) === after.charCodeAt(after.length - 1 - same)
  )
    same++;
  const newline = before.indexOf('\n', before.length - same);
  return { from, same: newline === -1 ? 0 : before.length - newline - 1 };
}

function hunks(before: string, after: string): readonly Hunk[] {
  if (before === after) return [];
  const { from, same } = differingPart(before, after);
  const skipped = before.slice(0, from).split('\n').length - 1;
  const a = before.slice(from, before.length - same).split(/\r?\n/);
  const b = after.slice(from, after.length - same).split(/\r?\n/);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const middleA = a.slice(head, a.length - tail);
  const middleB = b.slice(head, b.length - tail);
  if (middleA.length === 0 && middleB.length === 0) return [];
  if ((middleA.length + 1) * (middleB.length + 1) > MAX_CELLS) {
    return [{ oldStart: skipped + head + 1, newStart: skipped + head + 1, removed: middleA, added: middleB }];
  }
  return groupHunks(middleA, middleB, skipped + head);
}

/** Longest common subsequence of the differing middle; everything outside it is removed or added. */
function groupHunks(a: readonly string[], b: readonly string[], head: number): readonly Hunk[] {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const result: Hunk[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      i++;
      j++;
      continue;
    }
    const [startA, startB] = [i, j];
    while ((i < a.length || j < b.length) && !(i < a.length && j < b.length && a[i] === b[j])) {
      const [down, right] = [at(i + 1, j), at(i, j + 1)];
      // Where both ways are as long, a removed line is paired with an added one.
      const removes = down > right || (down === right && i - startA <= j - startB);
      if (j >= b.length || (i < a.length && removes)) i++;
      else j++;
    }
    result.push({
      oldStart: head + startA + 1,
      newStart: head + startB + 1,
      removed: a.slice(startA, i),
      added: b.slice(startB, j),
    });
  }
  return result;
}
