import { z } from "zod";
import { check, didYouMean } from "../../common/index.ts";
import { parseWith } from "../../common/schemas/index.ts";
import { isSameDirectory } from "../../files/index.ts";
import { columnsOf } from "../data/columns.ts";
import { regularExpression } from "../data/sources.ts";
import { presentNames } from "../run/renamed-settings.ts";
import type { RunConfig } from "../run/run.ts";
import { taskNames } from "../tasks/task-names.ts";
import type { FinetuneOptions } from "./finetune.ts";
import { runOverrides } from "./recipe.ts";

const count = z.int().min(1);
const positive = z.number().positive();
const share = z.number().min(0).lt(1);

const group = z.strictObject({
  match: z.union([regularExpression(""), z.instanceof(RegExp)]),
  rateFactor: z.number().min(0).optional(),
  weightDecay: z.number().min(0).optional(),
});

const optionsSchema = z.strictObject({
  ...Object.fromEntries(
    ["data", "validation", "threads", "signal", "onReport", "onResume", "onStop", "onStart"].map((name) => [
      name,
      z.unknown().optional(),
    ]),
  ),
  model: z.string(),
  task: z.enum(taskNames),
  out: z.string(),
  epochs: positive.optional(),
  batchSize: count.optional(),
  gradientAccumulationSteps: count.optional(),
  learningRate: positive.optional(),
  seed: z.int().min(0).optional(),
  maxLength: count.optional(),
  docStride: z.int().min(0).optional(),
  columns: z.record(z.string(), z.string()).optional(),
  labelSmoothing: share.optional(),
  balanceClasses: z.boolean().optional(),
  prefix: z.string().optional(),
  preference: z
    .strictObject({
      kind: z.enum(["sigmoid", "hinge", "ipo", "ipo_sum", "orpo", "simpo"]),
      beta: positive,
      labelSmoothing: share,
      gamma: z.number(),
    })
    .partial()
    .optional(),
  lora: z
    .looseObject({ r: count.optional(), loraAlpha: positive.optional(), loraDropout: share.optional() })
    .optional(),
  precision: z.enum(["float32", "int8", "int4"]).optional(),
  baseName: z.string().optional(),
  keepEvaluated: z.boolean().optional(),
  config: runOverrides.extend({ groups: z.array(group).optional() }).optional(),
});

/** Options that one task alone has, and what the command line calls them. */
const special = {
  prefix: { task: "text2text-generation", flags: "--prefix" },
  preference: { task: "preference", flags: "--preference-loss, --beta" },
  balanceClasses: { task: "text-classification", flags: "--balance-classes" },
} as const;

/** Options that fit together, with expressions made and the seed settled; what does not fit is named. */
export function checkOptions(
  given: FinetuneOptions,
): FinetuneOptions & { readonly seed: number; readonly config: Partial<RunConfig> } {
  const options = presentNames(given, "options", "finetune");
  const { task, columns = {}, config = {}, model, out } = options;
  check(
    taskNames.includes(task),
    "usage",
    () => `finetune: there is no task ${task}${didYouMean(task, taskNames)}; known are ${taskNames.join(", ")}`,
  );
  parseWith<unknown>(optionsSchema, options, "finetune");
  for (const [name, { task: own, flags }] of Object.entries(special) as [
    keyof typeof special,
    (typeof special)[keyof typeof special],
  ][])
    check(
      task === own || !options[name],
      "usage",
      () => `finetune: ${name} (${flags}) goes with ${own}, not with ${task}; leave it out`,
    );
  const known = columnsOf(task);
  const other = Object.keys(columns).find((name) => !known.includes(name));
  check(
    other === undefined,
    "usage",
    () =>
      `finetune: ${task} reads no column ${other}${didYouMean(other as string, known)}; it reads ${known.join(", ")}`,
  );
  check(
    !isSameDirectory(model, out),
    "usage",
    () => `finetune: ${out} is the model's own directory; write to another one`,
  );
  const groups = config.groups?.map((each) => ({ ...each, match: new RegExp(each.match) }));
  return { ...options, seed: options.seed ?? config.seed ?? 1, config: { ...config, ...(groups && { groups }) } };
}
