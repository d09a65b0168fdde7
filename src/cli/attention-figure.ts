import { writeFile } from "node:fs/promises";
import { extname } from "node:path";
import type { Command } from "commander";
import { LecternError, ownEntry } from "../common/index.ts";
import { MODEL_ARGUMENT } from "./models.ts";
import { number } from "./numbers.ts";
import { addPipelineFlags, loadFor, type PipelineFlags } from "./pipeline-command.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface AttentionFlags extends PipelineFlags {
  readonly out: string;
  readonly layer?: string;
  readonly head?: string;
}

const formats: Readonly<Record<string, "svg" | "html">> = { ".svg": "svg", ".html": "html" };

/** `lectern attention MODEL TEXT --out FILE` */
export function attentionCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  command
    .argument("<model>", MODEL_ARGUMENT)
    .argument("<text>", "the text whose tokens attend to each other")
    .requiredOption("--out <file>", "an .svg picture, or an .html page with every head of the layer")
    .option("--layer <n>", "the layer, from 0; default the last")
    .option("--head <n>", "the head, from 0; default the mean of all");
  return addPipelineFlags(command, { isBatched: false }).action(
    async (name: string, text: string, flags: AttentionFlags) => {
      const format = ownEntry(formats, extname(flags.out).toLowerCase());
      if (!format) throw new LecternError("usage", `--out must end in .svg or .html; got ${flags.out}`);
      const layer = number("--layer", flags.layer, "a whole number from 0");
      const head = number("--head", flags.head, "a whole number from 0");
      await using model = await loadFor(name, { flags, terminal, signal });
      const { attentionFigure } = await import("../explain/index.ts");
      const place = { ...(layer !== undefined && { layer }), ...(head !== undefined && { head }) };
      const figure = await attentionFigure(model, text, { ...place, format });
      await writeFigure(flags.out, figure);
      if (flags.json) printJson(terminal, { model: name, path: flags.out, format, ...place });
      else terminal.stdout.write(`${flags.out}\n`);
    },
  );
}

async function writeFigure(path: string, figure: string): Promise<void> {
  try {
    await writeFile(path, figure);
  } catch (cause) {
    throw new LecternError("file", `${path} cannot be written: ${(cause as Error).message}`, { cause });
  }
}
