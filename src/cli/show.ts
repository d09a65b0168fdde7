import type { Command } from "commander";
import type { Model } from "../inference/index.ts";
import { bytesText } from "./download-progress.ts";
import { MODEL_ARGUMENT, type ModelFlags, openModel } from "./models.ts";
import { countText, tableLines } from "./table.ts";
import { printJson, type Terminal } from "./terminal.ts";

const BYTES_OF_FLOAT32 = 4;

/** Kinds of architecture, in words. */
const KINDS: Readonly<Record<Model["kind"], string>> = {
  decoder: "decoder",
  encoder: "encoder",
  "encoder-decoder": "encoder–decoder",
  recurrent: "recurrent decoder",
  "recurrent-encoder-decoder": "recurrent encoder–decoder",
};

/** `lectern show MODEL` */
export function showCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  return command.argument("<model>", MODEL_ARGUMENT).action(async (name: string, flags: ModelFlags) => {
    const { openDirectory } = await import("./lazy/formats.ts");
    const { commercialUseOf, licenceOf, taskOf } = await import("../formats/index.ts");
    const { bytesOf, partsOf } = await import("./model-facts.ts");
    await using model = await openModel(name, { flags, terminal, signal });
    const files = await openDirectory(model.location);
    const card = (await files.has("README.md")) ? await files.readText("README.md") : "";
    const facts = {
      model: name,
      path: model.location,
      family: model.family,
      kind: model.kind,
      task: taskOf(card, model.config) ?? null,
      licence: licenceOf(card) ?? null,
      commercialUse: commercialUseOf(card) ?? null,
      bytes: await bytesOf(files),
      contextWindow: Number.isFinite(model.contextWindow) ? model.contextWindow : null, // null: no limit
      parameters: model.parameterCount,
      parts: await partsOf(files),
      config: model.config,
    };
    if (flags.json) return printJson(terminal, facts);
    const { parameters, contextWindow, parts } = facts;
    const rows = [
      ["model", name],
      ["kind", `${KINDS[facts.kind]} (${facts.family})`],
      ["task", facts.task ?? "not named"],
      ["licence", facts.licence ?? "not named"],
      ...(facts.commercialUse === null ? [] : [["commercial use", facts.commercialUse]]),
      ["parameters", countText(parameters)],
      ["size", bytesText(facts.bytes)],
      ["memory", `${bytesText(BYTES_OF_FLOAT32 * parameters)} for the weights in float32`],
      ["context", contextWindow === null ? "no limit" : `${contextWindow} tokens`],
      ["path", facts.path],
    ];
    const counts = Object.entries(parts).map(([part, count]) => [`  ${part}`, countText(count)]);
    terminal.stdout.write(`${tableLines(rows).join("\n")}\n\nparameters by part\n`);
    terminal.stdout.write(`${tableLines(counts, [1]).join("\n")}\n`);
  });
}
