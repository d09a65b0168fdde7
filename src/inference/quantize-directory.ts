import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { check, checkFields, checkValue, LecternError, type Rule, rules, throwIfAborted } from "../common/index.ts";
import { isSameDirectory, joinPath, makeDirectory, writeFileAtomic } from "../files/index.ts";
import { openDirectory, safetensorsHeader } from "../formats/index.ts";
import type { QuantizedPrecision } from "../passes/index.ts";
import { byteLength, elementCount } from "../tensor/index.ts";
import { columnImportance } from "./column-importance.ts";
import { copyCompanions } from "./companions.ts";
import { loadTokenizer } from "./load-tokenizer.ts";
import { type Measurement, measureModel } from "./measure-quantized.ts";
import { openModelFiles } from "./model-files.ts";
import { OWN_METHOD, type OwnQuantization, ownVersion } from "./quantized-directory.ts";
import { type ColumnImportance, type MatrixPlan, partPieces, planMatrices } from "./quantized-matrices.ts";
import { SAMPLE_TEXT } from "./sample-text.ts";
import type { Weights } from "./weights.ts";

/** Options of `quantizeModel`. */
export interface QuantizeOptions {
  /** The precision in which matrices are stored. */
  readonly precision: QuantizedPrecision;
  /** The directory to write. */
  readonly out: string;
  /** The text that the perplexity is measured on; default a page of English prose. */
  readonly text?: string | undefined;
  /**
   * int4 alone: a text that the model reads first, the first 32,000 characters of it, so that weights are rounded most exactly
   * where its inputs are large; false: none is read. Default two pages of prose, dialogue, code and several languages, where
   * there is a tokenizer.
   */
  readonly calibration?: string | false | undefined;
  /** False if neither perplexity nor speed is measured. Default true. */
  readonly measure?: boolean | undefined;
  /** Cancels the work, with code `abort`. */
  readonly signal?: AbortSignal | undefined;
  /** Called with what is about to be done. */
  readonly onProgress?: ((stage: "calibrate" | "quantize" | "measure before" | "measure after") => void) | undefined;
}

/** The result of `quantizeModel`. */
export interface QuantizedModel {
  /** The bytes of the model's weights as they were stored. */
  readonly bytesBefore: number;
  /** The bytes of the weights that were written. */
  readonly bytesAfter: number;
  /** The tokens that the model read to weigh errors of rounding; undefined where it read none. */
  readonly calibrationTokens?: number | undefined;
  /** The perplexity of the text in float32; undefined where the model has none. */
  readonly perplexityBefore?: number | undefined;
  /** The perplexity of the text in the new precision; undefined where the model has none. */
  readonly perplexityAfter?: number | undefined;
  /** The reason why a perplexity is missing. */
  readonly withoutPerplexity?: string | undefined;
  /** In the new precision: of decoding one sequence, or of reading a text where the model generates nothing. */
  readonly tokensPerSecond?: number | undefined;
}

const quantizeRules: Readonly<Record<keyof QuantizeOptions, Rule>> = {
  precision: { fits: (value) => value === "int8" || value === "int4", expected: "int8 or int4" },
  out: rules.name,
  text: rules.text,
  calibration: {
    fits: (value) => value === undefined || value === false || (typeof value === "string" && value !== ""),
    expected: "a text, or false",
  },
  measure: rules.flag,
  signal: rules.signal,
  onProgress: rules.function,
};

/** Files that are copied beside those of the tokenizer. */
const OTHERS = ["README.md", "LICENSE", "LICENSE.txt", "LICENSE.md", "recipe.json"];

/**
 * Writes a model with its linear layers and its table of words in few bits, as a directory that `loadModel` runs in that
 * precision, and measures what that costs.
 *
 * @param model a directory or a GGUF file
 * @throws LecternError with code `file` where it cannot be written; nothing is left behind then
 */
export async function quantizeModel(model: string, options: QuantizeOptions): Promise<QuantizedModel> {
  checkValue("quantize: the model", model, rules.name);
  const given = options as QuantizeOptions | null;
  checkFields("quantize", { ...given, out: given?.out ?? "", precision: given?.precision ?? "" }, quantizeRules);
  const { out, text = SAMPLE_TEXT, measure = true, signal, onProgress = () => {} } = options;
  check(
    !isSameDirectory(model, out),
    "usage",
    () => `quantize: ${out} is the model itself; write to another directory`,
  );
  check(
    options.calibration === undefined || options.calibration === false || options.precision === "int4",
    "usage",
    () => "quantize: a calibration text is for int4; int8 is rounded without one, leave it out",
  );
  const isNew = !existsSync(out);
  const sizes = await writeQuantized(model, options, onProgress).catch(async (error) => {
    if (isNew) await rm(out, { recursive: true, force: true });
    throw error;
  });
  if (!measure) return sizes;
  onProgress("measure before");
  const before = await measureFloats(model, text, signal);
  onProgress("measure after");
  const after = await measureModel(out, { text, measuresSpeed: true, signal });
  return {
    ...sizes,
    perplexityBefore: before.perplexity,
    perplexityAfter: after.perplexity,
    withoutPerplexity: after.withoutPerplexity ?? before.withoutPerplexity,
    tokensPerSecond: after.tokensPerSecond,
  };
}

