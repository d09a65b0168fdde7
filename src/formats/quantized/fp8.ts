import type { Layer, PartReader } from "./reader.ts";

/** The endings of scales, by what writes them: DeepSeek's and Qwen's blocks, per-tensor and per-row scales. */
const SCALES = [".weight_scale_inv", ".weight_scale"] as const;
const PARTS = [".activation_scale", ".input_scale", ".input_scale_ub"];

/**
 * Layers of 8-bit floats: `weight` `[O, I]` times a scale for each block of `weight_block_size` (as in DeepSeek-V3,
 * 2024), each output, or the whole matrix.
 */
export function fp8Layers(reader: PartReader): Layer[] {
  return SCALES.flatMap((scale) =>
    reader.pathsWith(scale).map((path) => {
      const layer = floatLayer(reader, path, scale);
      return { ...layer, parts: [`${path}.weight`, path + scale, ...reader.present(path, PARTS)] };
    }),
  );
}

/** One layer, whose scales have a name that ends so. */
export function floatLayer(reader: PartReader, path: string, ending: string): Omit<Layer, "parts"> {
  const weight = `${path}.weight`;
  const sizes = reader.matrix(weight);
  const [outSize, inSize] = sizes;
  reader.expect(weight, sizes, "float8e4m3", "float8e5m2");
  const { shape, dtype } = reader.info(path + ending);
  if (dtype !== "float32" && dtype !== "bfloat16" && dtype !== "float16")
    throw reader.refused(`${path}${ending}: expected scales in floats; got ${dtype}`);
  const [rows = 1, columns = 1] = shape;
  const size = reader.quantization.settings.weight_block_size;
  const isBlock = rows * columns > 1 && Array.isArray(size) && size.length === 2 && size.every(Number.isInteger);
  const [height, width] = isBlock ? (size as [number, number]) : [outSize / rows, inSize / columns];
  if (rows !== Math.ceil(outSize / height) || columns !== Math.ceil(inSize / width) || shape.length > 2)
    throw reader.refused(
      `${path}${ending} has shape [${shape.join(", ")}], which does not cover [${sizes.join(", ")}] in blocks of [${height}, ${width}]`,
    );
  if (!isBlock && (outSize % rows !== 0 || inSize % columns !== 0))
    throw reader.refused(
      `${path}${ending} has shape [${shape.join(", ")}], which does not divide [${sizes.join(", ")}]`,
    );
  return {
    path,
    sizes,
    content: {
      async values(): Promise<Float32Array> {
        const values = await reader.floats(weight);
        const scales = await reader.floats(path + ending);
        for (let row = 0, at = 0; row < outSize; row++)
          for (let column = 0; column < inSize; column++, at++)
            values[at] =
              (values[at] as number) *
              (scales[Math.floor(row / height) * columns + Math.floor(column / width)] as number);
        return values;
      },
    },
  };
}
