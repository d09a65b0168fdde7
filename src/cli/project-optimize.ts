import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import type { Optimized, OptimizeGrid, OptimizePlan } from "../project/index.ts";
import { count } from "./numbers.ts";
import { addProjectFlags, measuring, type ProjectFlags } from "./project-flags.ts";
import { tableLines } from "./table.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface OptimizeFlags extends ProjectFlags {
  readonly precisions?: string;
  readonly threads?: string;
  readonly batchSizes?: string;
  readonly windows?: string;
  readonly all?: boolean;
}

const PRECISIONS = ["float32", "int8", "int4"] as const;
const WORDS = { pass: "passed", fail: "failed", undecided: "undecided" } as const;

/** `lectern project optimize` */
export function addProjectOptimizeCommand(group: Command, terminal: Terminal, signal: AbortSignal): void {
  const command = group
    .command("optimize")
    .description(
      "Measure precisions, threads, batch sizes and windows of the choice against the gates, and name the cheapest setting that passes, with its loss.",
    )
    .option("--precisions <p,…>", "default float32,int8,int4")
    .option("--threads <n,…>", "default 1 and one for each core")
    .option("--batch-sizes <n,…>", "default 1,32")
    .option(
      "--windows <n,…>",
      "tokens of a text at most, or whole; default whole, and one that holds 95 % of the test set",
    )
    .option("--all", "measure every combination; default one axis after another: precision, window, threads");
  addProjectFlags(command).action(async (flags: OptimizeFlags) => {
    const { optimizeProject, readProject } = await import("./lazy/project.ts");
    const result = await optimizeProject(readProject(flags.project), gridOf(flags), {
      ...measuring({ flags, terminal, signal }),
      every: flags.all,
      ...(!flags.quiet && { onPlan: (plan) => terminal.stderr.write(planText(plan)) }),
    });
    if (flags.json) return printJson(terminal, { ...result, best: result.best ?? null });
    await print(result, terminal);
    const { best } = result;
    if (!best) {
      terminal.stdout.write("no setting passes all gates\n");
      return;
    }
    terminal.stdout.write(
      `cheapest that passes: ${best.name}\n  "choice": ${JSON.stringify(best.setup)}\n` +
        `  ${result.metric} against ${result.reference}: ${signed(best.difference)}\n`,
    );
  });
}

/** The cost, before anything is measured. */
function planText({ evaluations, timings, seconds }: OptimizePlan): string {
  const time = seconds < 90 ? `${Math.ceil(seconds)} seconds` : `${Math.ceil(seconds / 60)} minutes`;
  return `${evaluations} passes over the test set and ${timings} processes that time settings, at most: about ${time}\n`;
}

async function print({ rows, metric, dropped }: Optimized, { stdout }: Terminal): Promise<void> {
  const { figure, range } = await import("./lazy/project.ts");
  const header = [
    "setting",
    "gates",
    metric,
    "difference",
    "interval of 90 %",
    "core-ms",
    "latency",
    "items/s",
    "memory",
  ];
  const cells = rows.map((row) => [
    ...[row.name, WORDS[row.state], figure(row.value), signed(row.difference), range(row.interval)],
    ...[row.coreMsPerItem.toPrecision(3), `${row.latencyMs.toPrecision(3)} ms`, row.itemsPerSecond.toPrecision(3)],
    `${Math.round(row.memoryMB)} MB`,
  ]);
  stdout.write(`${tableLines([header, ...cells], [2, 3, 5, 6, 7, 8]).join("\n")}\n\n`);
  for (const { name, value, gates } of dropped) {
    const failed = gates.filter(({ state }) => state === "fail").map((gate) => gate.name);
    stdout.write(`not timed: ${name}: ${metric} ${figure(value)} fails ${failed.join(", ")}\n`);
  }
}

const signed = (value: number): string => `${value > 0 ? "+" : ""}${Number(value.toPrecision(3))}`;

function gridOf({ precisions, threads, batchSizes, windows }: OptimizeFlags): OptimizeGrid {
  const counts = (flag: string, text: string | undefined): number[] | undefined =>
    text?.split(",").map((part) => count(flag, part) as number);
  return {
    precisions: precisions?.split(",").map(precisionOf),
    threads: counts("--threads", threads),
    batchSizes: counts("--batch-sizes", batchSizes),
    windows: windows?.split(",").map((part) => (part === "whole" ? undefined : count("--windows", part))),
  };
}

function precisionOf(name: string): (typeof PRECISIONS)[number] {
  const found = PRECISIONS.find((precision) => precision === name);
  if (found) return found;
  throw new LecternError("usage", `--precisions takes ${PRECISIONS.join(", ")}; got ${name}`);
}
