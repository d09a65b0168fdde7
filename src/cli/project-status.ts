import type { Command } from "commander";
import { addProjectFlags, measuring, type ProjectFlags } from "./project-flags.ts";
import { tableLines } from "./table.ts";
import { printJson, type Terminal } from "./terminal.ts";

/** `lectern project status` */
export function addProjectStatusCommand(group: Command, terminal: Terminal, signal: AbortSignal): void {
  const command = group
    .command("status")
    .description("List the evidence of each stage, and why what is stale is stale. Measures nothing.");
  addProjectFlags(command).action(async (flags: ProjectFlags) => {
    const { projectStatus, readProject } = await import("./lazy/project.ts");
    const project = readProject(flags.project);
    const lines = await projectStatus(project, measuring({ flags, terminal, signal }));
    if (flags.json) return printJson(terminal, { goal: project.file.goal, evidence: lines });
    const rows = lines.map(({ stage, what, state, detail }) => [stage, state, what, detail]);
    terminal.stdout.write(`${project.file.goal}\n\n`);
    terminal.stdout.write(`${tableLines([["stage", "state", "evidence", ""], ...rows]).join("\n")}\n`);
  });
}
