/**
 * Writes a model for other programs, as a GGUF file, as ONNX graphs or as a directory for Transformers.js, or in few bits.
 *
 * @module lectern/export
 */
export type { WrittenType } from "./formats/index.ts";
export { type ExportedGguf, type ExportGgufOptions, exportGguf } from "./inference/export-gguf.ts";
export {
  type ExportedGraph,
  type ExportedOnnx,
  type ExportedPrecision,
  type ExportOnnxOptions,
  exportOnnx,
  type OnnxLayout,
} from "./inference/onnx/export-onnx.ts";
export { type QuantizedModel, type QuantizeOptions, quantizeModel } from "./inference/quantize-directory.ts";
export type { ComputedPrecision, Precision } from "./inference/quantize-model.ts";
export type { QuantizedPrecision } from "./passes/index.ts";
