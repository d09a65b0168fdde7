import type { Command } from "commander";
import { bytesText } from "./download-progress.ts";
import type { examine } from "./examine.ts";
import { tableLines } from "./table.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

/** `lectern doctor` */
export function doctorCommand(command: Command, terminal: Terminal): Command {
  return command.action(async (flags: CommonFlags) => {
    const { facts, problems } = await (await import("./examine.ts")).examine(terminal.env);
    if (problems.length > 0) terminal.exitCode = 1;
    if (flags.json) return printJson(terminal, { ...facts, problems });
    const rows = [
      ["lectern", facts.lectern],
      ["Node", facts.node],
      ["engine", facts.engine === null ? "not loaded" : `ONNX Runtime ${facts.engine}`],
      ["platform", facts.platform],
      ["session", sessionText(facts.session)],
      ["processor", `${facts.processor}, ${facts.cores} cores`],
      ["threads", `${facts.threads}, one for each core that computes at once`],
      ["instruction sets", facts.instructionSets?.join(", ") || "unknown"],
      ["memory", memoryText(facts)],
      [
        "memory bandwidth",
        facts.memoryBandwidth === null ? "not measured" : `${bytesText(facts.memoryBandwidth)}/s, all threads reading`,
      ],
      ...(facts.ceilings ? [["ceiling", ceilingsText(facts.ceilings)]] : []),
      ...facts.devices.map(({ name, problem }) => [
        `device ${name}`,
        problem?.replace(/^device \w+: /, "") ?? "available",
      ]),
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

type Facts = Awaited<ReturnType<typeof examine>>["facts"];

function sessionText({ kind, reason }: Facts["session"]): string {
  return kind === "in place"
    ? "in place, through the C interface of ONNX Runtime"
    : `copying, through its Node binding, since its C interface does not load: ${reason}`;
}

function memoryText({ memoryBytes, freeMemoryBytes, memoryLimitBytes }: Facts): string {
  const limit = memoryLimitBytes === null ? "" : `, of which this process may take ${bytesText(memoryLimitBytes)}`;
  return `${bytesText(memoryBytes)}, ${bytesText(freeMemoryBytes)} free${limit}`;
}

/** The bandwidth over the bytes of a model: each token reads all of its weights once. */
function ceilingsText(ceilings: NonNullable<Facts["ceilings"]>): string {
  const all = ceilings.map(({ modelBytes, tokensPerSecond }) => `${tokensPerSecond} for ${bytesText(modelBytes)}`);
  return `tokens/s by the size of a model: ${all.join(", ")}`;
}

function size({ bytes, freeBytes }: { readonly bytes: number; readonly freeBytes: number | null }): string {
  return `${bytesText(bytes)}${freeBytes === null ? "" : `, ${bytesText(freeBytes)} free on its disk`}`;
}
