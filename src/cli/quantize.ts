import { type Command, Option } from "commander";
import type { QuantizedModel } from "../inference/node.ts";
import { bytesText } from "./download-progress.ts";
import { MODEL_ARGUMENT, type ModelFlags, resolveModel } from "./models.ts";
import { tableLines } from "./table.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface QuantizeFlags extends ModelFlags {
  readonly precision: "int8" | "int4";
  readonly out: string;
  readonly text?: string;
  readonly calibration?: string | false;
  readonly measure: boolean;
}

/** `lectern quantize MODEL --precision int4 --out DIRECTORY` */
export function quantizeCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  return command
    .argument("<model>", `a GGUF file, ${MODEL_ARGUMENT}`)
    .addOption(
      new Option("--precision <kind>", "the precision of the matrices").choices(["int8", "int4"]).makeOptionMandatory(),
    )
    .requiredOption("--out <directory>", "where the quantized model goes")
    .option("--text <file>", "the text that the perplexity is measured on; default a page of English prose")
    .option(
      "--calibration <file>",
      "int4: a text that the model reads first, to round its weights by; default two pages",
    )
    .option("--no-calibration", "int4: round all weights alike, without reading a text")
    .option("--no-measure", "measure neither perplexity nor speed")
    .action(async (model: string, flags: QuantizeFlags) => {
      const { checkWritable } = await import("./lazy/formats.ts");
      const { readText } = await import("./lazy/training.ts");
      const { quantizeModel } = await import("../inference/node.ts");
      const { precision, out, measure } = flags;
      await checkWritable(out);
      const text = flags.text === undefined ? undefined : await readText(flags.text);
      const calibration = typeof flags.calibration === "string" ? await readText(flags.calibration) : flags.calibration;
      const onProgress = (stage: string): unknown => flags.quiet || terminal.stderr.write(`${stage}\n`);
      const location = await resolveModel(model, { flags, terminal, signal });
      const options = { precision, out, text, calibration, measure, signal, onProgress };
      const result = await quantizeModel(location, options);
      if (flags.json) return printJson(terminal, { model, precision, out, ...result });
      for (const line of tableLines(rowsOf(result))) terminal.stdout.write(`${line}\n`);
      terminal.stdout.write(`written to ${out}\n`);
    });
}

function rowsOf(result: QuantizedModel): string[][] {
  const { bytesBefore, bytesAfter, perplexityBefore, perplexityAfter, withoutPerplexity, tokensPerSecond } = result;
  const rows = [["size", `${bytesText(bytesBefore)} → ${bytesText(bytesAfter)}`]];
  if (result.calibrationTokens !== undefined) rows.push(["calibration", `${result.calibrationTokens} tokens`]);
  if (perplexityAfter !== undefined) rows.push(["perplexity", perplexityText(perplexityBefore, perplexityAfter)]);
  if (withoutPerplexity !== undefined) rows.push([perplexityAfter ? "" : "perplexity", `none: ${withoutPerplexity}`]);
  if (tokensPerSecond !== undefined) rows.push(["speed", `${tokensPerSecond.toFixed(1)} tokens/s`]);
  return rows;
}

function perplexityText(before: number | undefined, after: number): string {
  if (before === undefined) return after.toFixed(3);
  const change = (after / before - 1) * 100;
  return `${before.toFixed(3)} → ${after.toFixed(3)} (${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(2)} %)`;
}
