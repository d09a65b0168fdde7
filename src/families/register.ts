import type { Architecture } from "./architecture.ts";
import type { ConfigReader } from "./config-reader.ts";
import type {
  DecoderConfig,
  DecoderModel,
  EncoderConfig,
  EncoderDecoderConfig,
  EncoderDecoderModel,
  EncoderModel,
  FamilyCheckpoint,
  RecurrentConfig,
  RecurrentEncoderDecoderConfig,
  RecurrentEncoderDecoderModel,
  RecurrentModel,
} from "./family.ts";

/** The parts of a family, which share one type of settings. */
export interface FamilyParts<C, M> {
  /** The name that people use: "GPT-2". */
  readonly name: string;
  /** The settings of a `config.json`. */
  parseConfig(read: ConfigReader): C;
  readonly model: M;
  readonly checkpoint: FamilyCheckpoint<C>;
}

/** A family whose type of settings only its own parts know. */
export interface RegisteredFamily {
  readonly name: string;
  /** The model that a `config.json` describes. */
  read(config: ConfigReader): Architecture;
}

/** A family of decoders. */
export function decoder<C extends DecoderConfig>(parts: FamilyParts<C, DecoderModel<C>>): RegisteredFamily {
  return registered(parts, (own, family) => ({
    kind: "decoder",
    config: own,
    family: { ...family, model: (root, config, context) => parts.model(root, settings(own, config), context) },
  }));
}

/** A family of encoders. */
export function encoder<C extends EncoderConfig>(parts: FamilyParts<C, EncoderModel<C>>): RegisteredFamily {
  return registered(parts, (own, family) => ({
    kind: "encoder",
    config: own,
    family: { ...family, model: (root, config, context) => parts.model(root, settings(own, config), context) },
  }));
}

/** A family of encoder–decoders. */
export function encoderDecoder<C extends EncoderDecoderConfig>(
  parts: FamilyParts<C, EncoderDecoderModel<C>>,
): RegisteredFamily {
  const { model } = parts;
  return registered(parts, (own, family) => ({
    kind: "encoder-decoder",
    config: own,
    family: {
      ...family,
      model: {
        encode: (root, config, context) => model.encode(root, settings(own, config), context),
        decode: (root, config, context, memory) => model.decode(root, settings(own, config), context, memory),
      },
    },
  }));
}

/** A family of recurrent language models. */
export function recurrent<C extends RecurrentConfig>(parts: FamilyParts<C, RecurrentModel<C>>): RegisteredFamily {
  return registered(parts, (own, family) => ({
    kind: "recurrent",
    config: own,
    family: {
      ...family,
      model: (root, config, inputIds, before, drop) => parts.model(root, settings(own, config), inputIds, before, drop),
    },
  }));
}

/** A family of recurrent encoder–decoders. */
export function recurrentEncoderDecoder<C extends RecurrentEncoderDecoderConfig>(
  parts: FamilyParts<C, RecurrentEncoderDecoderModel<C>>,
): RegisteredFamily {
  const { model } = parts;
  return registered(parts, (own, family) => ({
    kind: "recurrent-encoder-decoder",
    config: own,
    family: {
      ...family,
      model: {
        readsBackwards: (config) => model.readsBackwards(settings(own, config)),
        encode: (root, config, inputIds, rows) => model.encode(root, settings(own, config), inputIds, rows),
        step: (root, config, ...rest) => model.step(root, settings(own, config), ...rest),
      },
    },
  }));
}

/** A family's own settings, with the common ones as given: those of `config.json`, or fewer layers of them. */
function settings<C extends D, D extends object>(own: C, common: D): C {
  return common === own ? own : { ...own, ...common };
}

type Bound = Pick<Architecture["family"], "name" | "checkpoint" | "initStd">;

/** @param bind ties the family's functions to the settings of one model */
function registered<C>(
  parts: FamilyParts<C, unknown>,
  bind: (own: C, family: Bound) => Architecture,
): RegisteredFamily {
  const { name, checkpoint } = parts;
  return {
    name,
    read(config) {
      const own = parts.parseConfig(config);
      return bind(own, { name, checkpoint, initStd: (path) => checkpoint.initStd?.(path, own) });
    },
  };
}
