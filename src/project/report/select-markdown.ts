import type { Selection } from "../select.ts";
import { cell, figure, range } from "./check-markdown.ts";

/** A size in 10⁶ bytes. */
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

/** The heading and the rows of a selection as a table's cells. */
export function selectionCells({ rows, metric }: Selection): string[][] {
  const header = ["candidate", metric, "interval of 95 %", "", "latency", "memory", "size", "licence"];
  return [
    header,
    ...rows.map(({ name, value, interval, p, isTied, latencyMs, memoryMB, bytes, licence }) => [
      name,
      figure(value),
      range(interval),
      p === null ? "best" : isTied ? `tied (p ${p.toFixed(2)})` : `worse (p ${p < 0.001 ? "< 0.001" : p.toFixed(3)})`,
      `${latencyMs.toPrecision(3)} ms`,
      `${Math.round(memoryMB)} MB`,
      megabytes(bytes),
      licence ?? "not named",
    ]),
  ];
}

/** The advice of a selection, in a sentence. */
export function selectionAdvice({ rows, smallerIsEnough, n, metric }: Selection): string {
  const tied = rows.filter(({ isTied }) => isTied).length - 1;
  if (rows.length === 1) return "One candidate alone was measured.";
  if (tied === 0) return `${rows[0]?.name} is better than the others on these ${n} items.`;
  const among = `${tied} other${tied === 1 ? "" : "s"} cannot be told apart from the best by ${metric} on these ${n} items`;
  return smallerIsEnough === null
    ? `${among}; the best is also the smallest of them.`
    : `A smaller one is enough: ${smallerIsEnough}. ${among}.`;
}

/** A selection as Markdown. */
export function selectionMarkdown(selection: Selection): string {
  const [header, ...rows] = selectionCells(selection) as [string[], ...string[][]];
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  const rule = `| ${header.map(() => "---").join(" | ")} |`;
  return `${[line(header), rule, ...rows.map(line)].join("\n")}\n\n${selectionAdvice(selection)}\n`;
}
