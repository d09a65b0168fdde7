export { locateModel } from "#hub";
export { openCheckpoint, openSafetensors } from "./checkpoint.ts";
export {
  architectureFor,
  commonSettings,
  type GgufArchitecture,
} from "./gguf/architectures.ts";
export { type WrittenType, writtenTypes } from "./gguf/quantize.ts";
export { samplingEntries } from "./gguf/sampling.ts";
export { ggufName, pairsFromHalves } from "./gguf/tensors.ts";
export { tokenizerEntries } from "./gguf/tokenizer-write.ts";
export { fitsBlocks, type GgufEntry, type GgufOutput, ggufPieces } from "./gguf/write.ts";
export { pickleRefused } from "./hub/choose.ts";
export type { HubOptions, LocateOptions, ProgressEvent } from "./hub/options.ts";
export { commercialUseOf, licenceOf, taskOf } from "./model-card.ts";
export { openDirectory } from "./open-directory.ts";
export { withoutTensors, withRenamed } from "./parameter-names.ts";
export type { BlockForm, Blocks, QuantizedMatrix } from "./quantized/index.ts";
export type { TensorInfo } from "./safetensors-header.ts";
export { safetensorsChunks, safetensorsHeader } from "./safetensors-write.ts";
export type { Checkpoint, StoredTensor } from "./tensor-files.ts";
