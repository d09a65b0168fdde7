import { throwIfAborted } from "../../common/index.ts";
import { type ArchitectureOf, type HeadConfig, spanLogits } from "../../families/index.ts";
import type { Decoder } from "../../generation/index.ts";
import { input, type Value } from "../../graph/index.ts";
import { positionsOfRows, tokenMask } from "../../nn/index.ts";
import { int64Matrix } from "../../tensor/index.ts";
import type { CrossAttentionCache } from "../cache/cross-attention-cache.ts";
import { CachedDecoder } from "../cached-decoder.ts";
import { DecodeEngine } from "../decode-engine.ts";
import { cachedEncoderDecoder, deriveFeeds, wholeGraphs } from "../decode-graph.ts";
import {
  type BeginOptions,
  type DecodingStart,
  decodingSession,
  plannedLength,
  startPrompts,
} from "../decoding-start.ts";
import { headLoss, languageModelLoss } from "../loss.ts";
import { rowsTogether } from "../rows-together.ts";
import { PREFILL_TOKENS } from "../scheduler.ts";
import { ScoringDecoder } from "../scoring-decoder.ts";
import { UncachedDecoder } from "../uncached-decoder.ts";
import { decoderRows, decoderWidth } from "./decoder-inputs.ts";
import type { ForwardRuntime, GenerationRuntime, ModelRuntime } from "./runtime.ts";
import { checkEarlyExit, plainAdapters, plainUse, tokenBytes, transformerForward } from "./shared.ts";

type EncoderDecoder = ArchitectureOf<"encoder-decoder">;

/** Encoder–decoders: a decoder writes while it attends to the states of an encoder. */
export function encoderDecoderRuntime(architecture: EncoderDecoder): ModelRuntime {
  const { config } = architecture;
  return {
    head: config.head,
    isEncoderDecoder: true,
    forward: forwardOf(architecture),
    generation: generationOf(architecture),
    tables: {
      isShared: (path) => config.wordTables.filter((table) => table === path).length > 1,
      prefersOwnHead: false,
      ignoresCopies: true,
    },
    adapters: plainAdapters,
  };
}

function forwardOf({ family, config }: EncoderDecoder): ForwardRuntime {
  return {
    ...transformerForward,
    graph(options, root) {
      const sizes = typeof options.queries === "number" ? options : { ...options, queries: "S" };
      const { encoder, states, context, decoder } = wholeGraphs(family.model, config, root, sizes);
      const heads = headsOf(config.head.kind, decoder.logits);
      const loss =
        config.head.kind === "lm"
          ? languageModelLoss(decoder.logits, input("labels", "int64", decoder.logits.shape.slice(0, 2)))
          : headLoss(config.head, heads, () => tokenMask(encoder));
      return {
        heads: { ...heads, encoder_last_hidden_state: states },
        hiddenStates: {
          encoder_hidden_states: encoder.hiddenStates,
          decoder_hidden_states: decoder.hiddenStates,
        },
        attentions: {
          encoder_attentions: encoder.attentions,
          decoder_attentions: decoder.attentions,
          cross_attentions: decoder.crossAttentions,
        },
        loss,
        derived: [...encoder.derived.values()],
        decoderDerived: [...context.derived.values()],
        leaving: context.leaving,
        dropoutMasks: [...encoder.dropoutMasks, ...context.dropoutMasks],
      };
    },
    positions: positionsOfRows,
    decoderWidth: (inputs) => decoderWidth(config, inputs),
    feeds(graph, inputs, { positions }) {
      const rows = decoderRows(config, inputs);
      const own = { ...positionsOfRows(rows.map((row) => row.map(() => 1))), ids: rows };
      return { decoder_input_ids: int64Matrix(rows), ...deriveFeeds(graph.decoderDerived ?? [], own, positions) };
    },
  };
}

/** The results of a decoder beside an encoder, by its head, under the names that `lectern forward` writes. */
function headsOf(kind: HeadConfig["kind"], result: Value): Record<string, Value> {
  if (kind === "none") return { last_hidden_state: result };
  return kind === "question-answering" ? spanLogits(result) : { logits: result };
}

function generationOf(architecture: EncoderDecoder): GenerationRuntime {
  const { family, config } = architecture;
  return {
    hasStepActivations: true,
    tokenBytes: tokenBytes(config, config.decoderLayers),
    sequenceBytes: 0,
    canRewind: true,
    async open(weights, options, { use }) {
      const engine = await DecodeEngine.create(cachedEncoderDecoder(architecture), weights, options, use);
      return decodingSession(engine, (own, inputIds, settings) => begin(own, architecture, inputIds, settings));
    },
    use: plainUse(family.name),
    withLayers(count) {
      checkEarlyExit(count, config.decoderLayers);
      return generationOf({ ...architecture, config: { ...config, decoderLayers: count } });
    },
  };
}

async function begin(
  engine: DecodeEngine,
  { config }: EncoderDecoder,
  inputIds: readonly (readonly number[])[],
  settings: BeginOptions,
): Promise<DecodingStart> {
  const { options, globalTokens, signal } = settings;
  const prompts = startPrompts(config, inputIds, settings);
  const memories: CrossAttentionCache[] = [];
  while (memories.length < inputIds.length) {
    throwIfAborted(signal);
    const at = memories.length;
    const isTogether = engine.readsTogether && !globalTokens;
    const end = at + (isTogether ? rowsTogether(inputIds, at, PREFILL_TOKENS) : 1);
    memories.push(...(await engine.encode(inputIds.slice(at, end), globalTokens?.slice(at, end))));
  }
  const memoryOf = (row: number): CrossAttentionCache => memories[row] as CrossAttentionCache;
  const cached = (rows: readonly number[]): CachedDecoder =>
    new CachedDecoder(engine, {
      memories: rows.map(memoryOf),
      chunk: options.prefillChunkSize,
      planned: plannedLength(engine, settings),
      signal,
    });
  const decoderOf = (rows: readonly number[]): Decoder =>
    options.useCache === false
      ? new UncachedDecoder((sources) => cached(sources.map((source) => rows[source] as number)))
      : cached(rows);
  return { decoderOf, prompts, scoringDecoderOf: (row) => new ScoringDecoder(engine, [memoryOf(row)]) };
}
