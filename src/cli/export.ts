import { type Command, Option } from "commander";
import { LecternError } from "../common/index.ts";
import type { WrittenType } from "../formats/index.ts";
import { ggufTypes } from "./choices.ts";
import { MODEL_ARGUMENT, type ModelFlags, resolveModel } from "./models.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface ExportFlags extends ModelFlags {
  readonly format: "gguf" | "onnx";
  readonly type: string;
  readonly out: string;
  readonly name?: string;
  readonly license?: string;
}

/** `lectern export MODEL --format gguf --out FILE` */
export function exportCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  return command
    .argument("<model>", `a GGUF file, ${MODEL_ARGUMENT}`)
    .addOption(new Option("--format <format>", "the kind of file").choices(["gguf", "onnx"]).default("gguf"))
    .addOption(
      new Option("--type <type>", "how matrices are stored; norms stay in float32")
        .choices([...ggufTypes])
        .default("f16"),
    )
    .requiredOption("--out <file>", "the file to write")
    .option("--name <name>", "the model's name in the file; default that of its directory")
    .option("--license <license>", "default what the directory's README.md says")
    .action(async (model: string, flags: ExportFlags) => {
      if (flags.format === "onnx")
        throw new LecternError("unsupported", "export: --format onnx is not available yet; gguf is");
      const { exportGguf } = await import("../inference/node.ts");
      const { out, name, license } = flags;
      const result = await exportGguf(await resolveModel(model, { flags, terminal, signal }), {
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
    });
}
