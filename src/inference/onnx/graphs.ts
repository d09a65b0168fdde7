import { LecternError } from "../../common/index.ts";
import type { Architecture, ArchitectureOf, Kind } from "../../families/index.ts";
import { type Dimension, input, type Value, zerosLike } from "../../graph/index.ts";
import {
  countedPositions,
  indexedPositions,
  ModelContext,
  type PositionValues,
  Scope,
  unmaskedPositions,
} from "../../nn/index.ts";
import { symbolic } from "../decode-graph.ts";
import { runtimeOf } from "../kinds/index.ts";
import { stateInputs } from "../recurrent-decoder.ts";
import { behindPast, joinedMemory, keptRows } from "./operators.ts";
import { substitute, valuesOf } from "./substitute.ts";

/** A graph that is written as a file of its own. */
export interface ExportGraph {
  /** The file's name without precision and ending. */
  readonly file: string;
  readonly outputs: Readonly<Record<string, Value>>;
  /** The use that kernels are chosen for. */
  readonly phase: "forward" | "decode";
  /** Names of sizes, by the letters that the graph has for them. */
  readonly sizes: Readonly<Record<string, string>>;
}

const SIZES = { B: "batch_size", T: "sequence_length", P: "past_sequence_length" };
const DECODER_SIZES = {
  B: "batch_size",
  S: "encoder_sequence_length",
  T: "decoder_sequence_length",
  P: "past_decoder_sequence_length",
  R: "encoder_sequence_length_out",
  L: "logits_length",
};

const ids = (name: string, length: Dimension): Value => input(name, "int64", ["B", length]);

/** The positions of a decoder's tokens, from inputs of the names that Hugging Face optimum gives them. */
function decoderPositions(span: Dimension): PositionValues {
  const mask = ids("attention_mask", span);
  return countedPositions(ids("input_ids", "T"), mask, ids("position_ids", "T"), ids("token_type_ids", "T"));
}

function encoderPositions(length: Dimension): PositionValues {
  return indexedPositions(ids("input_ids", length), ids("attention_mask", length), ids("token_type_ids", length));
}

/** The pass over whole rows, with what the host feeds computed in the graph. */
function wholeGraph(
  architecture: Architecture,
  { self, decoder }: { readonly self: PositionValues; readonly decoder?: PositionValues },
): Readonly<Record<string, Value>> {
  const { forward } = runtimeOf(architecture);
  const sizes = { ...symbolic, steps: decoder?.queries.shape[1] ?? symbolic.steps };
  const { heads, derived, decoderDerived = [] } = forward.graph(sizes, new Scope());
  const { name } = architecture.family;
  const own = valuesOf(derived, { self }, name);
  const ofDecoder = decoder ? valuesOf(decoderDerived, { self: decoder, encoder: self }, name) : [];
  return substitute(heads, new Map([...own, ...ofDecoder]));
}

const wholeGraphs: { readonly [K in Kind]: (architecture: ArchitectureOf<K>) => ExportGraph } = {
  decoder: (architecture) => {
    const outputs = wholeGraph(architecture, { self: decoderPositions("T") });
    return { file: "model", outputs, phase: "forward", sizes: SIZES };
  },
  encoder: (architecture) => {
    const outputs = wholeGraph(architecture, { self: encoderPositions("T") });
    return { file: "model", outputs, phase: "forward", sizes: SIZES };
  },
  "encoder-decoder": (architecture) => {
    // A class is read off the decoder's state at the place where the encoder's input ends: both have one length.
    const length = runtimeOf(architecture).head.kind === "sequence-classification" ? "S" : "T";
    const decoder = unmaskedPositions(ids("decoder_input_ids", length), undefined, ids("token_type_ids", length));
    const outputs = wholeGraph(architecture, { self: encoderPositions("S"), decoder });
    return { file: "model", outputs, phase: "forward", sizes: DECODER_SIZES };
  },
  recurrent: (architecture) => {
    const { heads } = runtimeOf(architecture).forward.graph(symbolic, new Scope());
    const states = stateInputs(architecture, "B").flatMap(({ hidden, memory }) => [hidden, memory]);
    const zeros = states.map((state): [string, Value] => [
      state.source.kind === "input" ? state.source.name : "",
      zerosLike(state),
    ]);
    return { file: "model", outputs: substitute(heads, new Map(zeros)), phase: "forward", sizes: SIZES };
  },
  "recurrent-encoder-decoder": ({ family }) => {
    throw new LecternError(
      "unsupported",
      `export: the decoder of ${family.name} is computed step by step, and one ONNX graph cannot hold steps of any number; export another model`,
    );
  },
};

/** The pass of a model over whole rows as one graph. */
export function exportWhole<K extends Kind>(architecture: ArchitectureOf<K>): ExportGraph {
  return wholeGraphs[architecture.kind](architecture);
}

/** Earlier keys or values of a layer, under the names of Hugging Face optimum. */
function pastOf(name: string, heads: number, length: Dimension, size: number): Value {
  return input(`past_key_values.${name}`, "float32", ["B", heads, length, size]);
}

