/** A bar of eighths of blocks. @param share from 0 to 1 @param width of a share of 1, in characters */
export function bar(share: number, width = 20): string {
  const eighths = Math.max(share > 0 ? 1 : 0, Math.round(Math.min(1, Math.max(0, share)) * width * 8));
  const rest = eighths % 8;
  return "█".repeat(Math.floor(eighths / 8)) + (rest > 0 ? String.fromCodePoint(0x2590 - rest) : "");
}

/** "12.3 %" */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** "10.6 M", "1.1 B", "384" */
export function countText(count: number): string {
  const units = ["", " K", " M", " B", " T"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, count)) / 3));
  return power === 0
    ? String(count)
    : `${(count / 1000 ** power).toFixed(count < 10 * 1000 ** power ? 2 : 1)}${units[power]}`;
}

/** Characters as a terminal counts them, near enough for Latin text. */
const widthOf = (text: string): number => [...text].length;

/**
 * Rows as lines with aligned columns, two spaces between them.
 * @param right columns that are aligned to the right
 */
export function tableLines(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, widthOf(cell));
  return rows.map((row) =>
    row
      .map((cell, i) => {
        const space = " ".repeat((widths[i] as number) - widthOf(cell));
        return right.includes(i) ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd(),
  );
}
