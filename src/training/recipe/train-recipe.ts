import { check } from "../../common/index.ts";
import { type Architecture, readConfig } from "../../families/index.ts";
import { checkWritable, joinPath } from "../../files/index.ts";
import type { Tokenizer } from "../../tokenizers/index.ts";
import { readText } from "../data/examples.ts";
import { trainOnExamples } from "../data/labelled-rows.ts";
import { filesOf, matchingFiles, readSources, withoutHeldOut } from "../data/sources.ts";
import type { Teacher } from "../objectives/distillation-labels.ts";
import { exportModel } from "../run/export-model.ts";
import { checkSize, checkVocabulary, recipeTokenId, startParameters } from "../run/initial-weights.ts";
import { type Run, type RunResult, runTraining } from "../run/run.ts";
import { recipeFingerprint } from "../run/run-fingerprint.ts";
import { InContextTask } from "../tasks/in-context-task.ts";
import { firstStates } from "../tasks/kinds.ts";
import { joinDocuments, type ObjectiveTokens, TextTask, type TokenizedText } from "../tasks/text-task.ts";
import { type GeneratedRecipe, type Recipe, runConfigOf, type TextRecipe } from "./recipe.ts";

/** The paths of a recipe's files, and its tokenizer. */
export interface TextFiles {
  /** The directory below which the recipe's files stand. */
  readonly data: string;
  /** The tokenizer of the model. */
  readonly tokenizer: Tokenizer;
}

/** Options of `trainRecipe`. */
export interface TrainOptions extends TextFiles, Pick<Run, "threads" | "signal" | "onReport" | "onResume" | "onStop"> {
  /** The directory of the tokenizer's files, which belong to the model. */
  readonly tokenizerDirectory: string;
  /** The output directory: a Hugging Face directory, with the checkpoint in it. */
  readonly out: string;
  /** A model whose weights are taken to begin with, where they fit. */
  readonly begin?: string | undefined;
  /** The teacher that labels the examples of a distillation recipe. */
  readonly teacher?: Teacher | undefined;
}

/** Trains a model by its recipe and writes it; resumes from the checkpoint in `out`, if there is one. */
export async function trainRecipe(recipe: Recipe, options: TrainOptions): Promise<RunResult> {
  await checkWritable(options.out);
  checkSize(readConfig(recipe.config));
  if ("task" in recipe) return trainOnExamples(recipe, options);
  return "generator" in recipe ? trainOnGenerated(recipe, options) : trainOnTexts(recipe, options);
}

async function trainOnGenerated(recipe: GeneratedRecipe, options: TrainOptions): Promise<RunResult> {
  const architecture = readConfig(recipe.config);
  return trainAndExport(recipe, architecture, generatedTask(recipe, architecture, options.tokenizer), options);
}

/** A recipe's generated rows as a task. */
export function generatedTask(
  recipe: GeneratedRecipe,
  architecture: Architecture,
  tokenizer: Tokenizer,
): InContextTask {
  checkLength(recipe, architecture);
  checkVocabulary(tokenizer.vocabularySize, architecture);
  return new InContextTask({ ...recipe, tokenizer });
}

async function trainOnTexts(recipe: TextRecipe, options: TrainOptions): Promise<RunResult> {
  const architecture = readConfig(recipe.config);
  return trainAndExport(recipe, architecture, await textTask(recipe, architecture, options), options);
}

async function trainAndExport(
  recipe: TextRecipe | GeneratedRecipe,
  architecture: Architecture,
  task: TextTask | InContextTask,
  options: TrainOptions,
): Promise<RunResult> {
  const result = await runTraining({
    ...options,
    architecture,
    task,
    identity: { ...(await recipeFingerprint(recipe, options)), ...task.identity },
    config: runConfigOf(recipe),
    start: () => startParameters(architecture, { ...recipe, directory: options.begin }),
  });
  const { out, tokenizerDirectory } = options;
  await exportModel(out, result.parameters, recipe.config, tokenizerDirectory, recipe.precision);
  return result;
}

/** A recipe's texts as a task; without what it learns from, it can only be measured. */
export async function textTask(
  recipe: TextRecipe,
  architecture: Architecture,
  options: TextFiles & { readonly measureOnly?: boolean },
): Promise<TextTask> {
  checkLength(recipe, architecture);
  const tokens = tokensOf(recipe, options.tokenizer, architecture);
  const { training, heldOut } = await readTexts(recipe, options, tokens.eosTokenId);
  const learned = options.measureOnly ? heldOut : training;
  check(
    recipe.batchSize <= learned.ids.length,
    "input",
    () => `recipe: batchSize ${recipe.batchSize} is more than the text's ${learned.ids.length} tokens; lower it`,
  );
  return new TextTask(learned, heldOut, {
    ...recipe,
    tokens,
    firstStates: firstStates(architecture, recipe.batchSize),
  });
}

