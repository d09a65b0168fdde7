import type { Command } from "commander";
import { bytesText } from "./download-progress.ts";
import { tableLines } from "./table.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

/** `lectern list` */
export function listCommand(command: Command, terminal: Terminal): Command {
  return command.action(async (flags: CommonFlags) => {
    const { listModels } = await import("./installed-models.ts");
    const models = await listModels(terminal);
    if (flags.json) return printJson(terminal, { models });
    const rows = models.map(({ name, task, source, bytes, licence, revisions }) => {
      const names = revisions.map(({ commit, refs }) => refs.join(", ") || commit.slice(0, 12));
      if (source === "cached" && names.length === 0) names.push("incomplete");
      return [name, task ?? "-", bytesText(bytes), licence ?? "-", source, names.join("; ")];
    });
    const header = ["NAME", "TASK", "SIZE", "LICENCE", "SOURCE", "REVISIONS"];
    terminal.stdout.write(`${tableLines([header, ...rows], [2]).join("\n")}\n`);
    for (const { name, commercialUse } of models)
      if (commercialUse !== null) terminal.stdout.write(`\n${name}, commercial use: ${commercialUse}\n`);
  });
}
