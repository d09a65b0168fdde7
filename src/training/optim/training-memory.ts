import { clipFactor } from "./clip.ts";
import type { AdamScalars, VectorLoops } from "./vector-loops.ts";
import { vectorLoops } from "./vector-loops.ts";

const PAGE = 65_536;
/** Addresses, and the end of the last array, have 32 bits. */
const MOST_PAGES = 65_535;
/** The bytes that a loop takes at once; arrays begin at multiples of it. */
const FOUR = 16;

const padded = (length: number): number => Math.max(1, Math.ceil((length * 4) / FOUR)) * FOUR;

/**
 * One WebAssembly memory for all that a step changes, so that its loops reach it. The engine reads weights and writes
 * gradients right where they lie.
 */
export class TrainingMemory {
  readonly #memory: WebAssembly.Memory;
  readonly #loops: VectorLoops;
  readonly gradients: Readonly<Record<string, Float32Array>>;
  #end = 0;

  private constructor(memory: WebAssembly.Memory, sizes: Readonly<Record<string, number>>) {
    this.#memory = memory;
    this.#loops = vectorLoops(memory);
    this.gradients = Object.fromEntries(Object.entries(sizes).map(([name, length]) => [name, this.#take(length)]));
  }

  /**
   * Room for a gradient of each size and for arrays of `others`; undefined where it does not fit, or nothing needs it.
   */
  static create(sizes: Readonly<Record<string, number>>, others: readonly number[]): TrainingMemory | undefined {
    const bytes = [...Object.values(sizes), ...others].reduce((sum, length) => sum + padded(length), 0);
    const pages = Math.ceil(bytes / PAGE);
    if (Object.keys(sizes).length === 0 || pages > MOST_PAGES) return undefined;
    try {
      return new TrainingMemory(new WebAssembly.Memory({ initial: pages, maximum: pages }), sizes);
    } catch (error) {
      if (error instanceof RangeError || error instanceof WebAssembly.CompileError) return undefined;
      throw error;
    }
  }

  /** The same numbers, here. */
  moved(data: Float32Array): Float32Array {
    const place = this.#take(data.length);
    place.set(data);
    return place;
  }

  /** Scales gradients that lie here, as `clipGlobalNorm` does. */
  clip(gradients: readonly Float32Array[], limit: number): number {
    const places = gradients.map(({ byteOffset, length }) => [byteOffset, byteOffset + padded(length)] as const);
    const norm = Math.sqrt(places.reduce((sum, [start, end]) => sum + this.#loops.sumOfSquares(start, end), 0));
    const factor = clipFactor(norm, limit);
    if (factor < 1) for (const [start, end] of places) this.#loops.scale(start, end, factor);
    return norm;
  }

  /** True if all lie here. */
  holds(...arrays: readonly Float32Array[]): boolean {
    return arrays.every(({ buffer }) => buffer === this.#memory.buffer);
  }

  adam(
    weights: Float32Array,
    gradient: Float32Array,
    first: Float32Array,
    second: Float32Array,
    by: AdamScalars,
  ): void {
    const at = [weights, gradient, first, second].map(({ byteOffset }) => byteOffset) as [
      number,
      number,
      number,
      number,
    ];
    this.#loops.adam(...at, at[0] + padded(weights.length), ...by);
  }

  /** mean ← kept · mean + (1 − kept) · value */
  mix(mean: Float32Array, value: Float32Array, kept: number): void {
    const end = mean.byteOffset + padded(mean.length);
    this.#loops.mix(mean.byteOffset, value.byteOffset, end, kept, 1 - kept);
  }

  #take(length: number): Float32Array {
    const array = new Float32Array(this.#memory.buffer, this.#end, length);
    this.#end += padded(length);
    return array;
  }
}