function checkLength({ length }: Pick<TextRecipe, "length">, { config }: Architecture): void {
  const window = config.maxPositionEmbeddings;
  check(
    length <= window,
    "config",
    () => `recipe: length ${length} is more than the model's ${window} positions; lower it, or widen config`,
  );
}

/** The tokens that the objective needs, as the tokenizer has them. */
function tokensOf(
  { config, objective }: TextRecipe,
  tokenizer: Tokenizer,
  architecture: Architecture,
): ObjectiveTokens {
  const size = tokenizer.vocabularySize;
  checkVocabulary(size, architecture);
  const { vocabSize } = architecture.config;
  const end = tokenizer.specialId("eos_token") ?? tokenizer.specialId("sep_token");
  const eosTokenId = recipeTokenId(config, "eos_token_id", end, vocabSize);
  check(eosTokenId !== undefined, "config", () => "recipe: config.eos_token_id is needed: it ends each document");
  const wrapped = tokenizer.encode("").ids;
  const isPiece = (token: string): boolean => token.startsWith("##");
  const starts = (token: string): boolean => /^[Ġ▁]/.test(token);
  const vocabulary = Array.from({ length: size }, (_, id) => tokenizer.token(id) ?? "");
  const hasPieces = vocabulary.some(isPiece);
  const firstSentinelId = tokenizer.id("<extra_id_0>");
  let sentinels = 0;
  while (firstSentinelId !== undefined && tokenizer.id(`<extra_id_${sentinels}>`) === firstSentinelId - sentinels)
    sentinels++;
  return {
    padTokenId: recipeTokenId(config, "pad_token_id", tokenizer.padId ?? 0, vocabSize) as number,
    eosTokenId,
    vocabularySize: size,
    maskTokenId: tokenizer.specialId("mask_token"),
    firstSentinelId,
    sentinels,
    specialIds: tokenizer.specialIds,
    ends:
      (objective.name === "masked-words" || objective.name === "text-infilling") && wrapped.length === 2
        ? [wrapped[0] as number, wrapped[1] as number]
        : undefined,
    continues: (id) => (hasPieces ? isPiece(vocabulary[id] ?? "") : !starts(vocabulary[id] ?? "")),
  };
}

const defaultTexts = ["*.txt", "*.txt.gz"];

/** The texts that a recipe learns from, and those that it holds out; no file is among both. */
export async function readTexts(
  recipe: Pick<TextRecipe, "texts" | "heldOut" | "exclude">,
  { data, tokenizer, measureOnly = false }: TextFiles & { readonly measureOnly?: boolean },
  endToken: number,
): Promise<{ training: TokenizedText; heldOut: TokenizedText }> {
  const { texts = defaultTexts } = recipe;
  const names = await matchingFiles(
    data,
    texts.filter((text) => typeof text === "string"),
  );
  const sources = texts.filter((text) => typeof text !== "string");
  for (const name of recipe.heldOut)
    check(names.includes(name), "file", () => `${data} lacks ${name}, which the recipe holds out`);
  const leaked = sources.flatMap(filesOf).find((file) => recipe.heldOut.includes(file));
  check(leaked === undefined, "config", () => `recipe: ${leaked} is both learned from and held out`);
  const encoded = (text: string): TokenizedText => {
    const { ids } = tokenizer.encode(text, { addSpecialTokens: false });
    return { ids: Int32Array.from(ids), bytes: new TextEncoder().encode(text).length };
  };
  const [training, heldOut]: [TokenizedText[], TokenizedText[]] = [[], []];
  for (const name of measureOnly ? recipe.heldOut : names) {
    const text = encoded(await readText(joinPath(data, name)));
    (recipe.heldOut.includes(name) ? heldOut : training).push(text);
  }
  const rows = measureOnly ? [] : await readSources(data, sources);
  const excluded = measureOnly ? [] : await readSources(data, recipe.exclude ?? []);
  for (const { row, fields } of withoutHeldOut(rows, excluded, ["text"])) {
    check(typeof fields.text === "string", "input", () => `recipe: row ${row} of a source has no column text`);
    training.push(encoded(fields.text));
  }
  check(measureOnly || training.length > 0, "input", () => `${data} has no file that the recipe learns from`);
  return { training: joinDocuments(training, endToken), heldOut: joinDocuments(heldOut, endToken) };
}
