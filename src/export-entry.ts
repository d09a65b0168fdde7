/**
 * Writes models for other programs and in few bits.
 *
 * @module lectern/export
 */
export { type ExportedGguf, type ExportGgufOptions, exportGguf } from "./inference/export-gguf.ts";
export { type QuantizedModel, type QuantizeOptions, quantizeModel } from "./inference/quantize-directory.ts";
