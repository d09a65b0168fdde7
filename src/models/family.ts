import type { ModelContext, ModelOutputs, Scope } from "../nn/index.ts";
import type { ConfigReader } from "./config-reader.ts";

/** What every decoder has, whatever its `config.json` calls it. */
export interface DecoderConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headSize: number;
  /** The context window in tokens. */
  readonly maxPositionEmbeddings: number;
  readonly tieWordEmbeddings: boolean;
}

/** A decoder as a function that builds its graph. */
export type DecoderModel<C extends DecoderConfig> = (root: Scope, config: C, context: ModelContext) => ModelOutputs;

/** How a family's checkpoint deviates from its parameter paths. */
export interface CheckpointNames {
  /** A prefix that some files leave out. */
  readonly prefix: string;
  /** Tensors that a file may carry and the model does not use. */
  readonly ignored: RegExp;
}

/** One entry of the table of families. */
export interface Family<C extends DecoderConfig = DecoderConfig> {
  /** The name that people use: "GPT-2". */
  readonly name: string;
  parseConfig(read: ConfigReader): C;
  readonly model: DecoderModel<C>;
  readonly checkpoint: CheckpointNames;
}
