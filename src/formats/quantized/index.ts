import { check } from "../../common/index.ts";
import type { FileSource } from "../../files/index.ts";
import { expertsApart } from "../experts-apart.ts";
import { type Checkpoint, type ConvertedTensor, TensorFiles } from "../tensor-files.ts";
import { awqLayers } from "./awq.ts";
import { bitsandbytesLayers } from "./bitsandbytes.ts";
import { compressedLayers } from "./compressed-tensors.ts";
import { fp8Layers } from "./fp8.ts";
import { gptqLayers } from "./gptq.ts";
import { gridBlocks, gridValues } from "./grid.ts";
import { type Blocks, roundedBlocks, roundedForm } from "./matrix.ts";
import { mxfp4Layers } from "./mxfp4.ts";
import { type Layer, PartReader } from "./reader.ts";
import { type MethodName, type Quantization, refuseQuantizedTensors } from "./settings.ts";

export type { BlockForm, Blocks, QuantizedMatrix } from "./matrix.ts";
export { type Quantization, readQuantization } from "./settings.ts";

/** The quantized layers of each method, in a checkpoint that the config says is quantized so. */
const layersOf: Readonly<Record<MethodName, (reader: PartReader) => readonly Layer[] | Promise<readonly Layer[]>>> = {
  GPTQ: gptqLayers,
  AWQ: awqLayers,
  "compressed-tensors": compressedLayers,
  FP8: fp8Layers,
  bitsandbytes: bitsandbytesLayers,
  MXFP4: mxfp4Layers,
};

/** A checkpoint in which the parts of quantized layers are one matrix each, by the name of its weight. */
export async function openQuantized(
  files: FileSource,
  stored: Checkpoint,
  quantization: Quantization | undefined,
): Promise<Checkpoint> {
  if (!quantization) {
    refuseQuantizedTensors(files.location, stored.names());
    return new TensorFiles(files, expertsApart(files, stored, stored.names()));
  }
  const { method } = quantization;
  const reader = new PartReader(stored, quantization);
  const layers = await layersOf[method](reader);
  check(
    layers.length > 0,
    "config",
    () =>
      `${files.location}: quantization_config says ${method}, but the checkpoint has no layer that is quantized so; if its weights are floats, remove quantization_config`,
  );
  const parts = new Set(layers.flatMap((layer) => layer.parts));
  const left = stored.names().filter((name) => !parts.has(name));
  refuseUnscaled(reader, left);
  refuseQuantizedTensors(files.location, left);
  const tensors = expertsApart(files, stored, left);
  const latest: Latest = {};
  for (const layer of layers) {
    const name = `${layer.path}.weight`;
    check(!tensors.has(name), "file", () => `${files.location}: ${name} is given in floats and in ${method}`);
    tensors.set(name, converted(layer, reader, latest));
  }
  return new TensorFiles(files, tensors);
}

/** Refuses weights of 8 bits that belong to no layer: their scale is missing. */
function refuseUnscaled(reader: PartReader, names: readonly string[]): void {
  const codes: ReadonlySet<string> = new Set(["int8", "uint8", "float8e4m3", "float8e5m2"]);
  const unscaled = names.find((name) => name.endsWith(".weight") && codes.has(reader.info(name).dtype));
  if (unscaled !== undefined)
    throw reader.refused(
      `tensor ${unscaled} is stored as ${reader.info(unscaled).dtype}, and its scale is missing (weight_scale, weight_scale_inv, SCB, or quant_state)`,
    );
}

/** The layer whose values were computed last, of which rows are asked one after the other. */
interface Latest {
  layer?: Layer | undefined;
  values?: Promise<Float32Array> | undefined;
}

function converted(layer: Layer, reader: PartReader, latest: Latest): ConvertedTensor {
  const { sizes, content } = layer;
  const [outSize, inSize] = sizes;
  const sources = [...new Set(layer.parts.map((part) => reader.info(part).file))];
  const all = async (): Promise<Float32Array> => {
    if (latest.layer !== layer) {
      latest.layer = layer;
      latest.values = "grid" in content ? content.grid().then(gridValues) : content.values();
    }
    return latest.values as Promise<Float32Array>;
  };
  const forget = (): void => {
    latest.layer = undefined;
    latest.values = undefined;
  };
  const isExact = "grid" in content && content.form !== undefined;
  const form = isExact ? content.form : roundedForm(inSize);
  async function* pieces(from = 0, to = outSize): AsyncGenerator<Uint8Array> {
    const values = await all();
    if (to === outSize) forget();
    yield new Uint8Array(values.buffer, 4 * from * inSize, 4 * (to - from) * inSize);
  }
  async function* blocks(): AsyncGenerator<Blocks> {
    if ("grid" in content && content.form) yield gridBlocks(await content.grid(), content.form);
    else {
      const values = await all();
      forget();
      yield roundedBlocks(values);
    }
  }
  const order = async (): Promise<BigInt64Array> => {
    const { order } = "grid" in content ? await content.grid() : {};
    return BigInt64Array.from(order ?? Array.from({ length: inSize }, (_, i) => i), BigInt);
  };
  const quantized = form && { form, method: reader.quantization.method, isExact, blocks, order };
  return { dtype: "float32", shape: sizes, sources, pieces, quantized };
}
