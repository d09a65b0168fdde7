import type { ArchitectureOf } from "../../families/index.ts";
import { type Decoder, dolaCandidates } from "../../generation/index.ts";
import { add } from "../../graph/index.ts";
import { positionsOfMask } from "../../nn/index.ts";
import { CachedDecoder } from "../cached-decoder.ts";
import { DecodeEngine } from "../decode-engine.ts";
import { cachedDecoder, fullGraph } from "../decode-graph.ts";
import {
  type BeginOptions,
  continuing,
  type DecodingStart,
  decodingSession,
  plannedLength,
  rewindRefused,
} from "../decoding-start.ts";
import { headLoss } from "../loss.ts";
import { ScoringDecoder } from "../scoring-decoder.ts";
import { UncachedDecoder } from "../uncached-decoder.ts";
import type { ForwardRuntime, GenerationRuntime, ModelRuntime } from "./runtime.ts";
import { checkEarlyExit, plainAdapters, tokenBytes, transformerForward } from "./shared.ts";

type DecoderArchitecture = ArchitectureOf<"decoder">;

/** Decoders: each token sees those before it. */
export function decoderRuntime(architecture: DecoderArchitecture): ModelRuntime {
  const { config } = architecture;
  return {
    head: config.head,
    isEncoderDecoder: false,
    forward: forwardOf(architecture),
    generation: generationOf(architecture),
    tables: { isShared: () => config.tieWordEmbeddings, prefersOwnHead: true, ignoresCopies: false },
    adapters: plainAdapters,
  };
}

function forwardOf({ family, config }: DecoderArchitecture): ForwardRuntime {
  return {
    ...transformerForward,
    graph(options, root) {
      const graph = fullGraph(family, config, { ...options, root });
      const { heads = { logits: graph.logits }, hiddenStates, attentions, derived, dropoutMasks = [] } = graph;
      const { auxiliaryLoss, leaving } = graph;
      const own = headLoss(config.head, heads);
      return {
        auxiliaryLoss,
        leaving,
        heads,
        hiddenStates: { hidden_states: hiddenStates },
        attentions: { attentions },
        loss: own && auxiliaryLoss ? add(own, auxiliaryLoss) : own,
        derived,
        dropoutMasks,
      };
    },
    // The delta rule is differentiated in chunks of so many tokens, and a graph of chunks is of one length.
    fixedSizes: ({ inputIds }, gradients) =>
      gradients && config.kept ? { batch: inputIds.length, queries: inputIds[0]?.length ?? 0, steps: 0 } : undefined,
    positions: positionsOfMask,
    readsPadding: config.kept?.readsPadding ?? false,
    lacks: config.kept?.attentionLayers === 0 ? { attentions: "attention weights: its layers keep states" } : {},
    shiftsLabels: config.head.kind === "lm",
  };
}

function generationOf(architecture: DecoderArchitecture): GenerationRuntime {
  const { config, family } = architecture;
  const { attentionLayers, stateSize } = config.kept ?? { attentionLayers: config.numHiddenLayers, stateSize: 0 };
  const canRewind = stateSize === 0;
  return {
    hasStepActivations: true,
    tokenBytes: tokenBytes(config, attentionLayers),
    sequenceBytes: stateSize * Float32Array.BYTES_PER_ELEMENT,
    canRewind,
    async open(weights, options, { use, prefixes }) {
      if (use.showsAll && !canRewind) throw rewindRefused(family.name);
      const model = cachedDecoder(architecture);
      return decodingSession(await DecodeEngine.create(model, weights, options, use, prefixes), begin);
    },
    use({ strategy, options: { dolaLayers, numReturnSequences = 1 }, numPrompts }) {
      if (dolaLayers !== undefined)
        return { layers: dolaCandidates(dolaLayers, config.numHiddenLayers, config.tieWordEmbeddings) };
      const goOnFromOne = strategy !== "autoregressive" || (numPrompts === 1 && numReturnSequences > 1);
      return goOnFromOne && attentionLayers > 0 ? { isShared: true } : {};
    },
    withLayers(count) {
      checkEarlyExit(count, config.numHiddenLayers);
      return generationOf({ ...architecture, config: { ...config, numHiddenLayers: count } });
    },
  };
}

async function begin(
  engine: DecodeEngine,
  inputIds: readonly (readonly number[])[],
  settings: BeginOptions,
): Promise<DecodingStart> {
  const { useCache, prefillChunkSize: chunk } = settings.options;
  const cached = (reusesPrefixes: boolean): CachedDecoder =>
    new CachedDecoder(engine, {
      chunk,
      planned: plannedLength(engine, settings),
      signal: settings.signal,
      reusesPrefixes,
    });
  const plain = (isWanted: boolean): Decoder =>
    useCache === false ? new UncachedDecoder(() => cached(false)) : cached(isWanted);
  return {
    decoderOf: continuing(plain, settings),
    prompts: inputIds,
    scoringDecoderOf: () => new ScoringDecoder(engine),
  };
}
