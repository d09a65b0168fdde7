import { check, LecternError } from "../common/index.ts";
import type { SessionOptions } from "../runtime/index.ts";
import { DecodeEngine, type DecodeUse, type GeneratingArchitecture } from "./decode-engine.ts";
import type { Engine, GeneratingModel } from "./decoding-start.ts";
import { RecurrentEngine } from "./recurrent-decoder.ts";
import { RecurrentSeq2seqEngine } from "./recurrent-seq2seq-decoder.ts";
import type { Weights } from "./weights.ts";

/** The same model, cut off after some layers of what decodes. */
export function withLayers(architecture: GeneratingModel, count: number): GeneratingModel {
  const { kind, family } = architecture;
  if (kind !== "decoder" && kind !== "encoder-decoder")
    throw new LecternError("unsupported", `generation: assistantEarlyExit needs layers to leave out; ${family.name}`);
  const all = kind === "decoder" ? architecture.config.numHiddenLayers : architecture.config.decoderLayers;
  check(
    count < all,
    "usage",
    () => `generation: assistantEarlyExit ${count} leaves nothing out of the model's ${all} layers`,
  );
  if (kind === "decoder") return { ...architecture, config: { ...architecture.config, numHiddenLayers: count } };
  return { ...architecture, config: { ...architecture.config, decoderLayers: count } };
}

/** The session that decodes, of each kind of model. */
export function createEngine(
  architecture: GeneratingModel,
  weights: Weights,
  options: SessionOptions,
  use: DecodeUse,
): Promise<Engine> {
  if (use.showsAll && architecture.kind.startsWith("recurrent"))
    throw new LecternError(
      "unsupported",
      `a ${architecture.family.name} cannot go back: no guessing ahead, no contrastive search`,
    );
  if (architecture.kind === "recurrent") return RecurrentEngine.create(architecture, weights, options);
  if (architecture.kind === "recurrent-encoder-decoder")
    return RecurrentSeq2seqEngine.create(architecture, weights, options);
  return DecodeEngine.create(architecture as GeneratingArchitecture, weights, options, use);
}
