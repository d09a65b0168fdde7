export { type PassUse, runPasses } from "./pass-list.ts";
export { type PublishedPart, publishedPart } from "./published.ts";
export {
  blockOf,
  type Quantization,
  type QuantizedLayout,
  type QuantizedPart,
  type QuantizedPrecision,
  quantizedPart,
  rotatedBlock,
  rotatedRows,
  routerMatrices,
  sizesOf,
} from "./quantize.ts";
export { type Tiling, tilingOf } from "./row-tiling.ts";
