import { dirname } from "node:path";
import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import { openSafetensors, safetensorsChunks } from "../formats/index.ts";
import { writeFileAtomic } from "../formats/write-file.ts";
import { type ForwardInputs, type ForwardResult, loadModel, type Model } from "../model/index.ts";
import { openFiles } from "../runtime/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import { resolveModel } from "./models.ts";
import { type CommonFlags, parseIds, printJson, readText, type Terminal } from "./terminal.ts";

interface ForwardFlags extends CommonFlags {
  readonly text?: string;
  readonly inputIds?: string;
  readonly inputs?: string;
  readonly out: string;
  readonly gradients?: boolean;
  readonly threads?: string;
}

/** `lectern forward MODEL` */
export function forwardCommand(root: Command, terminal: Terminal): Command {
  return root
    .command("forward")
    .description("Run one pass and write logits, hidden states, attentions, loss and gradients to a file.")
    .argument("<model>", "a shipped model's name or a Hugging Face directory")
    .requiredOption("--out <file>", "where the results go, in safetensors")
    .option("--text <text>", "the input as text; - reads standard input")
    .option("--input-ids <ids>", "the input as token ids: 1,2,3")
    .option("--inputs <file>", "the input as a safetensors file: input_ids, attention_mask, labels")
    .option("--gradients", "also the gradient of the loss by every parameter; needs labels")
    .option("--threads <n>", "how many threads compute")
    .action(async (name: string, flags: ForwardFlags) => {
      await using model = await loadModel(resolveModel(name), {
        threads: flags.threads === undefined ? undefined : Number(flags.threads),
      });
      const inputs = await readInputs(model, flags, terminal);
      const tensors = toTensors(
        await model.forward(inputs, { hiddenStates: true, attentions: true, gradients: flags.gradients === true }),
      );
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
    return { inputIds: [model.tokenizer.encode(await readText(text, terminal)).ids] };
  }
  return readInputFile(inputs as string);
}

async function readInputFile(path: string): Promise<ForwardInputs> {
  const checkpoint = await openSafetensors(await openFiles(dirname(path)), path.slice(path.lastIndexOf("/") + 1));
  const rows = async (name: string): Promise<number[][]> => {
    const { shape, data } = await checkpoint.read(name);
    if (shape.length !== 2)
      throw new LecternError("shape", `${path}: ${name} must be [B, T]; came [${shape.join(", ")}]`);
    const [count, width] = shape as [number, number];
    return Array.from({ length: count }, (_, row) => Array.from(data.subarray(row * width, (row + 1) * width), Number));
  };
  const mask = checkpoint.has("attention_mask") ? { attentionMask: await rows("attention_mask") } : {};
  const labels = checkpoint.has("labels") ? { labels: await rows("labels") } : {};
  return { inputIds: await rows("input_ids"), ...mask, ...labels };
}

function toTensors({ logits, hiddenStates, attentions, loss, gradients }: ForwardResult): Record<string, HostTensor> {
  const tensors: Record<string, HostTensor> = { logits };
  for (const [i, tensor] of hiddenStates?.entries() ?? []) tensors[`hidden_states.${i}`] = tensor;
  for (const [i, tensor] of attentions?.entries() ?? []) tensors[`attentions.${i}`] = tensor;
  if (loss !== undefined) tensors.loss = { dtype: "float32", shape: [], data: Float32Array.of(loss) };
  for (const [name, tensor] of Object.entries(gradients ?? {})) tensors[`grad.${name}`] = tensor;
  return tensors;
}
