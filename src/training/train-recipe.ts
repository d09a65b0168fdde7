import { appendFile, copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { check, throwIfAborted } from "../common/index.ts";
import { safetensorsChunks } from "../formats/index.ts";
import { writeFileAtomic } from "../formats/write-file.ts";
import { type DecoderConfig, type Family, readDecoder } from "../models/index.ts";
import { fromFloat32, type HostTensor } from "../tensor/index.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { joinDocuments, type TokenizedText, WindowSampler, windows } from "./data.ts";
import { initialize } from "./initialize.ts";
import type { Recipe } from "./recipe.ts";
import { cosineRate } from "./schedule.ts";
import { type Parameters, parameterShapes, StepGraph } from "./step-graph.ts";
import { startState, type TrainingState, trainStep } from "./trainer.ts";

export interface TrainOptions {
  /** A directory of `.txt` files. */
  readonly data: string;
  /** Where `tokenizer.json`, `tokenizer_config.json` and `generation_config.json` lie. */
  readonly tokenizer: string;
  /** Where the model is written: a Hugging Face directory, with the checkpoint in it until the run ends. */
  readonly out: string;
  readonly encode: (text: string) => readonly number[];
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: (report: StepReport) => void;
}

export interface StepReport {
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly norm: number;
  readonly rate: number;
  readonly tokensPerSecond: number;
  readonly secondsLeft: number;
}

export interface TrainResult {
  readonly step: number;
  /** On the held-out files: −log₂ p of the text, per byte of it. */
  readonly bitsPerByte: number;
}

/** Trains a model as the recipe says, goes on from the checkpoint in `out` where there is one, and writes it. */
export async function trainRecipe(recipe: Recipe, options: TrainOptions): Promise<TrainResult> {
  await mkdir(options.out, { recursive: true });
  const { family, config } = readDecoder(recipe.config);
  const endToken = Number(recipe.config.eos_token_id);
  const { training, heldOut } = await readTexts(recipe, options, endToken);
  const sampler = new WindowSampler(training.ids, recipe);
  const shapes = parameterShapes(family, config);
  const state =
    (await loadCheckpoint(options.out)) ?? startState(initialize(shapes, config.numHiddenLayers, recipe.seed));
  await steps(recipe, options, state, sampler, { family, config });
  const bitsPerByte = await evaluate(state.parameters, heldOut, recipe, { family, config }, options.threads);
  await exportModel(recipe, options, state.parameters);
  return { step: state.step, bitsPerByte };
}

async function readTexts(
  recipe: Recipe,
  { data, encode }: TrainOptions,
  endToken: number,
): Promise<{ training: TokenizedText; heldOut: TokenizedText }> {
  const names = (await readdir(data)).filter((name) => name.endsWith(".txt")).sort();
  for (const name of recipe.heldOut)
    check(names.includes(name), "file", () => `${data} lacks ${name}, which the recipe holds out`);
  const read = async (name: string): Promise<TokenizedText> => {
    const text = await readFile(join(data, name), "utf8");
    return { ids: Int32Array.from(encode(text)), bytes: Buffer.byteLength(text) };
  };
  const [training, heldOut]: [TokenizedText[], TokenizedText[]] = [[], []];
  for (const name of names) (recipe.heldOut.includes(name) ? heldOut : training).push(await read(name));
  return { training: joinDocuments(training, endToken), heldOut: joinDocuments(heldOut, endToken) };
}

async function steps(
  recipe: Recipe,
  options: TrainOptions,
  state: TrainingState,
  sampler: WindowSampler,
  model: { family: Family; config: DecoderConfig },
): Promise<void> {
  const graph = await StepGraph.create(model.family, model.config, {
    ...recipe,
    gradients: true,
    threads: options.threads,
  });
  const [begun, first] = [performance.now(), state.step];
  try {
    while (state.step < recipe.steps) {
      throwIfAborted(options.signal);
      const rate = cosineRate({ ...recipe, totalSteps: recipe.steps }, state.step);
      const { loss, norm } = await trainStep(graph, state, [{ batch: sampler.batch(state.step), share: 1 }], {
        ...recipe,
        rate,
      });
      const seconds = (performance.now() - begun) / 1000 / (state.step - first);
      const report = {
        step: state.step,
        steps: recipe.steps,
        loss,
        norm,
        rate,
        tokensPerSecond: (recipe.rows * recipe.length) / seconds,
        secondsLeft: seconds * (recipe.steps - state.step),
      };
      options.onStep?.(report);
      await appendFile(
        join(options.out, "training.jsonl"),
        `${JSON.stringify({ step: state.step, loss, norm, rate })}\n`,
      );
      if (state.step % recipe.checkpointEvery === 0) await saveCheckpoint(options.out, state);
    }
  } finally {
    await graph.dispose();
  }
}

/** Bits per byte over whole windows, each read from its start without what came before. */
async function evaluate(
  parameters: Parameters,
  text: TokenizedText,
  { rows, length }: Recipe,
  { family, config }: { family: Family; config: DecoderConfig },
  threads: number | undefined,
): Promise<number> {
  const graph = await StepGraph.create(family, config, { rows, length, gradients: false, threads });
  const count = Math.floor((text.ids.length - 1) / (rows * length));
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const starts = Array.from({ length: rows }, (_, row) => (i * rows + row) * length);
    sum += (await graph.run(parameters, windows(text.ids, starts, length))).loss;
  }
  await graph.dispose();
  return ((sum / count / Math.LN2) * text.ids.length) / text.bytes;
}

async function exportModel(recipe: Recipe, { out, tokenizer }: TrainOptions, parameters: Parameters): Promise<void> {
  const tensors: Record<string, HostTensor> = {};
  for (const [name, { shape, data }] of Object.entries(parameters))
    tensors[name] = { dtype: "bfloat16", shape, data: fromFloat32("bfloat16", data) };
  await writeFileAtomic(join(out, "model.safetensors"), safetensorsChunks(tensors));
  await writeFileAtomic(join(out, "config.json"), `${JSON.stringify(recipe.config, null, 2)}\n`);
  for (const name of ["tokenizer.json", "tokenizer_config.json", "generation_config.json"]) {
    if (join(tokenizer, name) !== join(out, name)) await copyFile(join(tokenizer, name), join(out, name));
  }
}
