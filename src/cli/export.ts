import { type Command, Option } from "commander";
import { LecternError } from "../common/index.ts";
import { type WrittenType, writtenTypes } from "../formats/index.ts";
import { exportGguf } from "../model/export-gguf.ts";
import { resolveModel } from "./models.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

interface ExportFlags extends CommonFlags {
  readonly format: "gguf" | "onnx";
  readonly type: string;
  readonly out: string;
  readonly name?: string;
  readonly license?: string;
}

/** `lectern export MODEL --format gguf --out FILE` */
export function exportCommand(root: Command, terminal: Terminal): Command {
  return root
    .command("export")
    .description("Write a model as one file for other programs.")
    .argument("<model>", "a shipped model's name, a Hugging Face directory or a GGUF file")
    .addOption(new Option("--format <format>", "the kind of file").choices(["gguf", "onnx"]).default("gguf"))
    .addOption(
      new Option("--type <type>", "how matrices are stored; norms stay in float32")
        .choices(writtenTypes.map((name) => name.toLowerCase()))
        .default("f16"),
    )
    .requiredOption("--out <file>", "the file to write")
    .option("--name <name>", "the model's name in the file; default that of its directory")
    .option("--license <license>", "default what the directory's README.md says")
    .action(async (model: string, flags: ExportFlags) => {
      if (flags.format === "onnx")
        throw new LecternError("unsupported", "export: --format onnx is not available yet; gguf is");
      const { out, name, license } = flags;
      const result = await exportGguf(resolveModel(model), {
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
