import type { Command } from "commander";
import type { Comparison } from "../evaluation/node.ts";
import { number } from "./numbers.ts";
import { percent } from "./table.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

interface CompareFlags extends CommonFlags {
  readonly metric?: string;
  readonly cluster?: string;
  readonly seed?: string;
}

/** `lectern eval compare A B…` */
export function addCompareCommand(group: Command, terminal: Terminal): void {
  group
    .command("compare")
    .description("Compare runs of one task with the first one, item by item: is the difference real?")
    .argument("<first>", "the folder of a run, below what eval --out names")
    .argument("<others...>", "folders of runs to compare with it")
    .option("--metric <name>", "the metric of single items; default the first, such as acc")
    .option("--cluster <field>", "a field of the data; items that agree in it count as one cluster")
    .option("--seed <n>", "the seed of the bootstrap; default 0")
    .action(async (first: string, others: readonly string[], flags: CompareFlags) => {
      const { compareRuns, readItems } = await import("./lazy/evaluation.ts");
      const runs = new Map([first, ...others].map((folder) => [folder, readItems(folder)]));
      const compared = compareRuns(runs, {
        metric: flags.metric,
        cluster: flags.cluster,
        seed: number("--seed", flags.seed, "a whole number from 0"),
      });
      if (flags.json) {
        const comparisons = [...compared].map(([run, comparison]) => ({ run, ...comparison }));
        return printJson(terminal, { first, comparisons });
      }
      for (const [run, comparison] of compared) terminal.stdout.write(described(first, run, comparison));
    });
}

function described(first: string, second: string, own: Comparison): string {
  const { metric, n, means, difference, stderr, interval, bootstrap, discordant, test, p, corrected } = own;
  const points = (value: number): string => `${value > 0 ? "+" : ""}${(100 * value).toFixed(1)}`;
  const verdict = corrected < 0.05 ? "The difference is significant" : "The difference may be chance";
  return [
    `${metric} over ${n} items: ${first} ${percent(means[0])}, ${second} ${percent(means[1])}`,
    `difference ${points(difference)} points ± ${(100 * stderr).toFixed(1)}, 95 %: ${points(interval[0])} to ${points(interval[1])} (bootstrap ${points(bootstrap[0])} to ${points(bootstrap[1])})`,
    ...(discordant ? [`solved by one alone: ${discordant[0]} and ${discordant[1]} items`] : []),
    `${test === "McNemar" ? "McNemar's exact test" : "paired z-test"}: p = ${p.toPrecision(3)}, ${corrected.toPrecision(3)} with Holm's correction. ${verdict} at the 5 % level.`,
    "",
  ].join("\n");
}
