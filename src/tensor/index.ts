export { toFloat32, fromFloat32 } from "./convert.ts";
export { byteLength, type DType, isFloat, type TypedArrays, typedArrays } from "./dtype.ts";
export { elementCount, type HostTensor, int64Matrix, tensor, zeros } from "./tensor.ts";
