export { locateModel } from "#hub";
export { type Checkpoint, openCheckpoint, openSafetensors } from "./checkpoint.ts";
export type { HubOptions, LocateOptions, ProgressEvent } from "./hub/options.ts";
export type { TensorInfo } from "./safetensors-header.ts";
export { safetensorsChunks } from "./safetensors-write.ts";
