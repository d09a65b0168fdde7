import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { check, LecternError } from "../common/index.ts";
import { type Architecture, readConfig } from "../models/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import { readText } from "./examples.ts";
import { exportModel } from "./export-model.ts";
import { initialize } from "./initialize.ts";
import { type Recipe, runConfigOf } from "./recipe.ts";
import { type Run, type RunResult, runTraining } from "./run.ts";
import { parameterShapes } from "./step-graph.ts";
import { joinDocuments, type ObjectiveTokens, TextTask, type TokenizedText } from "./text-task.ts";

export interface TrainOptions extends Pick<Run, "threads" | "signal" | "onReport"> {
  /** A directory of `.txt` files, which may be gzipped. */
  readonly data: string;
  readonly tokenizer: Tokenizer;
  /** Where the tokenizer's files lie, which belong to the model. */
  readonly tokenizerDirectory: string;
  /** Where the model is written: a Hugging Face directory, with the checkpoint in it. */
  readonly out: string;
}

/** Trains a model as the recipe says, goes on from the checkpoint in `out` where there is one, and writes it. */
export async function trainRecipe(recipe: Recipe, options: TrainOptions): Promise<RunResult> {
  const architecture = readConfig(recipe.config);
  const tokens = tokensOf(recipe, options.tokenizer, architecture);
  const { training, heldOut } = await readTexts(recipe, options, tokens.eosTokenId);
  const shapes = parameterShapes(architecture);
  const result = await runTraining({
    ...options,
    architecture,
    task: new TextTask(training, heldOut, { ...recipe, tokens, firstStates: firstStates(architecture, recipe.rows) }),
    config: runConfigOf(recipe),
    start: async () => initialize(shapes, architecture, recipe.seed),
  });
  const { out, tokenizerDirectory } = options;
  await exportModel(out, result.parameters, recipe.config, tokenizerDirectory, recipe.precision);
  return result;
}

function firstStates(architecture: Architecture, rows: number): Record<string, HostTensor<"float32">> | undefined {
  if (architecture.kind !== "recurrent") return undefined;
  const { cell, hiddenSize, numHiddenLayers } = architecture.config;
  const parts = cell === "lstm" ? ["hidden", "memory"] : ["hidden"];
  const names = Array.from({ length: numHiddenLayers }, (_, i) => parts.map((part) => `state.${i}.${part}`)).flat();
  const zeros = (): HostTensor<"float32"> => ({
    dtype: "float32",
    shape: [rows, hiddenSize],
    data: new Float32Array(rows * hiddenSize),
  });
  return Object.fromEntries(names.map((name) => [name, zeros()]));
}

/** The tokens that the objective needs, as the tokenizer has them. */
function tokensOf({ config, objective }: Recipe, tokenizer: Tokenizer, architecture: Architecture): ObjectiveTokens {
  const eosTokenId = Number(
    config.eos_token_id ?? tokenizer.specialId("eos_token") ?? tokenizer.specialId("sep_token"),
  );
  check(Number.isInteger(eosTokenId), "config", () => "recipe: config.eos_token_id is needed: it ends each document");
  const size = tokenizer.vocabularySize;
  const { vocabSize } = architecture.config;
  check(
    size <= vocabSize,
    "config",
    () => `recipe: the tokenizer has ${size} tokens, config.vocab_size is ${vocabSize}`,
  );
  const wrapped = tokenizer.encode("").ids;
  const isPiece = (token: string): boolean => token.startsWith("##");
  const starts = (token: string): boolean => /^[Ġ▁]/.test(token);
  const vocabulary = Array.from({ length: size }, (_, id) => tokenizer.token(id) ?? "");
  const hasPieces = vocabulary.some(isPiece);
  return {
    padTokenId: Number(config.pad_token_id ?? tokenizer.padId ?? 0),
    eosTokenId,
    vocabularySize: size,
    maskTokenId: tokenizer.specialId("mask_token"),
    firstSentinelId: tokenizer.id("<extra_id_0>"),
    ends:
      objective.name === "masked-words" && wrapped.length === 2
        ? [wrapped[0] as number, wrapped[1] as number]
        : undefined,
    continues: (id) => (hasPieces ? isPiece(vocabulary[id] ?? "") : !starts(vocabulary[id] ?? "")),
  };
}

/** The texts that a recipe learns from, and those that it holds out; no file is among both. */
export async function readTexts(
  recipe: Pick<Recipe, "heldOut">,
  { data, tokenizer }: Pick<TrainOptions, "data" | "tokenizer">,
  endToken: number,
): Promise<{ training: TokenizedText; heldOut: TokenizedText }> {
  const all = await readdir(data).catch((cause) => {
    throw new LecternError("file", `there is no directory ${data}`, { cause });
  });
  const names = all.filter((name) => /\.txt(\.gz)?$/.test(name)).sort();
  for (const name of recipe.heldOut)
    check(names.includes(name), "file", () => `${data} lacks ${name}, which the recipe holds out`);
  const read = async (name: string): Promise<TokenizedText> => {
    const text = await readText(join(data, name));
    const { ids } = tokenizer.encode(text, { addSpecialTokens: false });
    return { ids: Int32Array.from(ids), bytes: Buffer.byteLength(text) };
  };
  const [training, heldOut]: [TokenizedText[], TokenizedText[]] = [[], []];
  for (const name of names) (recipe.heldOut.includes(name) ? heldOut : training).push(await read(name));
  check(training.length > 0, "input", () => `${data} has no .txt file to learn from`);
  return { training: joinDocuments(training, endToken), heldOut: joinDocuments(heldOut, endToken) };
}
