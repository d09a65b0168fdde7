import type { Architecture, ArchitectureOf, HeadConfig, Kind } from "../../families/index.ts";
import { decoderRuntime } from "./decoder.ts";
import { encoderRuntime } from "./encoder.ts";
import { encoderDecoderRuntime } from "./encoder-decoder.ts";
import { recurrentRuntime } from "./recurrent.ts";
import { recurrentEncoderDecoderRuntime } from "./recurrent-encoder-decoder.ts";
import type { KindRuntime, ModelRuntime } from "./runtime.ts";

export type { ForwardRuntime, GenerationRuntime, ModelRuntime, PassSizes } from "./runtime.ts";

export { attends, type KindTraits, traitsOf } from "./traits.ts";

/** Every kind of model. */
const kinds: { readonly [K in Kind]: KindRuntime<ArchitectureOf<K>> } = {
  decoder: decoderRuntime,
  encoder: encoderRuntime,
  "encoder-decoder": encoderDecoderRuntime,
  recurrent: recurrentRuntime,
  "recurrent-encoder-decoder": recurrentEncoderDecoderRuntime,
};

/** The behaviour of a model that follows from its kind. */
export function runtimeOf(architecture: Architecture): ModelRuntime {
  return runtimeOfKind(architecture);
}

/** The head of a model's checkpoint; of kinds that have no other, the one over words. */
export function headOf(architecture: Architecture): HeadConfig {
  return runtimeOf(architecture).head;
}

function runtimeOfKind<K extends Kind>(architecture: ArchitectureOf<K>): ModelRuntime {
  const runtime: KindRuntime<ArchitectureOf<K>> = kinds[architecture.kind];
  return runtime(architecture);
}
