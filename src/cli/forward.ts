import { dirname } from "node:path";
import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import type { ForwardInputs, Model } from "../inference/index.ts";
import { DEVICE_OPTION, MODEL_ARGUMENT, type ModelFlags, PRECISION_OPTION } from "./models.ts";
import { loadFor } from "./pipeline-command.ts";
import { readText } from "./stdin.ts";
import { parseIds, printJson, type Terminal } from "./terminal.ts";

interface ForwardFlags extends ModelFlags {
  readonly text?: string;
  readonly inputIds?: string;
  readonly inputs?: string;
  readonly out: string;
  readonly gradients?: boolean;
  readonly adapter?: string;
  readonly threads?: string;
  readonly precision?: string;
}

/** `lectern forward MODEL` */
export function forwardCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  return command
    .argument("<model>", MODEL_ARGUMENT)
    .requiredOption("--out <file>", "where the results go, in safetensors")
    .option("--text <text>", "the input as text; - reads standard input")
    .option("--input-ids <ids>", "the input as token ids: 1,2,3")
    .option(
      "--inputs <file>",
      "the input as a safetensors file: input_ids, attention_mask, token_type_ids, global_attention_mask, decoder_input_ids, labels",
    )
    .option("--adapter <directory>", "a LoRA adapter, as PEFT writes it, or owner/name of one")
    .option(
      "--gradients",
      "also compute the gradient of the loss with respect to every parameter, in float32; needs labels",
    )
    .option(...PRECISION_OPTION)
    .option(...DEVICE_OPTION)
    .option("--base <model>", "the model that an adapter's directory adapts, in place of the one it names")
    .option("--threads <n>", "how many threads compute")
    .option("--force", "take a tokenizer that does not belong to the model")
    .action(async (name: string, flags: ForwardFlags) => {
      const { attends, namedTensors, traitsOf } = await import("./lazy/model.ts");
      const { safetensorsChunks, writeFileAtomic } = await import("./lazy/formats.ts");
      await using model = await loadFor(name, { flags, terminal, signal });
      if (flags.adapter !== undefined) await model.addAdapter("adapter", flags.adapter);
      const inputs = await readInputs(model, flags, terminal);
      const shown = { hiddenStates: traitsOf(model.kind).hasHiddenStates, attentions: attends(model) };
      const tensors = namedTensors(await model.forward(inputs, { ...shown, gradients: flags.gradients === true }));
      await writeFileAtomic(flags.out, safetensorsChunks(tensors));
      const shapes = Object.fromEntries(Object.entries(tensors).map(([key, { shape }]) => [key, shape]));
      if (flags.json) printJson(terminal, { model: name, out: flags.out, tensors: shapes });
      else for (const [key, shape] of Object.entries(shapes)) terminal.stdout.write(`${key}\t[${shape.join(", ")}]\n`);
    });
}

async function readInputs(
  model: Model,
  { text, inputIds, inputs }: ForwardFlags,
  terminal: Terminal,
): Promise<ForwardInputs> {
  if ([text, inputIds, inputs].filter((given) => given !== undefined).length !== 1)
    throw new LecternError("usage", "give one of --text, --input-ids, --inputs");
  if (inputIds !== undefined) return { inputIds: [parseIds(inputIds)] };
  if (text !== undefined) {
    if (!model.tokenizer)
      throw new LecternError("input", "this model's directory has no tokenizer.json: give --input-ids");
    const { ids, typeIds } = model.tokenizer.encode(await readText(text, terminal));
    return { inputIds: [ids], tokenTypeIds: [typeIds] };
  }
  return readInputFile(inputs as string);
}

async function readInputFile(path: string): Promise<ForwardInputs> {
  const { openFiles, openSafetensors } = await import("./lazy/formats.ts");
  const checkpoint = await openSafetensors(await openFiles(dirname(path)), path.slice(path.lastIndexOf("/") + 1));
  const read = async (name: string): Promise<number[] | number[][]> => {
    const { shape, data } = await checkpoint.read(name);
    if (shape.length === 1) return Array.from(data, Number);
    if (shape.length !== 2)
      throw new LecternError("shape", `${path}: ${name} must be [B] or [B, T]; got [${shape.join(", ")}]`);
    const [count, width] = shape as [number, number];
    return Array.from({ length: count }, (_, row) => Array.from(data.subarray(row * width, (row + 1) * width), Number));
  };
  const inputs: Record<string, number[] | number[][]> = {};
  for (const [key, name] of Object.entries(INPUT_NAMES)) if (checkpoint.has(name)) inputs[key] = await read(name);
  if (!Array.isArray(inputs.inputIds?.[0])) throw new LecternError("shape", `${path}: input_ids [B, T] is missing`);
  return { ...inputs, inputIds: inputs.inputIds } as ForwardInputs;
}

/** The names of the tensors of an input file. */
const INPUT_NAMES: Readonly<Record<keyof ForwardInputs, string>> = {
  inputIds: "input_ids",
  attentionMask: "attention_mask",
  tokenTypeIds: "token_type_ids",
  texts: "texts",
  globalAttentionMask: "global_attention_mask",
  decoderInputIds: "decoder_input_ids",
  labels: "labels",
  startPositions: "start_positions",
  endPositions: "end_positions",
};
