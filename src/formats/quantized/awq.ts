import { formOf, type Grid } from "./grid.ts";
import type { Layer, PartReader } from "./reader.ts";

/** The output, of eight in an int32, that each 4 bits hold, from the lowest. */
const ORDER = [0, 2, 4, 6, 1, 3, 5, 7] as const;

/**
 * Layers of AWQ (Lin et al., 2023; github.com/casper-hansen/AutoAWQ) in its `gemm` packing: along the outputs, eight in
 * an int32, in int32 `qweight` `[I, O / 8]` and `qzeros` `[G, O / 8]`; `scales` `[G, O]`.
 */
export function awqLayers(reader: PartReader): Layer[] {
  const { settings } = reader.quantization;
  reader.oneOf("bits", settings.bits ?? settings.w_bit ?? 4, [4]);
  reader.oneOf("version", String(settings.version ?? settings.format ?? "gemm").toLowerCase(), ["gemm"]);
  return reader.pathsWith(".qweight").map((path): Layer => {
    const [inSize, words] = reader.matrix(`${path}.qweight`);
    const group = reader.group(settings.group_size ?? settings.q_group_size ?? 128, inSize, path);
    const sizes = [8 * words, inSize] as const;
    const count = inSize / group;
    const hasZeros = settings.zero_point !== false;
    reader.expect(`${path}.qweight`, [inSize, words], "int32");
    reader.expect(`${path}.scales`, [count, sizes[0]], "float16", "bfloat16", "float32");
    if (hasZeros) reader.expect(`${path}.qzeros`, [count, words], "int32");
    return {
      path,
      sizes,
      parts: reader.present(path, [".qweight", ".qzeros", ".scales"]),
      content: {
        form: formOf(4, group, { hasOffsets: hasZeros }),
        grid: () => awqGrid(reader, path, { sizes, group, hasZeros }),
      },
    };
  });
}

async function awqGrid(
  reader: PartReader,
  path: string,
  { sizes, group, hasZeros }: Pick<Grid, "sizes" | "group"> & { readonly hasZeros: boolean },
): Promise<Grid> {
  const [outSize, inSize] = sizes;
  const count = inSize / group;
  const levels = unpacked(await reader.words(`${path}.qweight`), inSize, outSize);
  const scales = turned(await reader.floats(`${path}.scales`), count, outSize, new Float32Array(count * outSize));
  if (!hasZeros) return { sizes, bits: 4, group, levels, scales };
  return {
    sizes,
    bits: 4,
    group,
    levels,
    scales,
    zeros: unpacked(await reader.words(`${path}.qzeros`), count, outSize),
  };
}

/** Words `[rows, columns / 8]` as one byte a value, turned: `[columns, rows]`. */
function unpacked(words: Uint32Array, rows: number, columns: number): Uint8Array {
  const out = new Uint8Array(rows * columns);
  const perRow = columns / 8;
  for (let row = 0; row < rows; row++)
    for (let word = 0; word < perRow; word++) {
      const packed = words[row * perRow + word] as number;
      for (const [i, own] of ORDER.entries()) out[(8 * word + own) * rows + row] = (packed >>> (4 * i)) & 15;
    }
  return out;
}

/** `[rows, columns]` → `[columns, rows]` */
function turned<A extends Float32Array | Uint8Array>(values: A, rows: number, columns: number, into: A): A {
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      into[column * rows + row] = values[row * columns + column] as number;
  return into;
}
