import type { ArchitectureOf } from "../../families/index.ts";
import { input, type Value } from "../../graph/index.ts";
import { type DropoutMask, positionsOfMask } from "../../nn/index.ts";
import {
  type BeginOptions,
  continuing,
  type DecodingStart,
  decodingSession,
  rewindRefused,
} from "../decoding-start.ts";
import { applyDropout } from "../dropout.ts";
import { languageModelLoss } from "../loss.ts";
import { firstStates, RecurrentDecoder, RecurrentEngine, stateInputs } from "../recurrent-decoder.ts";
import type { ForwardRuntime, ModelRuntime } from "./runtime.ts";
import { lmHead, plainAdapters, recurrentGeneration } from "./shared.ts";

type Recurrent = ArchitectureOf<"recurrent">;

/** Recurrent language models: the text so far is one state. */
export function recurrentRuntime(architecture: Recurrent): ModelRuntime {
  const { family, config } = architecture;
  return {
    head: lmHead,
    isEncoderDecoder: false,
    forward: forwardOf(architecture),
    generation: recurrentGeneration(family.name, async (weights, options) =>
      decodingSession(await RecurrentEngine.create(architecture, weights, options), begin),
    ),
    tables: { isShared: () => config.tieWordEmbeddings, prefersOwnHead: false, ignoresCopies: false },
    adapters: { ...plainAdapters, areSupported: false },
  };
}

function forwardOf(architecture: Recurrent): ForwardRuntime {
  const { family, config } = architecture;
  return {
    graph({ batch, queries, dropout = false }, root) {
      const dropoutMasks: DropoutMask[] = [];
      const withDropout = (x: Value, rate: number): Value => applyDropout("dropout", x, rate, dropoutMasks);
      const ids = input("input_ids", "int64", [batch, queries]);
      const result = family.model(
        root,
        config,
        ids,
        stateInputs(architecture, batch),
        dropout ? withDropout : undefined,
      );
      const logits = result.logits(result.hidden);
      return {
        heads: { logits },
        hiddenStates: { hidden_states: result.hiddenStates },
        attentions: {},
        loss: languageModelLoss(logits, input("labels", "int64", [batch, queries])),
        derived: [],
        dropoutMasks,
        states: result.states,
      };
    },
    fixedSizes: ({ inputIds }, gradients) =>
      gradients ? { batch: inputIds.length, queries: inputIds[0]?.length ?? 0, steps: 0 } : undefined,
    positions: positionsOfMask,
    feeds: (_, { inputIds }) => firstStates(architecture, inputIds.length),
    decoderWidth: () => 0,
    takesTexts: false,
    readsPadding: true,
    padTokenId: undefined,
    shiftsLabels: true,
    prepacks: false,
    lacks: { attentions: "attention weights" },
  };
}

async function begin(
  engine: RecurrentEngine,
  inputIds: readonly (readonly number[])[],
  settings: BeginOptions,
): Promise<DecodingStart> {
  return {
    decoderOf: continuing(() => new RecurrentDecoder(engine), settings),
    prompts: inputIds,
    scoringDecoderOf() {
      throw rewindRefused(engine.architecture.family.name);
    },
  };
}
