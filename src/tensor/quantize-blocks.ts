import { LecternError } from "../common/index.ts";

/** Values in few bits, in blocks of a scale each: a value is (level − 2^(bits − 1)) · scale. */
export interface QuantizedBlocks {
  /** Levels in the order of the values; of two of 4 bits in a byte, the first has the lower half. */
  readonly levels: Uint8Array;
  readonly scales: Float32Array;
}

/** Scales that are tried for a block, as shares of the one that reaches its largest value. */
const SHARES = { 4: [1, 0.9, 0.8], 8: [1] } as const;

/**
 * Quantizes blocks symmetrically around 0. The scale of a block is the one of the least squared error among a few, and
 * the best for the levels that it gives.
 *
 * @param values whole blocks, one after the other
 */
export function quantizeBlocks(values: Float32Array, bits: 4 | 8, block: number): QuantizedBlocks {
  const levels = new Uint8Array((values.length * bits) / 8);
  const scales = new Float32Array(values.length / block);
  const [tried, chosen] = [new Int32Array(block), new Int32Array(block)];
  const most = 2 ** (bits - 1);
  for (let b = 0, from = 0; b < scales.length; b++, from += block) {
    const largest = largestOf(values, from, block);
    let least = Number.POSITIVE_INFINITY;
    chosen.fill(0);
    const attempt = (scale: number): void => {
      if (scale === 0) return;
      const error = roundTo(values, from, scale, most, tried);
      if (!(error < least)) return;
      least = error;
      scales[b] = scale;
      chosen.set(tried);
    };
    for (const share of SHARES[bits]) attempt((share * largest) / (bits === 4 ? -most : most - 1));
    attempt(bestScale(values, from, chosen));
    if (bits === 8) for (let i = 0; i < block; i++) levels[from + i] = (chosen[i] as number) + most;
    else
      for (let i = 0; i < block; i += 2)
        levels[(from + i) / 2] = ((chosen[i] as number) + most) | (((chosen[i + 1] as number) + most) << 4);
  }
  return { levels, scales };
}

/** The values of blocks that `quantizeBlocks` made. */
export function dequantizeBlocks({ levels, scales }: QuantizedBlocks, bits: 4 | 8): Float32Array {
  const values = new Float32Array((levels.length * 8) / bits);
  const block = values.length / scales.length;
  const middle = 2 ** (bits - 1);
  for (let i = 0; i < values.length; i++) {
    const level = bits === 8 ? levels[i] : ((levels[i >> 1] as number) >> (4 * (i & 1))) & 15;
    values[i] = ((level as number) - middle) * (scales[Math.floor(i / block)] as number);
  }
  return values;
}

/** The value of largest size in a block. */
function largestOf(values: Float32Array, from: number, block: number): number {
  let [largest, size] = [0, 0];
  for (let i = from; i < from + block; i++) {
    const own = Math.abs(values[i] as number);
    if (own <= size) continue;
    largest = values[i] as number; // a NaN stays
    size = own;
  }
  if (!Number.isFinite(largest))
    throw new LecternError("numeric", "quantization: the weights hold a NaN or an infinity, which no block can hold");
  return largest;
}

/** Rounds a block to levels of a scale, halves up. @returns the sum of squared errors */
function roundTo(values: Float32Array, from: number, scale: number, most: number, into: Int32Array): number {
  const [inverse, middle, highest] = [1 / scale, most + 0.5, 2 * most - 1];
  let error = 0;
  for (let i = 0; i < into.length; i++) {
    const value = values[from + i] as number;
    const shifted = (value * inverse + middle) | 0; // positive but for values beyond the lowest level
    const level = Math.max(0, Math.min(shifted, highest)) - most;
    into[i] = level;
    const rest = value - level * scale;
    error += rest * rest;
  }
  return error;
}

/** The scale by which levels are nearest to a block: Σ x q ÷ Σ q². */
function bestScale(values: Float32Array, from: number, levels: Int32Array): number {
  let [product, square] = [0, 0];
  for (let i = 0; i < levels.length; i++) {
    const level = levels[i] as number;
    product += (values[from + i] as number) * level;
    square += level * level;
  }
  return square === 0 ? 0 : product / square;
}
