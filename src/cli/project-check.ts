import { dirname } from "node:path";
import type { Command } from "commander";
import type { CheckResult, GateResult } from "../project/index.ts";
import { addProjectFlags, measuring, type ProjectContext, type ProjectFlags } from "./project-flags.ts";
import { tableLines } from "./table.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface CheckFlags extends ProjectFlags {
  readonly markdown?: string;
  readonly junit?: string;
  readonly updateBaseline?: boolean;
}

const EXIT_CODES = { pass: 0, fail: 1, undecided: 3 } as const;
const WORDS = { pass: "passed", fail: "failed", undecided: "undecided" } as const;

/** `lectern project check` */
export function addProjectCheckCommand(group: Command, terminal: Terminal, signal: AbortSignal): void {
  const command = group
    .command("check")
    .description(
      "Measure what is stale and test the gates against the baseline, item by item. Exits 0 if all pass, 1 if one fails, 3 if one is undecided.",
    )
    .option("--markdown <file>", "write the result as Markdown, for a comment on a pull request")
    .option("--junit <file>", "write the result as JUnit XML")
    .option("--update-baseline", "make the current choice the baseline");
  addProjectFlags(command).action((flags: CheckFlags) => projectCheck({ flags, terminal, signal }));
}

async function projectCheck(context: ProjectContext<CheckFlags>): Promise<void> {
  const { flags, terminal } = context;
  const { checkJunit, checkMarkdown, checkProject, readProject } = await import("./lazy/project.ts");
  const { checkWritable, writeFileAtomic } = await import("../files/node.ts");
  for (const file of [flags.markdown, flags.junit]) if (file !== undefined) await checkWritable(dirname(file));
  const result = await checkProject(readProject(flags.project), {
    ...measuring(context),
    updateBaseline: flags.updateBaseline,
  });
  if (flags.markdown !== undefined) await writeFileAtomic(flags.markdown, checkMarkdown(result));
  if (flags.junit !== undefined) await writeFileAtomic(flags.junit, checkJunit(result));
  if (flags.json) printJson(terminal, documentOf(result));
  else await print(result, terminal);
  terminal.exitCode = EXIT_CODES[result.state];
}

/** The document of `--json`. */
function documentOf({ gates, state, goal, choice, baseline, quality, ...rest }: CheckResult): object {
  const { measured, overlap, warnings, seconds } = rest;
  return {
    ...{ passed: state === "pass", state, goal, choice, baseline: baseline ?? null },
    ...{ gates, n: quality.n, metrics: quality.metrics, measured, overlap, warnings, seconds },
  };
}

async function print(result: CheckResult, terminal: Terminal): Promise<void> {
  const { figure, overlapText, range } = await import("./lazy/project.ts");
  const { state, gates, choice, baseline, quality, measured, overlap, warnings } = result;
  const row = ({ name, state: own, value, baseline: base, interval, reason }: GateResult): string[] => [
    ...[name, WORDS[own], figure(value), figure(base), range(interval), reason],
  ];
  const header = ["gate", "state", "value", "baseline", "interval of 90 %", ""];
  terminal.stdout.write(`choice    ${choice}\nbaseline  ${baseline ?? "recorded by this check"}\n\n`);
  const metrics = Object.entries(quality.metrics).map(([name, { value, interval }]) => [
    name,
    figure(value),
    interval ? range(interval) : "–",
  ]);
  terminal.stdout.write(
    `${tableLines([[`${quality.n} items`, "value", "interval of 95 %"], ...metrics], [1]).join("\n")}\n\n`,
  );
  if (gates.length > 0) terminal.stdout.write(`${tableLines([header, ...gates.map(row)], [2, 3]).join("\n")}\n\n`);
  terminal.stdout.write(`${WORDS[state]}${gates.length === 0 ? ": no gates are set" : ""}\n`);
  const notes = [...(overlap.length > 0 ? [overlapText(result)] : []), ...warnings];
  for (const note of notes) terminal.stderr.write(`lectern: ${note}\n`);
  if (measured.length === 0) terminal.stderr.write("all evidence was fresh: nothing was measured\n");
}
