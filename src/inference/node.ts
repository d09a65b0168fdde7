/** Parts that need Node. */
export { exportGguf } from "./export-gguf.ts";
export { exportOnnx, type OnnxLayout } from "./onnx/export-onnx.ts";
export { type QuantizedModel, quantizeModel } from "./quantize-directory.ts";
