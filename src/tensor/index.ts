export { fromFloat32, halfBits, halfValue, toFloat32 } from "./convert.ts";
export { byteLength, type DType, LOWEST_FLOAT32, onnxTypes, type TypedArrays, typedArrays } from "./dtype.ts";
export { multiplyHadamard } from "./hadamard.ts";
export { dequantizeBlocks, packRows, type QuantizedBlocks, quantizeBlocks, unpackRows } from "./quantize-blocks.ts";
export { argmax, argmaxOrNaN, logSoftmax, logSumExp, maxOf, softmax } from "./softmax.ts";
export { elementCount, type HostTensor, int64Matrix } from "./tensor.ts";
