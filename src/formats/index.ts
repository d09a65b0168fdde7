export { type Checkpoint, openCheckpoint, openSafetensors } from "./checkpoint.ts";
export { openDirectory } from "./open-directory.ts";
export type { TensorInfo } from "./safetensors-header.ts";
export { safetensorsChunks } from "./safetensors-write.ts";
