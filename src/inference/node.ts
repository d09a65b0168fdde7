/** Parts that need Node. */
export { exportGguf } from "./export-gguf.ts";
