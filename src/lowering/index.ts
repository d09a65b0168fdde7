export { canAttendInPlace } from "./kernels/attention.ts";
export { type LowerOptions, lowerGraph, type WeightBinding } from "./lower-graph.ts";
export type { OnnxGraph, OnnxInitializer, WeightLocation } from "./onnx-graph.ts";
