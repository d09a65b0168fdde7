import { z } from "zod";
import { parseWith } from "../../common/schemas/index.ts";
import { regularExpression, type Source, sourceSchema } from "../data/sources.ts";
import { type OnRenamed, presentNames } from "../run/renamed-settings.ts";
import type { RunConfig } from "../run/run.ts";
import { type TrainingTaskName, taskNames } from "../tasks/task-names.ts";
import type { TextObjective } from "../tasks/text-task.ts";
import { checkMetrics, taskMetrics } from "./metrics.ts";

const count = z.int().min(1);
const share = z.number().min(0).max(1);
const rate = z.number().positive();
const betas = z.tuple([share, share]);
const decay = { weightDecay: z.number().min(0).optional() };

const optimizer = z.discriminatedUnion("name", [
  z.strictObject({
    name: z.literal("sgd"),
    momentum: share.optional(),
    dampening: share.optional(),
    nesterov: z.boolean().optional(),
    ...decay,
  }),
  z.strictObject({
    name: z.enum(["adam", "adamw"]),
    betas: betas.optional(),
    epsilon: rate.optional(),
    amsgrad: z.boolean().optional(),
    ...decay,
  }),
  z.strictObject({
    name: z.literal("adafactor"),
    scaleParameter: z.boolean().optional(),
    relativeStep: z.boolean().optional(),
    warmupInit: z.boolean().optional(),
    epsilons: z.tuple([rate, rate]).optional(),
    clipThreshold: rate.optional(),
    decayRate: z.number().optional(),
    beta1: share.nullable().optional(),
    ...decay,
  }),
  z.strictObject({ name: z.literal("lion"), betas: betas.optional(), ...decay }),
  z.strictObject({
    name: z.literal("rmsprop"),
    alpha: share.optional(),
    epsilon: rate.optional(),
    momentum: share.optional(),
    centered: z.boolean().optional(),
    ...decay,
  }),
  z.strictObject({ name: z.literal("adagrad"), epsilon: rate.optional(), lrDecay: share.optional(), ...decay }),
]);

const shape = z.enum(["linear", "cosine", "1-sqrt"]);
const schedule = z.strictObject({
  name: z.enum([
    "constant",
    "constant_with_warmup",
    "linear",
    "cosine",
    "cosine_with_restarts",
    "cosine_with_min_lr",
    "cosine_warmup_with_min_lr",
    "polynomial",
    "inverse_sqrt",
    "warmup_stable_decay",
    "reduce_lr_on_plateau",
  ]),
  learningRate: rate,
  warmupSteps: z.int().min(0).optional(),
  totalSteps: count.optional(),
  numCycles: rate.optional(),
  minLr: z.number().min(0).optional(),
  minLrRate: share.optional(),
  warmupLrRate: share.optional(),
  power: rate.optional(),
  lrEnd: z.number().min(0).optional(),
  timescale: count.optional(),
  numDecaySteps: count.optional(),
  numStableSteps: z.int().min(0).optional(),
  minLrRatio: share.optional(),
  warmupType: shape.optional(),
  decayType: shape.optional(),
  patience: z.int().min(0).optional(),
  factor: share.optional(),
  threshold: z.number().min(0).optional(),
  cooldown: z.int().min(0).optional(),
});

const spans = { density: share.optional(), meanLength: rate.optional() };
const objective = z.discriminatedUnion("name", [
  z.strictObject({ name: z.literal("next-token"), stateful: z.boolean().optional() }),
  z.strictObject({ name: z.literal("masked-words"), share: share.optional(), wholeWords: z.boolean().optional() }),
  z.strictObject({ name: z.literal("span-corruption"), ...spans }),
  z.strictObject({ name: z.literal("text-infilling"), ...spans }),
]);

/** The settings of any run, which `finetune --config` takes. */
const runFields = {
  seed: z.int().min(0),
  steps: count,
  optimizer,
  schedule,
  maxGradNorm: rate.optional(),
  clipValue: rate.optional(),
  /** Parameters whose path this regular expression matches have another learning rate or decay; the first that matches counts. */
  groups: z
    .array(z.strictObject({ match: regularExpression(""), rateFactor: z.number().min(0).optional(), ...decay }))
    .optional(),
  averageDecay: share.optional(),
  dropout: z.boolean().optional(),
  gradientCheckpointing: z.boolean().optional(),
  checkpointEvery: count,
  evaluateEvery: count.optional(),
  metricForBestModel: z
    .string()
    .optional()
    .describe("the metric that the best weights maximize, such as accuracy; default: the lowest loss"),
  patience: count.optional(),
};

/** The fields of every recipe. */
const commonFields = {
  $schema: z.string().optional(),
  config: z.record(z.string(), z.unknown()).describe("the model's config.json"),
  begin: z
    .string()
    .optional()
    .describe(
      "what the initial weights are taken from, by its path from this file: a recipe (*.json), which runs first, or a model's directory; added layers change nothing at first",
    ),
  firstPositions: z
    .enum(["random", "waves"])
    .default("random")
    .describe(
      "how learned position embeddings begin; as waves (Vaswani et al., 2017), near places are alike from the start",
    ),
  batchSize: count,
  gradientAccumulationSteps: count.default(1).describe("gradient accumulation: batches of one optimizer step"),
  precision: z.enum(["float32", "bfloat16", "float16"]).default("float32").describe("dtype of the written weights"),
  ...runFields,
};

