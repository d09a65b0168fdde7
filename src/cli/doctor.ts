import type { Command } from "commander";
import { bytesText } from "./download-progress.ts";
import { tableLines } from "./table.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

/** `lectern doctor` */
export function doctorCommand(command: Command, terminal: Terminal): Command {
  return command.action(async (flags: CommonFlags) => {
    const { examine } = await import("./examine.ts");
    const { facts, problems } = await examine(terminal.env);
    if (problems.length > 0) terminal.exitCode = 1;
    if (flags.json) return printJson(terminal, { ...facts, problems });
    const rows = [
      ["lectern", facts.lectern],
      ["Node", facts.node],
      ["engine", facts.engine === null ? "not loaded" : `ONNX Runtime ${facts.engine}`],
      ["platform", facts.platform],
      ["processor", `${facts.processor}, ${facts.cores} cores`],
      ["memory", `${bytesText(facts.memoryBytes)}, ${bytesText(facts.freeMemoryBytes)} free`],
      ["bundled models", facts.shippedModels.join(", ") || "none"],
      ["Hugging Face cache", `${facts.hubCache.path} (${size(facts.hubCache)})`],
      [
        "Hub",
        `${facts.hub ?? "settings not readable"}${facts.hasToken ? ", with a token" : ""}${facts.offline ? ", offline" : ""}`,
      ],
      ["derived weights", `${facts.derivedCache.path} (${size(facts.derivedCache)})`],
    ];
    terminal.stdout.write(`${tableLines(rows).join("\n")}\n\n`);
    if (problems.length === 0) terminal.stdout.write("no problems found\n");
    for (const problem of problems) terminal.stdout.write(`problem: ${problem}\n`);
  });
}

function size({ bytes, freeBytes }: { readonly bytes: number; readonly freeBytes: number | null }): string {
  return `${bytesText(bytes)}${freeBytes === null ? "" : `, ${bytesText(freeBytes)} free on its disk`}`;
}
