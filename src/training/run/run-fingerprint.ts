import type { Architecture } from "../../families/index.ts";
import type { FileSource } from "../../files/index.ts";
import { openDirectory } from "../../formats/index.ts";
import { openModelFiles, type Weights } from "../../inference/index.ts";
import { sha256 } from "../../runtime/index.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { TrainOptions } from "../recipe/train-recipe.ts";
import type { RunConfig } from "./run.ts";

/** The fingerprint of a run, apart from its progress: settings by name, and hashes of large data. */
export type RunFingerprint = Readonly<Record<string, string>>;

/** A hash begins so: that it changed is all that can be said of it. */
const HASH = "sha256:";

const NEWLINE = Uint8Array.of(10);

/** The same for the same values, whatever their size: texts as they are, numbers as bytes, all else as JSON. */
export function hashOf(values: Iterable<unknown>): string {
  const hash = sha256();
  const encoder = new TextEncoder();
  for (const value of values) {
    hash.update(
      ArrayBuffer.isView(value)
        ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
        : encoder.encode(json(value)),
    );
    hash.update(NEWLINE);
  }
  return HASH + hash.hex().slice(0, 16);
}

const json = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => (inner instanceof RegExp ? inner.source : inner)) ?? "";

/** The number of bytes of each tensor that are hashed in place of all. */
const SAMPLE = 4096;

/** A hash of a model's weights that does not read all of them. */
export async function hashWeights(files: FileSource, { checkpoint }: Weights): Promise<string> {
  const parts: unknown[] = [];
  for (const name of checkpoint.names()) {
    const { file, offset, byteLength, dtype, shape } = checkpoint.info(name);
    parts.push([name, dtype, shape]);
    if (await files.has(file)) parts.push(await files.readBytes(file, offset, Math.min(SAMPLE, byteLength)));
  }
  return hashOf(parts);
}

async function hashModel(directory: string): Promise<string> {
  const files = await openDirectory(directory);
  return hashWeights(files, (await openModelFiles(files)).weights);
}

/** The fingerprint of a recipe's run, apart from its data. */
export async function recipeFingerprint(
  { batchSize, gradientAccumulationSteps, firstPositions, config }: Recipe,
  { tokenizer, begin }: Pick<TrainOptions, "tokenizer" | "begin">,
): Promise<Readonly<Record<string, unknown>>> {
  const range = config.initializer_range ?? config.init_std;
  return {
    batchSize,
    gradientAccumulationSteps,
    firstPositions,
    "config.initializer_range": range,
    "the tokenizer": hashOf([tokenizer.fingerprint]),
    ...(begin !== undefined && { "the model to begin with": await hashModel(begin) }),
  };
}

/** Schedules whose rate does not depend on how many steps there are: such a run may become longer. */
const endless: ReadonlySet<string> = new Set(["constant", "constant_with_warmup"]);

/** The fingerprint of a run: its model, its settings and what its caller adds. */
export function runFingerprint(
  { family, config: model }: Architecture,
  { checkpointEvery: _, gradientCheckpointing: __, steps, ...config }: RunConfig,
  added: Readonly<Record<string, unknown>> = {},
): RunFingerprint {
  const { totalSteps, ...schedule } = config.schedule;
  const length = endless.has(schedule.name) ? {} : { steps, "schedule.totalSteps": totalSteps };
  return {
    ...flatten(added),
    "the model's configuration": hashOf([family.name, model]),
    ...flatten({ ...config, schedule, ...length }),
  };
}

function flatten(values: Readonly<Record<string, unknown>>, prefix = ""): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) continue;
    const isPlain = Object.getPrototypeOf(value ?? 0) === Object.prototype;
    if (isPlain) Object.assign(flat, flatten(value as Record<string, unknown>, `${prefix}${name}.`));
    else flat[prefix + name] = typeof value === "string" ? value : json(value);
  }
  return flat;
}

/** The number of differences that are reported. */
const TOLD = 3;

/** The differences, in words; undefined where there are none. */
export function differenceOf(before: RunFingerprint, now: RunFingerprint): string | undefined {
  const names = [...new Set([...Object.keys(now), ...Object.keys(before)])].filter(
    (name) => before[name] !== now[name],
  );
  const told = names.slice(0, TOLD).map((name) => {
    const [was = "not set", is = "not set"] = [before[name], now[name]];
    return was.startsWith(HASH) || is.startsWith(HASH) ? `${name} changed` : `${name} was ${was}, is ${is}`;
  });
  const rest = names.length > TOLD ? [`and ${names.length - TOLD} more`] : [];
  return names.length === 0 ? undefined : [...told, ...rest].join(", ");
}