const textRecipe = z.strictObject({
  ...commonFields,
  objective: objective.default({ name: "next-token" }),
  texts: z
    .array(z.union([z.string(), sourceSchema]))
    .min(1)
    .optional()
    .describe("text files below the data directory, * for any part of a name; default all .txt and .txt.gz"),
  heldOut: z.array(z.string()).min(1).describe("files held out from training, for evaluation"),
  exclude: z.array(sourceSchema).optional().describe("held-out rows: training rows with the same text are left out"),
  length: count,
});

const sources = z.array(sourceSchema).min(1);
const exampleRecipe = z.strictObject({
  ...commonFields,
  task: z.enum(taskNames),
  examples: z.strictObject({
    training: sources.describe("rows that also occur in validation or test are left out"),
    validation: sources.describe("scored during training, to choose the best weights"),
    test: sources.optional().describe("scored by `lectern eval` only"),
  }),
  maxLength: count.default(256).describe("maximum tokens of a row"),
  multipleOf: count.max(4096).default(16).describe("rows are padded to a multiple of this"),
  labelSmoothing: z.number().min(0).lt(1).default(0),
  teacher: z
    .strictObject({
      share: share.default(1).describe("weight of the teacher's probabilities in the labels"),
      spans: z.int().min(0).default(0).describe("random spans of each text that the teacher labels too"),
    })
    .optional()
    .describe("train on another model's probabilities for the training texts (`lectern train --teacher MODEL`)"),
  generation: z.record(z.string(), z.unknown()).optional().describe("generation options of `lectern eval`"),
});

const generatedRecipe = z.strictObject({
  ...commonFields,
  generator: z
    .enum(["in-context-tasks"])
    .describe("rows that are drawn from the seed, so that no files are read: lines input>output of a task of its own"),
  length: count.describe("tokens of a row"),
});

/** A run of `lectern train` on texts as a file: which model, from which text, and how. */
export type TextRecipe = Omit<z.infer<typeof textRecipe>, "objective" | "texts" | "exclude"> & {
  readonly exclude?: readonly Source[] | undefined;
  readonly objective: TextObjective;
  readonly texts?: readonly (string | Source)[] | undefined;
};

/** A run of `lectern train` on labelled examples. */
export type ExampleRecipe = Omit<z.infer<typeof exampleRecipe>, "task"> & { readonly task: TrainingTaskName };

/** A run of `lectern train` on rows that are drawn at random. */
export type GeneratedRecipe = z.infer<typeof generatedRecipe>;

/** A training recipe, on texts, on labelled examples or on generated rows. */
export type Recipe = TextRecipe | ExampleRecipe | GeneratedRecipe;

/** The recipe's JSON schema, for editors. */
export function recipeJsonSchema(): object {
  return z.toJSONSchema(z.union([textRecipe, exampleRecipe, generatedRecipe]), { io: "input" });
}

/** Settings that `finetune --config` may give. */
export const runOverrides = z.strictObject(runFields).partial();

/** A recipe's JSON by the present names of its settings. */
export function presentRecipe(json: unknown, what: string, onRenamed?: OnRenamed): unknown {
  return presentNames(json, "recipe", what, onRenamed);
}

/** Checks the settings that `finetune --config` gives. */
export function parseRunOverrides(json: unknown, what: string, onRenamed?: OnRenamed): z.infer<typeof runOverrides> {
  return parseWith(runOverrides, presentNames(json, "run", what, onRenamed), what);
}

/**
 * Checks a parsed recipe; what does not fit is named, with where it stands.
 * @param what the recipe's name in messages, such as its file
 */
export function parseRecipe(given: unknown, what = "recipe", onRenamed?: OnRenamed): Recipe {
  const json = presentRecipe(given, what, onRenamed);
  const has = (key: string): boolean => typeof json === "object" && json !== null && key in json;
  const schema = has("task") ? exampleRecipe : has("generator") ? generatedRecipe : textRecipe;
  const recipe = parseWith<unknown>(schema, json, what) as Recipe;
  checkMetrics(recipe, "task" in recipe ? taskMetrics[recipe.task] : [], what);
  return recipe;
}

/** The settings of a run that a recipe gives. */
export function runConfigOf(recipe: Pick<Recipe, keyof typeof runFields>): RunConfig {
  const { schedule, groups, ...rest } = recipe;
  return {
    ...rest,
    optimizer: recipe.optimizer as RunConfig["optimizer"],
    schedule: { totalSteps: recipe.steps, ...schedule } as RunConfig["schedule"],
    groups: groups?.map(({ match, ...group }) => ({ match: new RegExp(match), ...group })) as RunConfig["groups"],
  };
}