function cachedDecoderGraph({ family, config }: ArchitectureOf<"decoder">): ExportGraph {
  if (config.kept)
    throw new LecternError(
      "unsupported",
      `export: layers of ${family.name} keep states, which this layout has no inputs for; use the layout onnx, whole passes`,
    );
  const { numHiddenLayers: numLayers, numKeyValueHeads: keyHeads, headSize } = config;
  const kept = input("num_logits_to_keep", "int64", []);
  const context = new ModelContext({
    batch: "B",
    queries: "T",
    numLayers,
    cache: { keyHeads, headSize, isJoined: true },
    logits: (hidden) => keptRows(hidden, kept),
  });
  const { logits, cache } = family.model(new Scope(), config, context);
  const outputs: Record<string, Value> = { logits };
  const values = valuesOf([...context.derived.values()], { self: decoderPositions("P+T") }, family.name);
  for (const [i, { key, value }] of cache.entries())
    for (const [side, present] of Object.entries({ key, value })) {
      outputs[`present.${i}.${side}`] = present;
      values.set(`past.${i}.${side}`, pastOf(`${i}.${side}`, keyHeads, "P", headSize));
    }
  const sizes = { ...SIZES, L: "logits_length" };
  return { file: "model", outputs: substitute(outputs, values), phase: "decode", sizes };
}

function encoderGraph({ family, config }: ArchitectureOf<"encoder-decoder">): ExportGraph {
  const context = new ModelContext({
    batch: "B",
    queries: "T",
    numLayers: config.encoderLayers,
    logits: "all",
    direction: "both",
  });
  const outputs = { last_hidden_state: family.model.encode(new Scope(), config, context) };
  const values = valuesOf([...context.derived.values()], { self: encoderPositions("T") }, family.name);
  return { file: "encoder_model", outputs: substitute(outputs, values), phase: "forward", sizes: SIZES };
}

/**
 * A decoder that computes the keys and values of the encoder's states where none are fed: those of the states behind as
 * many as are fed. So one graph serves the first step and the others.
 */
function mergedDecoderGraph({ family, config }: ArchitectureOf<"encoder-decoder">): ExportGraph {
  const { decoderLayers: numLayers, numKeyValueHeads: keyHeads, headSize } = config;
  const memoryOf = (i: number, side: string): Value => pastOf(`${i}.encoder.${side}`, keyHeads, "R", headSize);
  const context = new ModelContext({
    batch: "B",
    queries: "T",
    numLayers,
    cache: { keyHeads, headSize, isJoined: true },
    logits: "all",
    memory: (i, { key, value }) => ({
      key: joinedMemory(memoryOf(i, "key"), key),
      value: joinedMemory(memoryOf(i, "value"), value),
    }),
  });
  const states = input("encoder_hidden_states", "float32", ["B", "S", config.hiddenSize]);
  const unread = behindPast(states, memoryOf(0, "key"));
  const { logits, cache, crossCache } = family.model.decode(new Scope(), config, context, unread);
  const mask = input("encoder_attention_mask", "int64", ["B", "S"]);
  const none = ids("token_type_ids", "T");
  const positions = {
    self: unmaskedPositions(ids("input_ids", "T"), "P", none),
    encoder: indexedPositions(mask, mask, mask),
  };
  const values = valuesOf([...context.derived.values()], positions, family.name);
  const outputs: Record<string, Value> = { logits };
  for (const [part, layers] of Object.entries({ decoder: cache, encoder: crossCache }))
    for (const [i, { key, value }] of layers.entries())
      for (const [side, present] of Object.entries({ key, value })) {
        outputs[`present.${i}.${part}.${side}`] = present;
        if (part === "decoder")
          values.set(`past.${i}.${side}`, pastOf(`${i}.decoder.${side}`, keyHeads, "P", headSize));
      }
  return {
    file: "decoder_model_merged",
    outputs: substitute(outputs, values),
    phase: "decode",
    sizes: DECODER_SIZES,
  };
}

const stepGraphs: { readonly [K in Kind]: (architecture: ArchitectureOf<K>) => readonly ExportGraph[] } = {
  decoder: (architecture) => [cachedDecoderGraph(architecture)],
  encoder: (architecture) => [exportWhole(architecture)],
  "encoder-decoder": (architecture) => [encoderGraph(architecture), mergedDecoderGraph(architecture)],
  recurrent: notKnown,
  "recurrent-encoder-decoder": notKnown,
};

function notKnown({ family }: Architecture): never {
  throw new LecternError(
    "unsupported",
    `export: Transformers.js has no recurrent models such as this ${family.name}; --format onnx writes one that onnxruntime runs`,
  );
}

/** The graphs by which Transformers.js runs a model: with a cache where it generates text. */
export function exportSteps(architecture: Architecture): readonly ExportGraph[] {
  const { generation, head } = runtimeOf(architecture);
  return generation === undefined || head.kind === "lm" ? stepsOf(architecture) : [exportWhole(architecture)];
}

function stepsOf<K extends Kind>(architecture: ArchitectureOf<K>): readonly ExportGraph[] {
  return stepGraphs[architecture.kind](architecture);
}
