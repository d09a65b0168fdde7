export { activation } from "./activations.ts";
export { type AdapterPlan, adapterPart, fedNames, type LinearAdapter } from "./adapter.ts";
export {
  type BuildOptions,
  type DropoutMask,
  dropoutMask,
  type KeyValue,
  ModelContext,
  type ModelOutputs,
} from "./context.ts";
export { embedding, joinHeads, layerNorm, linear, rmsNorm, splitHeads } from "./layers.ts";
export {
  attentionBias,
  type DerivedInput,
  type Positions,
  positionsOfMask,
  positionsOfRows,
  positionsOfTexts,
} from "./positions.ts";
export { parseRotary, type RotaryConfig, readRotary, rotaryFrequencies, rotarySettings } from "./rotary-frequencies.ts";
export { Scope } from "./scope.ts";