/** The perplexity in float32; the reason where the memory does not hold the model. */
async function measureFloats(model: string, text: string, signal: AbortSignal | undefined): Promise<Measurement> {
  return measureModel(model, { text, measuresSpeed: false, signal, precision: "float32" }).catch((error) => {
    if (error instanceof LecternError && error.code === "engine") return { withoutPerplexity: error.message };
    throw error;
  });
}

async function writeQuantized(
  model: string,
  options: QuantizeOptions,
  onProgress: NonNullable<QuantizeOptions["onProgress"]>,
): Promise<Pick<QuantizedModel, "bytesBefore" | "bytesAfter" | "calibrationTokens">> {
  const { precision, out, calibration, signal } = options;
  const files = await openDirectory(model, signal);
  const opened = await openModelFiles(files);
  const { architecture, json, weights } = opened;
  const stored = weights.quantized?.precision;
  check(
    stored === undefined,
    "usage",
    () => `quantize: ${model} is stored in ${stored} already; quantize the float model`,
  );
  const plan = planMatrices(architecture, weights, precision);
  check(
    plan.matrices.length > 0,
    "unsupported",
    () => `quantize: no matrix of ${model} can be stored in ${precision}: they have fewer than 64 rows or odd sizes`,
  );
  const tokenizer = precision === "int4" && calibration !== false ? await loadTokenizer(files) : undefined;
  check(
    tokenizer !== undefined || !calibration,
    "usage",
    () => `quantize: ${model} has no tokenizer to read a calibration text with; leave it out`,
  );
  if (tokenizer) onProgress("calibrate");
  const measured = tokenizer && (await columnImportance(opened, tokenizer, calibration || undefined, signal));
  onProgress("quantize");
  await makeDirectory(out);
  const tensors = tensorsOf(plan, weights, precision, measured?.importance);
  const path = joinPath(out, "model.safetensors");
  await writeFileAtomic(path, fileOf(tensors, signal));
  await copyCompanions(model, out, OTHERS);
  const config = { ...json, quantization_config: settingsOf(plan, weights, precision) };
  await writeFileAtomic(joinPath(out, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  const bytesBefore = weights.checkpoint
    .names()
    .reduce((sum, name) => sum + weights.checkpoint.info(name).byteLength, 0);
  const bytesAfter = tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  return { bytesBefore, bytesAfter, ...(measured && { calibrationTokens: measured.tokens }) };
}

type WrittenTensor = ReturnType<typeof partPieces>[number];

const bytesOf = ({ dtype, shape }: Pick<WrittenTensor, "dtype" | "shape">): number =>
  byteLength(dtype, elementCount(shape));

/** The tensors of the file in order: levels and scales of each matrix, then the floats. */
function tensorsOf(
  { matrices, others }: MatrixPlan,
  weights: Weights,
  precision: QuantizedPrecision,
  importance: ColumnImportance | undefined,
): WrittenTensor[] {
  const floats = others.map((name): WrittenTensor => {
    const { dtype, shape } = weights.checkpoint.info(weights.stored(name));
    return { name, dtype, shape, offset: 0, pieces: weights.bytesOf(name) };
  });
  floats.sort((a, b) => Number(bytesOf(a) % 4 > 0) - Number(bytesOf(b) % 4 > 0)); // odd sizes last
  const own = matrices.filter(({ isShared }) => !isShared);
  return [...own.flatMap((matrix) => partPieces(matrix, weights, precision, importance)), ...floats];
}

async function* fileOf(tensors: readonly WrittenTensor[], signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  yield safetensorsHeader(tensors);
  for (const { pieces } of tensors)
    for await (const piece of pieces) {
      throwIfAborted(signal);
      yield piece;
    }
}

function settingsOf(
  { matrices, others }: MatrixPlan,
  weights: Weights,
  precision: QuantizedPrecision,
): OwnQuantization {
  const floats = new Set(others);
  const paths = [...new Set(matrices.flatMap((matrix) => matrix.paths))].filter((path) => !floats.has(path));
  const shapes = Object.fromEntries(paths.map((path) => [path, weights.shape(path) as readonly [number, number]]));
  return { quant_method: OWN_METHOD, version: ownVersion(precision), precision, shapes };
}
