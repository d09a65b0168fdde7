import type { Part } from "../json.ts";
import { type ClassInput, type ClassRule, FAIRSEQ, isOn, modelOf, robertaTemplate } from "./class-rule.ts";
import { metaspace, replace, splitWords } from "./parts.ts";

const byteLevel = (addsSpace: boolean, usesPattern = true): object => ({
  type: "ByteLevel",
  add_prefix_space: addsSpace,
  trim_offsets: true,
  use_regex: usesPattern,
});

/** Pairs of bytes or characters without anything that the class does not name. */
const bytePairs = (input: ClassInput, more: Part = {}): object => {
  const { vocab, merges } = modelOf(input);
  return { type: "BPE", vocab, merges, ...more };
};

const roberta: ClassRule = {
  model: "BPE",
  isByteLevel: true,
  tokens: FAIRSEQ,
  parts: (input) => ({
    model: bytePairs(input),
    normalizer: null,
    pre_tokenizer: byteLevel(isOn(input.config.add_prefix_space, false)),
    decoder: byteLevel(true),
  }),
  template: robertaTemplate((config) => isOn(config.trim_offsets, true)),
};

const END = "<|endoftext|>";

const gpt2: ClassRule = {
  model: "BPE",
  isByteLevel: true,
  tokens: { unk_token: END, bos_token: END, eos_token: END },
  parts: roberta.parts,
};

const gptNeoX: ClassRule = {
  model: "BPE",
  isByteLevel: true,
  tokens: { ...gpt2.tokens, pad_token: "<|padding|>" },
  parts: (input) => ({ ...roberta.parts(input), normalizer: { type: "NFC" } }),
  template: () => null,
};

const qwen2 = (letters: string): ClassRule => ({
  model: "BPE",
  isByteLevel: true,
  tokens: { unk_token: END, eos_token: END, pad_token: END },
  parts: (input) => {
    const words = { type: "Split", pattern: { Regex: splitWords(letters) }, behavior: "Isolated", invert: false };
    const bytes = byteLevel(isOn(input.config.add_prefix_space, false), false);
    return {
      model: bytePairs(input),
      normalizer: { type: "NFC" },
      pre_tokenizer: { type: "Sequence", pretokenizers: [words, bytes] },
      decoder: byteLevel(true),
    };
  },
});

const unspaced = [replace("▁", " "), { type: "ByteFallback" }, { type: "Fuse" }];
const stripped = { type: "Strip", content: " ", start: 1, stop: 0 };
const LLAMA = { unk_token: "<unk>", bos_token: "<s>", eos_token: "</s>" };

const llama: ClassRule = {
  model: "BPE",
  isByteLevel: false,
  tokens: LLAMA,
  paddingSide: "left",
  parts: (input) => {
    const addsSpace = isOn(input.config.add_prefix_space, true);
    const scheme = input.config.legacy === true ? "always" : "first";
    return {
      model: bytePairs(input, { fuse_unk: true, byte_fallback: true }),
      normalizer: null,
      pre_tokenizer: { ...metaspace, prepend_scheme: addsSpace ? scheme : "never", split: false },
      decoder: { type: "Sequence", decoders: addsSpace ? [...unspaced, stripped] : unspaced },
    };
  },
};

const gemma: ClassRule = {
  model: "BPE",
  isByteLevel: false,
  tokens: { unk_token: "<unk>", bos_token: "<bos>", eos_token: "<eos>", pad_token: "<pad>", mask_token: "<mask>" },
  paddingSide: "left",
  parts: (input) => ({
    model: bytePairs(input, { fuse_unk: true, unk_token: input.token("unk_token"), byte_fallback: true }),
    normalizer: replace(" ", "▁"),
    pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false },
    decoder: { type: "Sequence", decoders: unspaced },
  }),
};

/** Classes of byte-pair models. */
export const pairClasses = {
  GPT2Tokenizer: gpt2,
  GPTNeoXTokenizer: gptNeoX,
  GemmaTokenizer: gemma,
  LlamaTokenizer: llama,
  Qwen2Tokenizer: qwen2("\\p{L}"),
  Qwen3_5Tokenizer: qwen2("\\p{L}\\p{M}"),
  RobertaTokenizer: roberta,
} satisfies Readonly<Record<string, ClassRule>>;
