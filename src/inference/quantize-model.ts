import { check } from "../common/index.ts";
import type { Architecture } from "../families/index.ts";
import { derivedFile } from "../files/index.ts";
import type { WeightLocation } from "../lowering/index.ts";
import type { Device } from "../runtime/index.ts";
import { planMatrices, quantizedPieces } from "./quantized-matrices.ts";
import { checkMemory } from "./sessions/check-memory.ts";
import type { Weights } from "./weights.ts";

/** The precisions that a model can be loaded in. */
export const precisions = ["float32", "int8", "int4", "auto"] as const;
/** A precision that a model can be loaded in; `auto`: float32 below 100 million parameters, else int8. */
export type Precision = (typeof precisions)[number];

/** Models with fewer parameters are computed in float32 by default: they are small and fast as they are. */
const SMALL_MODEL = 100e6;

/** The version of the file's contents: another way to quantize makes another file. */
const RECIPE = "quantized 4";

/** A precision that was chosen; `published`: the few bits that the checkpoint has its matrices in. */
export type ComputedPrecision = Exclude<Precision, "auto"> | "published";

/**
 * The precision that a model computes in.
 * @param stored the few bits that the checkpoint has its matrices in: of ours, or as they are published
 */
export function computedPrecision(
  precision: Precision | undefined,
  parameterCount: number,
  { quantized, hasPublished }: Pick<Weights, "quantized" | "hasPublished">,
  device: Device = "cpu",
): ComputedPrecision {
  if (quantized) {
    check(
      precision === undefined || precision === "auto" || precision === quantized.precision,
      "usage",
      () =>
        `precision: this model is stored in ${quantized.precision}, got ${precision}; leave it out, or use the float model that was quantized`,
    );
    checkDevicePrecision(device, quantized.precision);
    return quantized.precision;
  }
  if (precision !== undefined && precision !== "auto") return precision;
  if (hasPublished && device === "cpu") return "published";
  if (precision === undefined) return "float32";
  if (parameterCount < SMALL_MODEL) return "float32";
  return device === "webgpu" ? "int4" : "int8";
}

/** Refuses a precision that a device has no kernel for. */
export function checkDevicePrecision(device: Device, precision: Precision | undefined): void {
  check(
    device !== "webgpu" || precision !== "int8",
    "unsupported",
    () => "precision int8: ONNX Runtime has no kernel of it for WebGPU; use float32 or int4, or device cpu",
  );
}

/**
 * Weights whose linear layers and tables of words are read in few bits. They are quantized on first use and kept in the
 * folder of derived files; the checkpoint is not changed. Weights that are in few bits already stay as they are.
 */
export async function quantizeWeights(
  architecture: Architecture,
  weights: Weights,
  precision: Exclude<ComputedPrecision, "published">,
  signal?: AbortSignal,
): Promise<Weights> {
  if (precision === "float32" || weights.isQuantized) return weights;
  const { matrices, size } = planMatrices(architecture, weights, precision);
  if (matrices.length === 0) return weights;
  const [source, ...besides] = weights.files(matrices.flatMap(({ paths }) => paths)) as [string, ...string[]];
  checkMemory(size, precision);
  const recipe = JSON.stringify([RECIPE, matrices.map(({ levels }) => levels.name)]);
  const pieces = (): AsyncIterable<Uint8Array> => quantizedPieces(matrices, weights, precision);
  const file = await derivedFile({ source, besides, recipe, size, pieces, signal });
  const places = new Map<string, WeightLocation>();
  for (const { levels, scales, zeros } of matrices)
    for (const { name, offset, dtype, shape } of [levels, scales, ...(zeros ? [zeros] : [])])
      places.set(name, { file, offset, dtype, shape });
  return weights.withQuantized({ precision, places });
}
