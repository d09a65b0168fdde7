import { join } from "node:path";
import type { NamedRun } from "./eval.ts";
import { bar, percent, tableLines } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Draws the first metric of each task against the number of examples, where there are several numbers. */
export async function printCurves(terminal: Terminal, runs: readonly NamedRun[]): Promise<void> {
  const { areShares, shotCurves } = await import("./lazy/evaluation.ts");
  for (const { task, metric, curves } of shotCurves(runs)) {
    if (!areShares(curves)) continue;
    const rows = curves.flatMap(({ name, points }) =>
      points.map(({ shots, value, interval }, i) => [
        i === 0 ? name : "",
        String(shots),
        percent(value),
        interval ? `${percent(interval[0])} to ${percent(interval[1])}` : "",
        bar(value, 30),
      ]),
    );
    const lines = tableLines([["MODEL", "SHOTS", "VALUE", "95 %", ""], ...rows], [1, 2, 3]);
    terminal.stdout.write(`\n${task}: ${metric} by shots\n${lines.join("\n")}\n`);
  }
}

/** Writes the curves of each task into a folder, as a figure and as a Markdown table. @returns the paths */
export async function writeCurves(folder: string, runs: readonly NamedRun[]): Promise<string[]> {
  const { curveSvg, curveTable, shotCurves } = await import("./lazy/evaluation.ts");
  const { writeFileAtomic } = await import("./lazy/formats.ts");
  const paths: string[] = [];
  for (const curves of shotCurves(runs)) {
    const path = join(folder, plainName(curves.task));
    await writeFileAtomic(`${path}.svg`, curveSvg(curves));
    await writeFileAtomic(`${path}.md`, curveTable(curves));
    paths.push(`${path}.svg`, `${path}.md`);
  }
  return paths;
}

/** A name as one part of a path. */
export const plainName = (text: string): string => text.replace(/[^\p{L}\p{M}\p{N}_.]+/gu, "-").replace(/^[-.]+/, "");
