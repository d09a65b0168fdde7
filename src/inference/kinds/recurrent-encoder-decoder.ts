import { throwIfAborted } from "../../common/index.ts";
import type { ArchitectureOf } from "../../families/index.ts";
import { input } from "../../graph/index.ts";
import { positionsOfRows } from "../../nn/index.ts";
import { type HostTensor, int64Matrix } from "../../tensor/index.ts";
import {
  type BeginOptions,
  type DecodingStart,
  decodingSession,
  rewindRefused,
  startPrompts,
} from "../decoding-start.ts";
import { languageModelLoss } from "../loss.ts";
import {
  RecurrentSeq2seqDecoder,
  RecurrentSeq2seqEngine,
  recurrentSeq2seqForward,
  sourceFeeds,
} from "../recurrent-seq2seq-decoder.ts";
import { decoderRows, decoderWidth, type LabelShift } from "./decoder-inputs.ts";
import type { ForwardRuntime, ModelRuntime } from "./runtime.ts";
import { lmHead, plainAdapters, recurrentGeneration } from "./shared.ts";

type Translator = ArchitectureOf<"recurrent-encoder-decoder">;

/** Recurrent encoder–decoders: a recurrent decoder attends to the states of a recurrent encoder at each step. */
export function recurrentEncoderDecoderRuntime(architecture: Translator): ModelRuntime {
  const { family, config } = architecture;
  return {
    head: lmHead,
    isEncoderDecoder: true,
    forward: forwardOf(architecture),
    generation: recurrentGeneration(family.name, async (weights, options) =>
      decodingSession(await RecurrentSeq2seqEngine.create(architecture, weights, options), begin),
    ),
    tables: { isShared: () => config.tieWordEmbeddings, prefersOwnHead: false, ignoresCopies: false },
    adapters: { ...plainAdapters, areSupported: false },
  };
}

function forwardOf(architecture: Translator): ForwardRuntime {
  const { decoderStartTokenId, padTokenId } = architecture.config;
  const shift: LabelShift = {
    decoderStartTokenId,
    padTokenId,
    withoutDecoderInput: "start-token",
    labelShift: "start-token",
    head: lmHead,
  };
  return {
    graph({ batch, queries, steps: given }, root) {
      const steps = typeof given === "number" ? given : 1;
      const { logits, memory, weights } = recurrentSeq2seqForward(architecture, { batch, queries, steps }, root);
      return {
        heads: { logits, encoder_last_hidden_state: memory },
        hiddenStates: {},
        attentions: { cross_attentions: [weights] },
        loss: languageModelLoss(logits, input("labels", "int64", [batch, steps])),
        derived: [],
        dropoutMasks: [],
      };
    },
    fixedSizes: (inputs) => ({
      batch: inputs.inputIds.length,
      queries: inputs.inputIds[0]?.length ?? 0,
      steps: decoderRows(shift, inputs)[0]?.length ?? 0,
    }),
    positions: positionsOfRows,
    feeds: (_, inputs, { mask }) => ({
      ...sourceFeeds(mask),
      decoder_input_ids: int64Matrix(decoderRows(shift, inputs)),
    }),
    decoderWidth: (inputs) => decoderWidth(shift, inputs),
    takesTexts: false,
    readsPadding: true,
    padTokenId,
    shiftsLabels: false,
    prepacks: false,
    lacks: { hiddenStates: "hidden states of layers" },
  };
}

async function begin(
  engine: RecurrentSeq2seqEngine,
  inputIds: readonly (readonly number[])[],
  settings: BeginOptions,
): Promise<DecodingStart> {
  const { config, family } = engine.architecture;
  const prompts = startPrompts(config, inputIds, settings);
  const sources: Record<string, HostTensor>[] = [];
  for (const row of inputIds) {
    throwIfAborted(settings.signal);
    sources.push(await engine.read(row));
  }
  const sourceOf = (row: number): Record<string, HostTensor> => sources[row] as Record<string, HostTensor>;
  return {
    decoderOf: (rows) => new RecurrentSeq2seqDecoder(engine, rows.map(sourceOf)),
    prompts,
    scoringDecoderOf() {
      throw rewindRefused(family.name);
    },
  };
}
