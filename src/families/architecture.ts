import type {
  CheckpointNames,
  DecoderConfig,
  DecoderModel,
  EncoderConfig,
  EncoderDecoderConfig,
  EncoderDecoderModel,
  EncoderModel,
  RecurrentConfig,
  RecurrentEncoderDecoderConfig,
  RecurrentEncoderDecoderModel,
  RecurrentModel,
} from "./family.ts";

/** The settings of each kind of model. */
interface Configs {
  decoder: DecoderConfig;
  encoder: EncoderConfig;
  "encoder-decoder": EncoderDecoderConfig;
  recurrent: RecurrentConfig;
  "recurrent-encoder-decoder": RecurrentEncoderDecoderConfig;
}

/** The kinds of models: what they read, and how they are computed. */
export type Kind = keyof Configs;

/** The functions that build the graph of each kind of model. */
interface Models {
  decoder: DecoderModel<DecoderConfig>;
  encoder: EncoderModel<EncoderConfig>;
  "encoder-decoder": EncoderDecoderModel<EncoderDecoderConfig>;
  recurrent: RecurrentModel<RecurrentConfig>;
  "recurrent-encoder-decoder": RecurrentEncoderDecoderModel<RecurrentEncoderDecoderConfig>;
}

/** The family of one model, bound to the model's own settings. */
export interface FamilyOf<K extends Kind> {
  /** The name that people use: "GPT-2". */
  readonly name: string;
  /** Builds the graph with the common settings that are given, and those of the family as `config.json` has them. */
  readonly model: Models[K];
  readonly checkpoint: CheckpointNames;
  /** The deviation that a matrix is drawn with before training, where it is not the usual one. */
  initStd(path: string): number | undefined;
}

export type Family = FamilyOf<"decoder">;
export type EncoderDecoderFamily = FamilyOf<"encoder-decoder">;

/** A model of one kind: its family and its settings. */
export type ArchitectureOf<K extends Kind> = {
  [P in K]: { readonly kind: P; readonly family: FamilyOf<P>; readonly config: Configs[P] };
}[K];

/** A model of any kind. */
export type Architecture = ArchitectureOf<Kind>;
