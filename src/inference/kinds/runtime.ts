import type { HeadConfig } from "../../families/index.ts";
import type { Positions, Scope } from "../../nn/index.ts";
import type { SessionOptions } from "../../runtime/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import type { PrefixCache } from "../cache/prefix-cache.ts";
import type { DecodeUse } from "../decode-engine.ts";
import type { DecodingSession } from "../decoding-start.ts";
import type { ForwardInputs } from "../forward.ts";
import type { ForwardGraph, ForwardGraphOptions } from "../forward-graph.ts";
import type { UseRequest } from "../strategy.ts";
import type { Weights } from "../weights.ts";

/** The behaviour of one kind of model, bound to a model of it. */
export type KindRuntime<A> = (architecture: A) => ModelRuntime;

/** The behaviour of a model that follows from its kind. */
export interface ModelRuntime {
  /** The head of its checkpoint; of kinds that have no other, the one over words. */
  readonly head: HeadConfig;
  /** True if an encoder reads the input, and a decoder with an input of its own writes. */
  readonly isEncoderDecoder: boolean;
  readonly forward: ForwardRuntime;
  /** Undefined if models of this kind generate no text. */
  readonly generation: GenerationRuntime | undefined;
  readonly tables: TableRules;
  readonly adapters: AdapterRules;
}

/** The sizes of a pass whose graph is compiled for them. */
export interface PassSizes {
  readonly batch: number;
  readonly queries: number;
  readonly steps: number;
}

/** The full pass over whole rows. */
export interface ForwardRuntime {
  graph(options: ForwardGraphOptions, root: Scope): Omit<ForwardGraph, "labels">;
  /** The sizes to compile for where a recurrence is written out step by step; undefined where any sizes will do. */
  fixedSizes(inputs: ForwardInputs, gradients: boolean): PassSizes | undefined;
  /** Positions of the rows under a mask (1 = token), or, for encoders, of several texts a row. */
  positions(mask: readonly (readonly number[])[], texts: ForwardInputs["texts"]): Positions;
  /** Inputs beside those that every graph has. */
  feeds(graph: ForwardGraph, inputs: ForwardInputs, rows: PassRows): Record<string, HostTensor>;
  /** The number of tokens that a decoder beside an encoder reads; 0 where there is none. */
  decoderWidth(inputs: ForwardInputs): number;
  /** True if a row may hold several texts, each of which sees itself alone. */
  readonly takesTexts: boolean;
  /** True if padding changes what is computed, so that it must stand behind the text. */
  readonly readsPadding: boolean;
  /** The token that the mask leaves out where none is given, and whose labels are not counted. */
  readonly padTokenId: number | undefined;
  /** True if the label of a token is the next one. */
  readonly shiftsLabels: boolean;
  /** True if packed copies of the weights pay off, since texts are read by the thousand. */
  readonly prepacks: boolean;
  /** Activations that the model does not have, in words. */
  readonly lacks: { readonly attentions?: string; readonly hiddenStates?: string };
}

/** The rows of a pass, with the mask and the positions that follow from it. */
export interface PassRows {
  readonly mask: readonly (readonly number[])[];
  readonly positions: Positions;
}

/** The use of a decoding session, and the earlier texts that its prompts may begin with. */
export interface DecodePurpose {
  readonly use: DecodeUse;
  readonly prefixes?: PrefixCache | undefined;
}

/** Text generation. */
export interface GenerationRuntime {
  open(weights: Weights, options: SessionOptions, purpose: DecodePurpose): Promise<DecodingSession>;
  /** The session that a strategy of plain or beam decoding needs. */
  use(request: UseRequest): DecodeUse;
  /** The same model, cut off after some layers of what decodes. */
  withLayers(count: number): GenerationRuntime;
  /** Keys and values of one token, in bytes; of an encoder–decoder, of one token of either side. */
  readonly tokenBytes: number;
  /** The bytes that a sequence of any length takes beside them. */
  readonly sequenceBytes: number;
  /** True if tokens can be taken back, as where others were guessed ahead: states of layers do not go back. */
  readonly canRewind: boolean;
  /** True if attention weights and hidden states can be given for each step. */
  readonly hasStepActivations: boolean;
}

/** The tables of words. */
export interface TableRules {
  /** True if a table of word embeddings is also read elsewhere: to score words, or in the model's other half. */
  isShared(path: string): boolean;
  /** True if a head of its own in the checkpoint goes before the tie of a config. */
  readonly prefersOwnHead: boolean;
  /** True if the checkpoint's bit-for-bit copies of a tied table are that table. */
  readonly ignoresCopies: boolean;
}

/** LoRA adapters. */
export interface AdapterRules {
  readonly areSupported: boolean;
  /** True if PEFT's files name parameters without the family's prefix, as those of models without a head. */
  readonly leavesOutPrefix: boolean;
  /** The remedy where an adapter holds a head that the model lacks. */
  readonly headRemedy: string;
}
