/** ONNX Runtime's build for WebGPU, in a file of its own: pages that do not ask for the device do not fetch it. */
export { env, InferenceSession, Tensor } from "onnxruntime-web/webgpu";
