import { type BlockForm, type Blocks, blockOf, packLevels } from "./matrix.ts";

/** A matrix in whole numbers: weight[o, c] = (level[o, c] − zero[o, g]) · scale[o, g], with g the group of column c. */
export interface Grid {
  readonly sizes: readonly [outSize: number, inSize: number];
  readonly bits: BlockForm["bits"];
  /** The number of columns of a group; a divisor of the number of columns. */
  readonly group: number;
  /** `[O, I]`, one a byte, from 0. */
  readonly levels: Uint8Array;
  /** `[O, I / group]` */
  readonly scales: Float32Array;
  /** `[O, I / group]`; default: 2^(bits − 1) everywhere. */
  readonly zeros?: Uint8Array | undefined;
  /** The input of each column; default: the columns are the inputs. */
  readonly order?: Int32Array | undefined;
}

/** The form that a grid is computed with; undefined where its groups are of no whole blocks. */
export function formOf(
  bits: BlockForm["bits"],
  group: number,
  { hasOffsets = false, isPermuted = false } = {},
): BlockForm | undefined {
  const block = blockOf(group);
  return block === undefined ? undefined : { bits, block, hasOffsets, isPermuted };
}

/** The values of a grid, `[O, I]`, in the order of the inputs. */
export function gridValues({
  sizes: [outSize, inSize],
  bits,
  group,
  levels,
  scales,
  zeros,
  order,
}: Grid): Float32Array {
  const values = new Float32Array(outSize * inSize);
  const count = inSize / group;
  const middle = 2 ** (bits - 1);
  for (let row = 0, at = 0; row < outSize; row++)
    for (let column = 0; column < inSize; column++, at++) {
      const block = row * count + Math.floor(column / group);
      const own = order ? row * inSize + (order[column] as number) : at;
      values[own] = ((levels[at] as number) - (zeros?.[block] ?? middle)) * (scales[block] as number);
    }
  return values;
}

/** A grid in blocks of its form: scales are repeated for groups of several blocks, and zeros become offsets. */
export function gridBlocks(
  { sizes, bits, group, levels, scales, zeros }: Grid,
  { block, hasOffsets }: BlockForm,
): Blocks {
  const count = (sizes[0] * sizes[1]) / block;
  const repeats = group / block;
  const [repeated, offsets] = [new Float32Array(count), new Float32Array(hasOffsets ? count : 0)];
  const middle = 2 ** (bits - 1);
  for (let i = 0; i < count; i++) {
    const own = Math.floor(i / repeats);
    const scale = scales[own] as number;
    repeated[i] = scale;
    if (hasOffsets) offsets[i] = (middle - (zeros?.[own] ?? middle)) * scale;
  }
  return { levels: packLevels(levels, bits), scales: repeated, ...(hasOffsets && { offsets }) };
}
