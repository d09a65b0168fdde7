/** Parts that need Node. */
export { exportGguf } from "./export-gguf.ts";
export { quantizeModel } from "./quantize-directory.ts";
