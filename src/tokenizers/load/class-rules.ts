import type { Part } from "../json.ts";
import {
  bertTemplate,
  type ClassInput,
  type ClassRule,
  FAIRSEQ,
  maskWithSpace,
  modelOf,
  robertaTemplate,
} from "./class-rule.ts";
import { pairClasses } from "./pair-classes.ts";
import { pieceClasses } from "./piece-classes.ts";

const bertParts = (input: ClassInput): Part => ({
  model: {
    type: "WordPiece",
    vocab: modelOf(input).vocab,
    unk_token: input.token("unk_token"),
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
  },
  normalizer: {
    type: "BertNormalizer",
    clean_text: true,
    handle_chinese_chars: input.config.tokenize_chinese_chars ?? true,
    strip_accents: input.config.strip_accents ?? null,
    lowercase: input.config.do_lower_case ?? true,
  },
  pre_tokenizer: { type: "BertPreTokenizer" },
  decoder: { type: "WordPiece", prefix: "##", cleanup: true },
});

const bert: ClassRule = {
  model: "WordPiece",
  tokens: { unk_token: "[UNK]", sep_token: "[SEP]", pad_token: "[PAD]", cls_token: "[CLS]", mask_token: "[MASK]" },
  parts: bertParts,
  template: bertTemplate,
};

const mpnet: ClassRule = {
  model: "WordPiece",
  tokens: { ...FAIRSEQ, unk_token: "[UNK]", mask_token: maskWithSpace },
  parts: bertParts,
  template: (input) => ({
    ...robertaTemplate(() => true)(input),
    add_prefix_space: false,
  }),
};

/** By the name of the class without `Fast`. Of classes that are not here the file is taken as it is. */
export const classRules: Readonly<Record<string, ClassRule>> = {
  ...pairClasses,
  ...pieceClasses,
  BertTokenizer: bert,
  MPNetTokenizer: mpnet,
};
