import { check, LecternError, ownEntry, shown } from "../common/index.ts";
import type { ConfigReader } from "./config-reader.ts";
import type {
  CheckpointNames,
  DecoderConfig,
  DecoderModel,
  EncoderConfig,
  EncoderDecoderConfig,
  EncoderDecoderModel,
  EncoderModel,
  FamilyCheckpoint,
} from "./family.ts";
import { decoder, encoder, encoderDecoder, type RegisteredFamily } from "./register.ts";

/** A family from outside the package, as `defineFamily` makes it. */
export interface OwnFamily {
  /** The `model_type` of its `config.json` files. */
  readonly modelType: string;
  /** The family's parts, with defaults filled in. */
  readonly family: RegisteredFamily;
}

/** The parts of a definition, whatever the kind of the family. */
export interface OwnFamilyParts<C> {
  /** The `model_type` of its `config.json` files; no built-in family may have it. */
  readonly modelType: string;
  /** The name that people use: "GPT-2". */
  readonly name: string;
  /** The settings of a `config.json`. */
  parseConfig(read: ConfigReader): C;
  /** Deviations of its checkpoints from its parameter paths; default: none. */
  readonly checkpoint?: FamilyCheckpoint<C>;
}

/** The definition of a decoder, an encoder or an encoder–decoder, for `defineFamily`. */
export type FamilyDefinition<
  D extends DecoderConfig = DecoderConfig,
  E extends EncoderConfig = EncoderConfig,
  S extends EncoderDecoderConfig = EncoderDecoderConfig,
> =
  | (OwnFamilyParts<D> & { readonly kind: "decoder"; readonly model: DecoderModel<D> })
  | (OwnFamilyParts<E> & { readonly kind: "encoder"; readonly model: EncoderModel<E> })
  | (OwnFamilyParts<S> & { readonly kind: "encoder-decoder"; readonly model: EncoderDecoderModel<S> });

const plainNames: CheckpointNames = { prefix: "", ignored: /^$/ };

const isFunction = (value: unknown): boolean => typeof value === "function";

/** True for a model of each kind that a family of one's own may have. */
const isModel: Readonly<Record<FamilyDefinition["kind"], (model: unknown) => boolean>> = {
  decoder: isFunction,
  encoder: isFunction,
  "encoder-decoder": (model) => {
    const { encode, decode } = Object(model) as Record<string, unknown>;
    return isFunction(encode) && isFunction(decode);
  },
};

/**
 * A model family of your own, to be handed to `loadModel(directory, { families: [own] })`. Its model is a function that
 * builds the graph of one pass; cached decoding, batches, training and adapters follow from it.
 *
 * @throws LecternError with code `usage` where a part is missing
 */
export function defineFamily<D extends DecoderConfig, E extends EncoderConfig, S extends EncoderDecoderConfig>(
  definition: FamilyDefinition<D, E, S>,
): OwnFamily {
  const { modelType, kind, model, parseConfig } = definition;
  check(
    typeof modelType === "string" && modelType !== "" && ownEntry(isModel, kind)?.(model) && isFunction(parseConfig),
    "usage",
    () => `defineFamily ${shown(modelType)}: a family needs modelType, kind, name, parseConfig and model`,
  );
  return { modelType, family: familyOf<D, E, S>(definition) };
}

function familyOf<D extends DecoderConfig, E extends EncoderConfig, S extends EncoderDecoderConfig>(
  definition: FamilyDefinition<D, E, S>,
): RegisteredFamily {
  switch (definition.kind) {
    case "decoder":
      return decoder({ ...definition, checkpoint: definition.checkpoint ?? plainNames });
    case "encoder":
      return encoder({ ...definition, checkpoint: definition.checkpoint ?? plainNames });
    case "encoder-decoder":
      return encoderDecoder({ ...definition, checkpoint: definition.checkpoint ?? plainNames });
  }
}

/**
 * The family of a `model_type` among those of the caller.
 *
 * @throws LecternError with code `usage` where two have one `model_type`, or one has that of a built-in family
 */
export function ownFamily(
  type: unknown,
  own: readonly OwnFamily[],
  builtIn: Readonly<Record<string, unknown>>,
): RegisteredFamily | undefined {
  for (const [i, { modelType }] of own.entries()) {
    const isTaken = ownEntry(builtIn, modelType) !== undefined;
    if (!isTaken && own.findIndex((other) => other.modelType === modelType) === i) continue;
    throw new LecternError(
      "usage",
      `families: model_type ${modelType} is that of ${isTaken ? "a built-in family" : "two families"}; give the family, and its config.json, another one`,
    );
  }
  return own.find(({ modelType }) => modelType === type)?.family;
}
