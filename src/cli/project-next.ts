import type { Command } from "commander";
import type { Advice, NextAdvice } from "../project/index.ts";
import { addProjectFlags, measuring, type ProjectFlags } from "./project-flags.ts";
import { printJson, type Terminal } from "./terminal.ts";

const MINUTE = 60;

/** `lectern project next` */
export function addProjectNextCommand(group: Command, terminal: Terminal, signal: AbortSignal): void {
  const command = group
    .command("next")
    .description(
      "Say what to try next: prompt, few shots, fine-tuning, human feedback, another model; each with the evidence and its cost, measured on this machine.",
    );
  addProjectFlags(command).action(async (flags: ProjectFlags) => {
    const { nextSteps, readProject } = await import("./lazy/project.ts");
    const result = await nextSteps(readProject(flags.project), measuring({ flags, terminal, signal }));
    if (flags.json) return printJson(terminal, result);
    await print(result, terminal);
  });
}

async function print(result: NextAdvice, { stdout }: Terminal): Promise<void> {
  const { figure } = await import("./lazy/project.ts");
  const { choice, metric, value, n, detectable, advice, recommended } = result;
  stdout.write(`${choice}: ${metric} ${figure(value)} on ${n} items\n`);
  if (detectable !== undefined)
    stdout.write(
      `the test set shows a difference of ${(100 * detectable).toFixed(1)} points, or more, with a power of 80 %\n`,
    );
  for (const [i, own] of advice.entries()) {
    const mark = own.step === recommended ? "  ← next" : own.applies ? "" : "  (does not apply)";
    stdout.write(`\n${i + 1}. ${own.step}${mark}\n`);
    for (const text of own.pro) stdout.write(`   + ${text}\n`);
    for (const text of own.contra) stdout.write(`   − ${text}\n`);
    if (own.cost) stdout.write(`   cost: ${costText(own.cost)}\n`);
    if (own.applies && own.command) stdout.write(`   ${own.command}\n`);
  }
  if (recommended === undefined) stdout.write("\nevery step that applies has been tried\n");
}

function costText({ seconds, memoryMB }: NonNullable<Advice["cost"]>): string {
  const time =
    seconds < MINUTE
      ? `${Math.max(1, Math.round(seconds))} seconds`
      : `${(seconds / MINUTE).toFixed(seconds < 600 ? 1 : 0)} minutes`;
  return `about ${time}, ${memoryMB < 1000 ? `${Math.round(memoryMB)} MB` : `${(memoryMB / 1000).toFixed(1)} GB`}`;
}
