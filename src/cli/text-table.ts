/** Columns of plain text. */

/** One column: its head, and whether its cells end at the same place (numbers) or begin there. */
export interface Column {
  readonly head: string;
  readonly align: 'left' | 'right';
}

/** Rows as aligned text, two blanks between columns, without blanks at line ends. */
export function renderColumns(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ head }, index) =>
    Math.max(head.length, ...rows.map((cells) => cells[index]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, index) => {
        const [cell, width] = [cells[index] ?? '', widths[index] ?? 0];
        return align === 'right' ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [columns.map(({ head }) => head), ...rows].map((cells) => `${line(cells)}\n`).join('');
}
