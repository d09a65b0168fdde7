import { type Command, Option } from "commander";
import { LecternError } from "../common/index.ts";
import type { WrittenType } from "../formats/index.ts";
import type { OnnxLayout } from "../inference/node.ts";
import { ggufTypes } from "./choices.ts";
import { MODEL_ARGUMENT, type ModelFlags, resolveModel } from "./models.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface ExportFlags extends ModelFlags {
  readonly format: "gguf" | OnnxLayout;
  readonly type: string;
  readonly precision: "float32" | "int8" | "int4";
  readonly out: string;
  readonly name?: string;
  readonly license?: string;
}

/** The options that only one of the formats has. */
const OF_GGUF = ["type", "name", "license"];
const OF_ONNX = ["precision"];

/** `lectern export MODEL --format gguf --out FILE`, `lectern export MODEL --format onnx --out DIR` */
export function exportCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  return command
    .argument("<model>", `a GGUF file, ${MODEL_ARGUMENT}`)
    .addOption(
      new Option("--format <format>", "a GGUF file, one ONNX graph, or a directory for Transformers.js")
        .choices(["gguf", "onnx", "transformers.js"])
        .default("gguf"),
    )
    .addOption(
      new Option("--type <type>", "gguf: how matrices are stored; norms stay in float32")
        .choices([...ggufTypes])
        .default("f16"),
    )
    .addOption(
      new Option("--precision <kind>", "onnx, transformers.js: the precision of linear layers")
        .choices(["float32", "int8", "int4"])
        .default("float32"),
    )
    .requiredOption("--out <path>", "the file to write; for ONNX, the directory")
    .option("--name <name>", "gguf: the model's name in the file; default that of its directory")
    .option("--license <license>", "gguf: default what the directory's README.md says")
    .action(async (model: string, flags: ExportFlags) => {
      checkOptions(command, flags.format);
      const directory = await resolveModel(model, { flags, terminal, signal });
      await (flags.format === "gguf"
        ? writeGguf(model, directory, flags, terminal)
        : writeOnnx(directory, flags, terminal));
    });
}

/** Refuses options of another format. */
function checkOptions(command: Command, format: ExportFlags["format"]): void {
  const others = format === "gguf" ? OF_ONNX : OF_GGUF;
  const given = others.find((name) => command.getOptionValueSource(name) === "cli");
  if (given === undefined) return;
  const owner = format === "gguf" ? "--format onnx and --format transformers.js" : "--format gguf";
  throw new LecternError("usage", `export: --${given} belongs to ${owner}; got --format ${format}`);
}

async function writeGguf(model: string, directory: string, flags: ExportFlags, terminal: Terminal): Promise<void> {
  const { exportGguf } = await import("../inference/node.ts");
  const { out, name, license } = flags;
  const result = await exportGguf(directory, {
    type: flags.type.toUpperCase() as WrittenType,
    out,
    ...(name !== undefined && { name }),
    ...(license !== undefined && { license }),
  });
  if (flags.json) return printJson(terminal, { model, out, type: flags.type, ...result });
  const { tensors, kept } = result;
  if (kept.length > 0 && !flags.quiet)
    terminal.stderr.write(`in float32, for want of whole blocks: ${kept.join(", ")}\n`);
  terminal.stdout.write(`${tensors} tensors written to ${out}\n`);
}

async function writeOnnx(directory: string, flags: ExportFlags, terminal: Terminal): Promise<void> {
  const { exportOnnx } = await import("../inference/node.ts");
  const { out, precision } = flags;
  const result = await exportOnnx(directory, { out, layout: flags.format as OnnxLayout, precision });
  if (flags.json) return printJson(terminal, { out, format: flags.format, ...result });
  for (const { file, inputs, outputs, bytes } of result.graphs) {
    const few = (names: readonly string[]): string =>
      names.length > 6 ? `${names.slice(0, 5).join(", ")}, …` : names.join(", ");
    terminal.stdout.write(`${file}: ${(bytes / 1e6).toFixed(1)} MB; ${few(inputs)} → ${few(outputs)}\n`);
  }
}
