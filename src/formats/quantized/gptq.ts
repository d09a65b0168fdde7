import { formOf, type Grid } from "./grid.ts";
import type { Layer, PartReader } from "./reader.ts";

interface Settings {
  readonly bits: 4 | 8;
  readonly group: number;
  readonly sizes: readonly [outSize: number, inSize: number];
  /** What is added to stored zero points. */
  readonly zeroOffset: 0 | 1;
  readonly isSymmetric: boolean;
  readonly isPermuted: boolean;
}

/**
 * Layers of GPTQ (Frantar et al., 2022; github.com/AutoGPTQ/AutoGPTQ, github.com/ModelCloud/GPTQModel): levels are packed along the inputs in int32 `qweight`
 * `[I · bits / 32, O]`, zero points along the outputs in `qzeros` `[G, O · bits / 32]`, stored less 1 in the first
 * version of the format; `scales` `[G, O]`, and `g_idx` `[I]`, the group of each input.
 */
export function gptqLayers(reader: PartReader): Layer[] {
  const { settings } = reader.quantization;
  const bits = reader.oneOf("bits", settings.bits, [4, 8] as const);
  const format = reader.oneOf("checkpoint_format", settings.checkpoint_format ?? "gptq", ["gptq", "gptq_v2"]);
  return reader.pathsWith(".qweight").map((path): Layer => {
    const [words, outSize] = reader.matrix(`${path}.qweight`);
    const inSize = (words * 32) / bits;
    const group = reader.group(settings.group_size, inSize, path);
    if ((outSize * bits) % 32 !== 0)
      throw reader.refused(`${path}.qweight has ${outSize} outputs, whose zero points are no whole int32`);
    const count = inSize / group;
    reader.expect(`${path}.qweight`, [words, outSize], "int32");
    reader.expect(`${path}.scales`, [count, outSize], "float16", "bfloat16", "float32");
    reader.expect(`${path}.qzeros`, [count, (outSize * bits) / 32], "int32");
    const own: Settings = {
      bits,
      group,
      sizes: [outSize, inSize],
      zeroOffset: format === "gptq" ? 1 : 0,
      isSymmetric: settings.sym === true,
      isPermuted: settings.desc_act !== false && reader.has(`${path}.g_idx`) && count > 1,
    };
    return {
      path,
      sizes: own.sizes,
      parts: reader.present(path, [".qweight", ".qzeros", ".scales", ".g_idx"]),
      content: {
        form: formOf(bits, group, { hasOffsets: !own.isSymmetric, isPermuted: own.isPermuted }),
        grid: () => gptqGrid(reader, path, own),
      },
    };
  });
}

async function gptqGrid(reader: PartReader, path: string, settings: Settings): Promise<Grid> {
  const { bits, group, sizes, zeroOffset, isSymmetric } = settings;
  const [outSize, inSize] = sizes;
  const order = await columnOrder(reader, path, settings);
  const words = await reader.words(`${path}.qweight`);
  const [perWord, mask] = [32 / bits, 2 ** bits - 1];
  const levels = new Uint8Array(outSize * inSize);
  for (let column = 0; column < inSize; column++) {
    const input = order?.[column] ?? column;
    const [from, shift] = [Math.floor(input / perWord) * outSize, bits * (input % perWord)];
    for (let row = 0; row < outSize; row++)
      levels[row * inSize + column] = ((words[from + row] as number) >>> shift) & mask;
  }
  const count = inSize / group;
  const stored = await reader.floats(`${path}.scales`);
  const packed = await reader.words(`${path}.qzeros`);
  const [scales, zeros] = [new Float32Array(outSize * count), new Uint8Array(outSize * count)];
  for (let block = 0; block < count; block++)
    for (let row = 0; row < outSize; row++) {
      const word = packed[block * (outSize / perWord) + Math.floor(row / perWord)] as number;
      zeros[row * count + block] = ((word >>> (bits * (row % perWord))) + zeroOffset) & mask;
      scales[row * count + block] = stored[block * outSize + row] as number;
    }
  if (isSymmetric && zeros.some((zero) => zero !== 2 ** (bits - 1)))
    throw reader.refused(`sym is true, but ${path}.qzeros holds other zero points; set sym to false`);
  return { sizes, bits, group, levels, scales, ...(!isSymmetric && { zeros }), ...(order && { order }) };
}

/** The inputs by their groups, in which their levels are laid out; undefined where they lie so. */
async function columnOrder(
  reader: PartReader,
  path: string,
  { sizes: [, inSize], group, isPermuted }: Settings,
): Promise<Int32Array | undefined> {
  const name = `${path}.g_idx`;
  if (!reader.has(name) || group === inSize) return undefined;
  reader.expect(name, [inSize], "int32");
  const groups = new Int32Array((await reader.words(name)).buffer);
  const order = Int32Array.from(groups.keys()).sort((a, b) => (groups[a] as number) - (groups[b] as number) || a - b);
  const isWhole = order.every((input, column) => groups[input] === Math.floor(column / group));
  if (!isWhole) throw reader.refused(`${name} does not give each of ${inSize / group} groups ${group} inputs`);
  if (!isPermuted && order.some((input, column) => input !== column))
    throw reader.refused(`desc_act is false, but ${name} has groups in another order; set desc_act to true`);
  return isPermuted ? order : undefined;
}
