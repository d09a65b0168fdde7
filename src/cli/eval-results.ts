import type { GroupResult, NamedRun } from "./eval.ts";
import { confusionTable } from "./finetune.ts";
import { percent, tableLines } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const shown = (value: number): string => String(Number(value.toFixed(4)));

/** Prints the metrics of runs, with standard errors and intervals of 95 %. */
export function printRuns(terminal: Terminal, runs: readonly NamedRun[], groups: readonly GroupResult[]): void {
  const rows = runs.flatMap(({ name, task, shots, n, metrics }) =>
    Object.entries(metrics).map(([metric, { value, stderr, interval }]) => [
      name,
      task,
      String(shots),
      String(n),
      metric,
      shown(value),
      stderr === null ? "" : `± ${shown(stderr)}`,
      interval ? `${shown(interval[0])} to ${shown(interval[1])}` : "",
    ]),
  );
  for (const { group, model, shots, metrics } of groups)
    for (const [metric, { value, stderr }] of Object.entries(metrics))
      rows.push([
        model,
        group,
        shots === null ? "" : String(shots),
        "",
        metric,
        shown(value),
        stderr === null ? "" : `± ${shown(stderr)}`,
        "",
      ]);
  const head = ["MODEL", "TASK", "SHOTS", "ITEMS", "METRIC", "VALUE", "ERROR", "95 %"];
  terminal.stdout.write(`${tableLines([head, ...rows], [2, 3, 5]).join("\n")}\n`);
  for (const { confusion, passRates, signatures = {}, name, shots } of runs) {
    for (const [metric, signature] of Object.entries(signatures)) terminal.stdout.write(`${metric}: ${signature}\n`);
    if (confusion && confusion.labels.length <= 12)
      terminal.stdout.write(`\n${name}, ${shots} shots\n${confusionTable({ ...confusion })}`);
    if (passRates)
      for (const [i, rate] of passRates.passAt.entries())
        terminal.stdout.write(
          `${name}: pass@${i + 1} ${percent(rate)}, pass^${i + 1} ${percent(passRates.passHat[i] as number)}\n`,
        );
  }
}
