import { packRows, quantizeBlocks } from "../../tensor/index.ts";

/** The form in which a matrix of few bits is computed with: blocks of each row, with a scale and perhaps an offset each. */
export interface BlockForm {
  readonly bits: 4 | 8;
  /** The number of weights that share a scale: a power of two from 16 on that divides the number of inputs. */
  readonly block: number;
  /** True if each block has an offset that is added to all its weights. */
  readonly hasOffsets: boolean;
  /** True if the columns lie in another order than the inputs. */
  readonly isPermuted: boolean;
}

/** Some rows of a matrix of few bits: a weight is (level − 2^(bits − 1)) · scale + offset. */
export interface Blocks {
  /** A byte holds one level of 8 bits, or two of 4 bits, the first in the lower half. */
  readonly levels: Uint8Array;
  readonly scales: Float32Array;
  readonly offsets?: Float32Array | undefined;
  /** Sums of squares of the rounding errors and of the values, where the published values were rounded to the form. */
  readonly rounding?: { readonly errors: number; readonly values: number } | undefined;
}

/** A matrix `[O, I]` that a checkpoint stores in few bits. */
export interface QuantizedMatrix {
  readonly form: BlockForm;
  /** The name of the way in which the file stores it: Q4_K, GPTQ. */
  readonly method: string;
  /** False if the published values are rounded to the form. */
  readonly isExact: boolean;
  /** All rows in order, some at a time. */
  blocks(): AsyncIterable<Blocks>;
  /** The input of each stored column, of a form that is permuted. */
  order(): Promise<BigInt64Array>;
}

/** The largest block that scales are kept for; larger groups repeat theirs. */
const LARGEST_BLOCK = 128;
const SMALLEST_BLOCK = 16;

/** The largest block that groups of a size consist of; undefined where they are of no whole blocks. */
export function blockOf(group: number): number | undefined {
  for (let block = LARGEST_BLOCK; block >= SMALLEST_BLOCK; block /= 2) if (group % block === 0) return block;
  return undefined;
}

/** Levels of a byte each as they are stored: as they are, or two a byte. */
export function packLevels(levels: Uint8Array, bits: BlockForm["bits"]): Uint8Array {
  return bits === 8 ? levels : packRows(levels, levels.length);
}

/** The block of values that no levels express, which are rounded to 8 bits. */
const ROUNDED_BLOCK = 32;

/** The form that values are rounded to; undefined for rows that are no whole blocks. */
export function roundedForm(inSize: number): BlockForm | undefined {
  if (inSize % ROUNDED_BLOCK !== 0) return undefined;
  return { bits: 8, block: ROUNDED_BLOCK, hasOffsets: false, isPermuted: false };
}

/** Rows of values, rounded to {@link roundedForm}. */
export function roundedBlocks(values: Float32Array): Blocks {
  const { levels, scales } = quantizeBlocks(values, 8, ROUNDED_BLOCK);
  let [errors, squares] = [0, 0];
  for (const [i, value] of values.entries()) {
    const rounded = ((levels[i] as number) - 128) * (scales[Math.floor(i / ROUNDED_BLOCK)] as number);
    errors += (value - rounded) ** 2;
    squares += value ** 2;
  }
  return { levels, scales, rounding: { errors, values: squares } };
}
