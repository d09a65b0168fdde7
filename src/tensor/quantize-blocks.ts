import { LecternError } from "../common/index.ts";

/** Values in few bits, in blocks of a scale each: a value is (level − zero) · scale. */
export interface QuantizedBlocks {
  /** Levels in the order of the values; of two of 4 bits in a byte, the first has the lower half. */
  readonly levels: Uint8Array;
  readonly scales: Float32Array;
  /** The level of each block that stands for 0; where absent, 2^(bits − 1). */
  readonly zeros?: Uint8Array | undefined;
}

/** Ranges that are tried for a block of 4 bits, as shares of the one that holds all of its values. */
const SHARES = [1, 0.9, 0.8];

/**
 * Quantizes blocks: of 8 bits symmetrically around 0, of 4 bits with the level of 0 that fits each. Scales are those of the
 * least squared error among a few.
 *
 * @param values whole blocks, one after the other; with `importance`, whole rows
 * @param importance the factor of the squared errors in each column of a row; default 1
 */
export function quantizeBlocks(
  values: Float32Array,
  bits: 4 | 8,
  block: number,
  importance: Float32Array = new Float32Array(block).fill(1),
): QuantizedBlocks {
  const levels = new Uint8Array(values.length);
  const scales = new Float32Array(values.length / block);
  const zeros = bits === 4 ? new Uint8Array(scales.length) : undefined;
  const rounding = new Rounding(values, bits, block, importance);
  for (let b = 0, from = 0; b < scales.length; b++, from += block) {
    rounding.start(from);
    const [least, most] = rangeOf(values, from, block);
    if (bits === 8)
      rounding.attempt((most < -least ? least : most) / 127, 128); // the largest value is the last level
    else
      for (const share of SHARES) {
        const cut = ((1 - share) * (most - least)) / 2;
        const scale = (share * (most - least)) / 15;
        rounding.attempt(scale, Math.max(0, Math.min(15, Math.round(-(least + cut) / scale))));
      }
    rounding.attempt(rounding.fitting, rounding.zero);
    scales[b] = rounding.scale;
    if (zeros) zeros[b] = rounding.zero;
    rounding.write(levels);
  }
  return { levels: bits === 4 ? packRows(levels, levels.length) : levels, scales, zeros };
}

/** The values of blocks that `quantizeBlocks` made. */
export function dequantizeBlocks({ levels, scales, zeros }: QuantizedBlocks, bits: 4 | 8): Float32Array {
  const values = new Float32Array((levels.length * 8) / bits);
  const block = values.length / scales.length;
  const middle = 2 ** (bits - 1);
  const each = bits === 4 ? unpackRows(levels, values.length) : levels;
  for (let i = 0; i < values.length; i++) {
    const b = Math.floor(i / block);
    values[i] = ((each[i] as number) - (zeros?.[b] ?? middle)) * (scales[b] as number);
  }
  return values;
}

/** Levels of 4 bits, two in a byte, the first in the lower half; each row begins with a byte of its own. */
export function packRows(levels: Uint8Array, perRow: number): Uint8Array {
  const packed = new Uint8Array((levels.length / perRow) * Math.ceil(perRow / 2));
  for (let from = 0, at = 0; from < levels.length; from += perRow)
    for (let i = 0; i < perRow; i += 2, at++)
      packed[at] = (levels[from + i] as number) | (i + 1 < perRow ? (levels[from + i + 1] as number) << 4 : 0);
  return packed;
}

/** Levels that `packRows` packed. */
export function unpackRows(packed: Uint8Array, perRow: number): Uint8Array {
  const bytes = Math.ceil(perRow / 2);
  const levels = new Uint8Array((packed.length / bytes) * perRow);
  for (let from = 0, row = 0; from < levels.length; from += perRow, row += bytes)
    for (let i = 0; i < perRow; i++) levels[from + i] = ((packed[row + (i >> 1)] as number) >> (4 * (i & 1))) & 15;
  return levels;
}

/** The least and the largest value of a block, and 0. */
function rangeOf(values: Float32Array, from: number, block: number): [least: number, most: number] {
  let [least, most] = [0, 0];
  for (let i = from; i < from + block; i++) {
    least = Math.min(least, values[i] as number); // a NaN stays
    most = Math.max(most, values[i] as number);
  }
  if (!Number.isFinite(most - least))
    throw new LecternError("numeric", "quantization: the weights hold a NaN or an infinity, which no block can hold");
  return [least, most];
}

/** Rounds a block in several ways, and keeps the one of the least error. */
class Rounding {
  /** Of the best way so far. */
  scale = 0;
  zero = 0;
  /** The scale by which its levels come nearest to the values: Σ w x q ÷ Σ w q². */
  fitting = 0;
  readonly #values: Float32Array;
  readonly #bits: 4 | 8;
  readonly #importance: Float32Array;
  #tried: Int32Array;
  #best: Int32Array;
  #error = Number.POSITIVE_INFINITY;
  #from = 0;

  constructor(values: Float32Array, bits: 4 | 8, block: number, importance: Float32Array) {
    this.#values = values;
    this.#bits = bits;
    this.#importance = importance;
    this.#tried = new Int32Array(block);
    this.#best = new Int32Array(block);
  }

  /** Begins a block, all of whose values are 0 until they are rounded otherwise. */
  start(from: number): void {
    this.#from = from;
    this.#error = Number.POSITIVE_INFINITY;
    this.scale = 0;
    this.fitting = 0;
    this.zero = 2 ** (this.#bits - 1);
    this.#best.fill(0);
  }

  /** Rounds to levels of a scale around a zero. */
  attempt(scale: number, zero: number): void {
    if (scale === 0) return;
    const values = this.#values;
    const importance = this.#importance;
    const tried = this.#tried;
    const from = this.#from;
    const column = from % importance.length;
    const inverse = 1 / scale;
    const middle = zero + 0.5;
    const highest = 2 ** this.#bits - 1;
    let error = 0;
    let product = 0;
    let square = 0;
    for (let i = 0; i < tried.length; i++) {
      const value = values[from + i] as number;
      const weight = importance[column + i] as number;
      const shifted = (value * inverse + middle) | 0; // rounded; 0 for values below the lowest level
      const level = Math.max(0, Math.min(shifted, highest)) - zero;
      tried[i] = level;
      const rest = value - level * scale;
      const weighted = weight * level;
      error += weight * rest * rest;
      product += weighted * value;
      square += weighted * level;
    }
    if (error < this.#error) {
      this.fitting = square === 0 ? scale : product / square;
      this.#error = error;
      this.scale = scale;
      this.zero = zero;
      [this.#tried, this.#best] = [this.#best, tried];
    }
  }

  /** Writes the levels of the block to their place. */
  write(levels: Uint8Array): void {
    const [best, from, { zero }] = [this.#best, this.#from, this];
    for (let i = 0; i < best.length; i++) levels[from + i] = (best[i] as number) + zero;
  }
}
