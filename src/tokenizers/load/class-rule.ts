import { isPart, type Part } from "../json.ts";
import { templateOf } from "./settings.ts";
import type { GivenToken, TokenFlags } from "./special-tokens.ts";

/** The sources that a class makes its tokenizer of. */
export interface ClassInput {
  /** `tokenizer.json`. */
  readonly json: Part;
  /** `tokenizer_config.json`. */
  readonly config: Part;
  /** The text of a role's token; "" where there is none. */
  readonly token: (role: string) => string;
  readonly id: (token: string) => number;
}

/** The parts that a tokenizer class of transformers 5 takes from `tokenizer.json`, and those from its settings. */
export interface ClassRule {
  /** The model that the class makes; a file with another one is taken as it is. */
  readonly model: "BPE" | "Unigram" | "WordPiece";
  /** True if the class's pairs are of bytes; a file of the other kind is taken as it is. */
  readonly isByteLevel?: boolean;
  /** Tokens of roles that no file names. */
  readonly tokens: Readonly<Record<string, GivenToken>>;
  /** Special tokens without a role, where no file lists any as `extra_special_tokens`. */
  readonly extra?: (config: Part, additional: readonly GivenToken[]) => readonly GivenToken[];
  readonly paddingSide?: "left";
  /** The parts that the class makes; those that it takes from the file are left out. */
  readonly parts: (input: ClassInput) => Part;
  /** The template that the class makes; without it, the file's own. */
  readonly template?: (input: ClassInput) => object | null;
}

export const modelOf = ({ json }: ClassInput): Part => (isPart(json.model) ? json.model : {});

export const isOn = (value: unknown, usual: boolean): boolean => (typeof value === "boolean" ? value : usual);

/** Tokens of the models that came from fairseq. */
export const FAIRSEQ = {
  bos_token: "<s>",
  eos_token: "</s>",
  sep_token: "</s>",
  cls_token: "<s>",
  unk_token: "<unk>",
  pad_token: "<pad>",
  mask_token: "<mask>",
};

/** A mask that takes the space before it. */
export const maskWithSpace: TokenFlags = {
  content: "<mask>",
  special: false,
  normalized: true,
  lstrip: true,
  rstrip: false,
  single_word: false,
};

export const bertTemplate = ({ token, id }: ClassInput): object => {
  const [cls, sep] = [token("cls_token"), token("sep_token")];
  return templateOf(`${cls}:0 $A:0 ${sep}:0`, `${cls}:0 $A:0 ${sep}:0 $B:1 ${sep}:1`, id);
};

export const robertaTemplate =
  (trims: (config: Part) => boolean) =>
  ({ config, token, id }: ClassInput): object => ({
    type: "RobertaProcessing",
    sep: [token("sep_token"), id(token("sep_token"))],
    cls: [token("cls_token"), id(token("cls_token"))],
    trim_offsets: trims(config),
    add_prefix_space: isOn(config.add_prefix_space, false),
  });
