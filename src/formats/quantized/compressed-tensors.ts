import { isObject, shown } from "../../common/index.ts";
import { floatLayer } from "./fp8.ts";
import { formOf, type Grid } from "./grid.ts";
import type { Layer, PartReader } from "./reader.ts";

type Json = Readonly<Record<string, unknown>>;

/** The formats that are read. */
const FORMATS = ["pack-quantized", "int-quantized", "naive-quantized", "float-quantized", "dense"] as const;

/** Parts of a layer beside its levels; the scales of inputs are not used, which are rounded by their own largest entry. */
const PARTS = [
  ".weight_packed",
  ".weight_shape",
  ".weight_scale",
  ".weight_zero_point",
  ".weight_g_idx",
  ".input_scale",
  ".input_zero_point",
  ".output_scale",
  ".output_zero_point",
];

/**
 * Layers of compressed-tensors (github.com/vllm-project/compressed-tensors): int32 `weight_packed` `[O, I · bits / 32]`
 * along the inputs, or `weight` in int8 or 8-bit floats; `weight_scale` `[O, G]`, `[O, 1]` or `[1]`; perhaps
 * `weight_zero_point`, packed along the outputs where the weight is packed, and `weight_g_idx` `[I]`.
 */
export function compressedLayers(reader: PartReader): Layer[] {
  const { settings } = reader.quantization;
  reader.oneOf("format", settings.format ?? "dense", FORMATS);
  const { transform_config: transforms, sparsity_config: sparsity } = settings;
  if (isObject(transforms) && Object.keys((transforms.config_groups ?? {}) as Json).length > 0)
    throw reader.refused("transform_config turns activations, which is not read");
  if (isObject(sparsity) && (sparsity.format ?? "dense") !== "dense")
    throw reader.refused(`sparsity_config ${shown(sparsity.format)} is not read`);
  const groups = Object.values((settings.config_groups ?? {}) as Json).filter(isObject);
  for (const { format } of groups) if (format) reader.oneOf("format", format, FORMATS);
  const packed = reader.pathsWith(".weight_packed").map((path) => packedLayer(reader, path, groups));
  const known = new Set(packed.map(({ path }) => path));
  const plain = reader.pathsWith(".weight_scale").filter((path) => !known.has(path));
  return [...packed, ...plain.map((path) => plainLayer(reader, path))];
}

/** The settings of a layer's weights: those of the group that names it, else of the only one. */
function weightsOf(reader: PartReader, path: string, groups: readonly Json[]): Json {
  const names = (target: string): boolean =>
    target.startsWith("re:") ? new RegExp(`^(?:${target.slice(3)})`).test(path) : target === path;
  const targets = ({ targets }: Json): string[] => (Array.isArray(targets) ? targets.map(String) : []);
  const own =
    groups.find((group) => targets(group).some(names)) ??
    groups.find((group) => targets(group).includes("Linear")) ??
    groups[0];
  if (!isObject(own?.weights)) throw reader.refused(`config_groups says nothing about the weights of ${path}`);
  return own.weights;
}

function packedLayer(reader: PartReader, path: string, groups: readonly Json[]): Layer {
  const { num_bits, actorder } = weightsOf(reader, path, groups);
  const bits = reader.oneOf("num_bits", num_bits, [4, 8] as const);
  const [outSize, words] = reader.matrix(`${path}.weight_packed`);
  const inSize = (words * 32) / bits;
  const [scaleRows, count] = reader.matrix(`${path}.weight_scale`);
  if (inSize % count !== 0 || scaleRows !== outSize)
    throw reader.refused(
      `${path}.weight_scale: expected [${outSize}, groups that divide the ${inSize} inputs]; got [${scaleRows}, ${count}]`,
    );
  const sizes = [outSize, inSize] as const;
  const group = inSize / count;
  const zeros = `${path}.weight_zero_point`;
  const hasZeros = reader.has(zeros);
  if (hasZeros) reader.expect(zeros, [Math.ceil((outSize * bits) / 32), count], "int32");
  reader.expect(`${path}.weight_packed`, [outSize, words], "int32");
  const order = `${path}.weight_g_idx`;
  const isPermuted = reader.has(order) && actorder !== "weight" && actorder !== "static" && count > 1;
  if (isPermuted) reader.expect(order, [inSize]);
  return {
    path,
    sizes,
    parts: reader.present(path, PARTS),
    content: {
      form: formOf(bits, group, { hasOffsets: hasZeros, isPermuted }),
      async grid(): Promise<Grid> {
        await checkShape(reader, path, sizes);
        const stored = unpackedRows(await reader.words(`${path}.weight_packed`), bits);
        const scales = Float32Array.from(await reader.floats(`${path}.weight_scale`));
        const grid = { sizes, bits, group, levels: stored, scales };
        const zeroWords = hasZeros ? await reader.words(zeros) : undefined;
        const withZeros = zeroWords ? { ...grid, zeros: unpackedColumns(zeroWords, bits, outSize, count) } : grid;
        if (!isPermuted) return withZeros;
        return permuted(withZeros, ordered(reader, order, Array.from(await reader.floats(order)), group));
      },
    },
  };
}

