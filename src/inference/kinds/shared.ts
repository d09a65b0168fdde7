import { check, LecternError } from "../../common/index.ts";
import type { HeadConfig } from "../../families/index.ts";
import { rewindRefused } from "../decoding-start.ts";
import type { AdapterRules, ForwardRuntime, GenerationRuntime } from "./runtime.ts";

/** A pass of a transformer: one graph for all sizes, and a mask that hides padding. */
export const transformerForward = {
  fixedSizes: () => undefined,
  feeds: () => ({}),
  decoderWidth: () => 0,
  takesTexts: false,
  readsPadding: false,
  padTokenId: undefined,
  shiftsLabels: false,
  prepacks: false,
  lacks: {},
} satisfies Partial<ForwardRuntime>;

/** Adapters of linear layers. */
export const plainAdapters: AdapterRules = {
  areSupported: true,
  leavesOutPrefix: false,
  headRemedy: "classification heads are supported on encoders only, such as BERT",
};

/** The head of models that have no other. */
export const lmHead: HeadConfig = { kind: "lm", numLabels: 0, problem: "single_label_classification" };

/** Refuses an early exit after all layers. */
export function checkEarlyExit(count: number, all: number): void {
  check(
    count < all,
    "usage",
    () => `generation: assistantEarlyExit ${count} leaves nothing out of the model's ${all} layers`,
  );
}

/** The session of a model whose layers cannot be contrasted, nor rows go on from one prompt. */
export const plainUse =
  (name: string): GenerationRuntime["use"] =>
  ({ options }) => {
    if (options.dolaLayers === undefined) return {};
    throw new LecternError("unsupported", `generation: dolaLayers needs a decoder-only model; this is ${name}`);
  };

/** Keys and values of one token in all layers, in bytes. */
export function tokenBytes(
  { numKeyValueHeads, headSize }: { readonly numKeyValueHeads: number; readonly headSize: number },
  layers: number,
): number {
  return 2 * layers * numKeyValueHeads * headSize * Float32Array.BYTES_PER_ELEMENT;
}

/** Generation by a recurrent model, whose state takes no token back. */
export function recurrentGeneration(name: string, open: GenerationRuntime["open"]): GenerationRuntime {
  return {
    hasStepActivations: false,
    tokenBytes: 0,
    sequenceBytes: 0,
    canRewind: false,
    async open(weights, options, purpose) {
      if (purpose.use.showsAll) throw rewindRefused(name);
      return open(weights, options, purpose);
    },
    use: plainUse(name),
    withLayers() {
      throw new LecternError("unsupported", `generation: assistantEarlyExit needs layers to leave out; ${name}`);
    },
  };
}
