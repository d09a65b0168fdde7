import { arrayEqual } from "../common/index.ts";
import type { TensorType } from "../graph/index.ts";
import { byteLength, elementCount } from "../tensor/index.ts";

/** A division of tensors into a number of blocks of these sizes. */
export interface Tiling {
  readonly blocks: number;
  readonly sizes: readonly number[];
}

/** Tensors below this are in the processor's cache anyway. */
const LARGE_BYTES = 8_000_000;
/** The most bytes of a tensor in one block, so that a few of them stay in the caches of two cores. */
const BLOCK_BYTES = 1_600_000;
/** The factor by which there may be more blocks than that asks for: each takes a turn's time, however small. */
const MOST_TIMES = 4;

/**
 * The tiling of elementwise work over large tensors into blocks of rows, each of which goes through all of it before the
 * next: what lies in between then never travels to memory. Undefined where tensors are small or differ in shape, or where
 * rows do not divide into about as many blocks.
 */
export function tilingOf(tensors: readonly TensorType[]): Tiling | undefined {
  const [first] = tensors as [TensorType, ...TensorType[]];
  const shape = first.shape.filter((size) => typeof size === "number");
  if (!tensors.every((x) => arrayEqual(x.shape, shape))) return undefined;
  const bytes = byteLength(first.dtype, elementCount(shape));
  const rows = elementCount(shape.slice(0, -1));
  if (bytes < LARGE_BYTES) return undefined;
  const wanted = Math.ceil(bytes / BLOCK_BYTES);
  for (let blocks = wanted; blocks < Math.min(rows, wanted * MOST_TIMES); blocks++)
    if (rows % blocks === 0) return { blocks, sizes: [rows / blocks, shape.at(-1) as number] };
  return undefined;
}