async function checkShape(reader: PartReader, path: string, sizes: readonly number[]): Promise<void> {
  const name = `${path}.weight_shape`;
  if (!reader.has(name)) return;
  const shape = Array.from(await reader.floats(name));
  if (shape.join() !== sizes.join())
    throw reader.refused(`${name} is [${shape.join(", ")}], weight_packed holds [${sizes.join(", ")}]`);
}

/** The levels of words whose lowest bits come first. */
function unpackedRows(words: Uint32Array, bits: 4 | 8): Uint8Array {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  if (bits === 8) return bytes;
  const levels = new Uint8Array(2 * bytes.length);
  for (const [i, byte] of bytes.entries()) {
    levels[2 * i] = byte & 15;
    levels[2 * i + 1] = byte >> 4;
  }
  return levels;
}

/** Words `[rows · bits / 32, columns]`, packed along the rows, as one byte a value, `[rows, columns]`. */
function unpackedColumns(words: Uint32Array, bits: 4 | 8, rows: number, columns: number): Uint8Array {
  const [perWord, mask] = [32 / bits, 2 ** bits - 1];
  return Uint8Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const word = words[Math.floor(row / perWord) * columns + column] as number;
    return (word >>> (bits * (row % perWord))) & mask;
  });
}

/** The inputs by their groups. */
function ordered(reader: PartReader, name: string, groups: readonly number[], group: number): Int32Array {
  const order = Int32Array.from(groups.keys()).sort((a, b) => (groups[a] as number) - (groups[b] as number) || a - b);
  if (!order.every((input, column) => groups[input] === Math.floor(column / group)))
    throw reader.refused(`${name} does not give each group ${group} inputs`);
  return order;
}

/** A grid whose columns are put in another order. */
function permuted(grid: Grid, order: Int32Array): Grid {
  const [outSize, inSize] = grid.sizes;
  const levels = new Uint8Array(grid.levels.length);
  for (let row = 0, at = 0; row < outSize; row++)
    for (let column = 0; column < inSize; column++, at++)
      levels[at] = grid.levels[row * inSize + (order[column] as number)] as number;
  return { ...grid, levels, order };
}

/** A layer of int8 or 8-bit floats. */
function plainLayer(reader: PartReader, path: string): Layer {
  const weight = `${path}.weight`;
  const { dtype } = reader.info(weight);
  const [outSize, inSize] = reader.matrix(weight);
  const parts = [weight, ...reader.present(path, PARTS)];
  if (dtype === "float8e4m3" || dtype === "float8e5m2") return { ...floatLayer(reader, path, ".weight_scale"), parts };
  if (dtype !== "int8") throw reader.refused(`${weight} has a scale, and is neither int8 nor an 8-bit float: ${dtype}`);
  const { shape } = reader.info(`${path}.weight_scale`);
  const [scaleRows = 1, count = 1] = shape;
  if (inSize % count !== 0 || (scaleRows !== 1 && scaleRows !== outSize))
    throw reader.refused(`${path}.weight_scale: expected a scale for each output; got [${shape.join(", ")}]`);
  const zeros = `${path}.weight_zero_point`;
  const hasZeros = reader.has(zeros);
  if (hasZeros) reader.expect(zeros, shape, "int8");
  const [sizes, group] = [[outSize, inSize] as const, inSize / count];
  const spread = <T>(all: ArrayLike<T>, row: number, block: number): T =>
    all[(scaleRows === 1 ? 0 : row * count) + block] as T;
  return {
    path,
    sizes,
    parts,
    content: {
      form: formOf(8, group, { hasOffsets: hasZeros }),
      async grid(): Promise<Grid> {
        const levels = (await reader.bytes(weight)).map((level) => level ^ 128); // −128 becomes 0
        const scales = await reader.floats(`${path}.weight_scale`);
        const points = hasZeros ? (await reader.bytes(zeros)).map((zero) => zero ^ 128) : undefined;
        const blocks = Array.from({ length: outSize * count }, (_, i) => [Math.floor(i / count), i % count] as const);
        const grid = { sizes, bits: 8, group, levels } as const;
        return {
          ...grid,
          scales: Float32Array.from(blocks, ([row, block]) => spread(scales, row, block)),
          ...(points && { zeros: Uint8Array.from(blocks, ([row, block]) => spread(points, row, block)) }),
        };
      },
    },
  };
}
