import type { TensorType } from "../graph/index.ts";
import { byteLength, elementCount } from "../tensor/index.ts";

/** How tensors are cut: into so many blocks of these sizes. */
export interface Cut {
  readonly blocks: number;
  readonly sizes: readonly number[];
}

/** Tensors below this are in the processor's cache anyway. */
const LARGE_BYTES = 8_000_000;
/** The most bytes of a tensor in one block, so that a few of them stay in the caches of two cores. */
const BLOCK_BYTES = 1_600_000;

/**
 * How elementwise work over large tensors is cut into blocks of rows, each of which goes through all of it before the
 * next: what lies in between then never travels to memory. Undefined where tensors are small or differ in shape.
 */
export function cutOf(tensors: readonly TensorType[]): Cut | undefined {
  const [first] = tensors as [TensorType, ...TensorType[]];
  const shape = first.shape.filter((size) => typeof size === "number");
  if (shape.length < first.shape.length || tensors.some((x) => x.shape.join() !== shape.join())) return undefined;
  const bytes = byteLength(first.dtype, elementCount(shape));
  const rows = elementCount(shape.slice(0, -1));
  if (bytes < LARGE_BYTES) return undefined;
  const blocks = divisorFrom(Math.ceil(bytes / BLOCK_BYTES), rows);
  return blocks < rows ? { blocks, sizes: [rows / blocks, shape.at(-1) as number] } : undefined;
}

/** The least divisor of a size that is no less than `wanted`. */
function divisorFrom(wanted: number, size: number): number {
  let divisor = wanted;
  while (divisor < size && size % divisor !== 0) divisor++;
  return divisor;
}
