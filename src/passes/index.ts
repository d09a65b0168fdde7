export { type Tiling, tilingOf } from "./row-tiling.ts";
export { pushDownSlices } from "./slice-pushdown.ts";
