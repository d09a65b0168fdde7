import { check, LecternError, ownEntry, quotedBytes, worldTokenizer } from "../../common/index.ts";
import type { GgufMetadata } from "./metadata.ts";
import { preTokenizerJson, preTokenizers } from "./pre-tokenizers.ts";
import { unigram, wordPieces, wordPieceTokens } from "./tokenizer-pieces.ts";
import { idsOf, type SpecialTokens, TokenType, type Vocabulary } from "./vocabulary.ts";

/** A file's tokenizer as a Hugging Face directory has it. */
export interface GgufTokenizer {
  readonly json: object;
  readonly config: Readonly<Record<string, unknown>>;
  /** All that end a turn or a text. */
  readonly endTokens: readonly number[];
}

/** Tokens that end a turn, by their names: many files name only one of them in their metadata. */
const ENDINGS = new Set(["<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>"]);

/** The chat template of some files of RWKV is the name of one that llama.cpp holds. */
const NAMED_TEMPLATE = "rwkv-world";

/** Every way to cut a token is tried, so its length is bounded; no vocabulary has longer ones. */
const LONGEST_TOKEN = 4096;

/** Builds `tokenizer.json` and `tokenizer_config.json` from a file's metadata. */
export function tokenizerOf(file: string, metadata: GgufMetadata): GgufTokenizer {
  const kind = metadata.string("tokenizer.ggml.model");
  const stored = metadata.strings("tokenizer.ggml.tokens");
  const types = metadata.has("tokenizer.ggml.token_type") ? metadata.numbers("tokenizer.ggml.token_type") : [];
  const tokens = kind === "bert" ? wordPieceTokens(stored, types) : stored;
  const vocabulary = { file, metadata, tokens, types };
  const long = tokens.find((token) => token.length > LONGEST_TOKEN);
  check(!long, "file", () => `${file}: a token of ${long?.length} characters: damaged`);
  const special = specialTokens(vocabulary);
  const given = metadata.has("tokenizer.chat_template") ? metadata.string("tokenizer.chat_template") : NAMED_TEMPLATE;
  const template = given === NAMED_TEMPLATE ? {} : { chat_template: given };
  return {
    json: {
      ...modelOf(kind, vocabulary, special),
      added_tokens: addedTokens(vocabulary),
      truncation: null,
      padding: null,
    },
    config: {
      tokenizer_class: "PreTrainedTokenizerFast",
      ...special,
      ...template,
      clean_up_tokenization_spaces: false,
    },
    endTokens: endTokens(vocabulary),
  };
}

const specialKeys: readonly (readonly [keyof SpecialTokens, string])[] = [
  ["bos_token", "bos_token_id"],
  ["eos_token", "eos_token_id"],
  ["unk_token", "unknown_token_id"],
  ["pad_token", "padding_token_id"],
  ["sep_token", "seperator_token_id"],
  ["cls_token", "cls_token_id"],
  ["mask_token", "mask_token_id"],
];

function specialTokens({ file, metadata, tokens }: Vocabulary): SpecialTokens {
  const found = specialKeys.flatMap(([name, key]) => {
    const id = metadata.optional(`tokenizer.ggml.${key}`);
    if (id === undefined) return [];
    const token = tokens[id];
    if (token === undefined)
      throw new LecternError("file", `${file}: ${key} ${id} is not one of the ${tokens.length} tokens`);
    return [[name, token] as const];
  });
  return Object.fromEntries(found);
}

function modelOf(kind: string, vocabulary: Vocabulary, special: SpecialTokens): object {
  if (kind === "gpt2") return byteLevel(vocabulary, special);
  if (kind === "llama") return sentencePiece(vocabulary, special, mergesByScore(vocabulary));
  if (kind === "gemma4") return sentencePiece(vocabulary, special, listedMerges(vocabulary));
  if (kind === "bert") return wordPieces(vocabulary, special);
  if (kind === "t5") return unigram(vocabulary, special);
  if (kind === "rwkv") return world(vocabulary, special);
  throw new LecternError(
    "unsupported",
    `${vocabulary.file}: tokenizer.ggml.model ${JSON.stringify(kind)} is not read; read are gpt2, llama, gemma4, bert, t5 and rwkv`,
  );
}

/** Byte-level BPE: merges are listed, and the kind of cut before them has a name. */
function byteLevel({ file, metadata, tokens }: Vocabulary, special: SpecialTokens): object {
  const name = metadata.string("tokenizer.ggml.pre", "default");
  const pre = ownEntry(preTokenizers, name);
  if (!pre)
    throw new LecternError(
      "unsupported",
      `${file}: tokenizer.ggml.pre ${JSON.stringify(name)} is not read; read are ${Object.keys(preTokenizers).join(", ")}`,
    );
  const merges = listedMerges({ file, metadata });
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    normalizer: pre.normalizer ? { type: pre.normalizer } : null,
    pre_tokenizer: preTokenizerJson(pre),
    post_processor: template(metadata, tokens, special, pre.addsStart ?? false),
    decoder: bytes,
    model: { type: "BPE", vocab: idsOf(tokens), merges, ignore_merges: pre.ignoreMerges ?? false },
  };
}

function listedMerges({ file, metadata }: Pick<Vocabulary, "file" | "metadata">): readonly string[][] {
  const merges = metadata.strings("tokenizer.ggml.merges").map((merge) => merge.split(" "));
  if (merges.some((pair) => pair.length !== 2))
    throw new LecternError("file", `${file}: tokenizer.ggml.merges must hold pairs with a space between`);
  return merges;
}

/** SentencePiece's BPE: spaces are ▁, and what is no token falls apart into bytes. */
function sentencePiece(
  { metadata, tokens, types }: Vocabulary,
  special: SpecialTokens,
  merges: readonly (readonly string[])[],
): object {
  const prefix = metadata.boolean("tokenizer.ggml.add_space_prefix", true);
  const spaces = { type: "Replace", pattern: { String: " " }, content: "▁" };
  const prepend = { type: "Prepend", prepend: "▁" };
  const strip = { type: "Strip", content: " ", start: 1, stop: 0 };
  const unspaced = { type: "Replace", pattern: { String: "▁" }, content: " " };
  return {
    normalizer: { type: "Sequence", normalizers: prefix ? [prepend, spaces] : [spaces] },
    pre_tokenizer: null,
    post_processor: template(metadata, tokens, special, true),
    decoder: {
      type: "Sequence",
      decoders: [unspaced, { type: "ByteFallback" }, { type: "Fuse" }, ...(prefix ? [strip] : [])],
    },
    model: {
      type: "BPE",
      unk_token: special.unk_token ?? null,
      fuse_unk: true,
      byte_fallback: types.includes(TokenType.byte),
      vocab: idsOf(tokens),
      merges,
    },
  };
}

/** RWKV's World tokenizer, whose tokens are Python literals of bytes, without quotes. */
function world({ file, metadata, tokens, types }: Vocabulary, special: SpecialTokens): object {
  const entries = tokens.flatMap((token, id): [string, number][] =>
    (types[id] ?? TokenType.normal) === TokenType.normal ? [[quotedBytes(token, true), id]] : [],
  );
  return {
    ...worldTokenizer(Object.fromEntries(entries), tokens[0] ?? "", file),
    post_processor: template(metadata, tokens, special, false),
  };
}

/**
 * Every way to make a token of two, the best token first; of one token's ways first that of the best left part, then of
 * the best right part, as transformers converts SentencePiece models.
 */
function mergesByScore({ metadata, tokens }: Vocabulary): [string, string][] {
  const scores = metadata.numbers("tokenizer.ggml.scores");
  const known = new Map(tokens.map((token, id) => [token, scores[id] ?? 0]));
  const merges: { pair: [string, string]; score: number }[] = [];
  for (const [token, score] of known) {
    const ways: { pair: [string, string]; left: number; right: number }[] = [];
    for (let cut = 1; cut < token.length; cut++) {
      const pair: [string, string] = [token.slice(0, cut), token.slice(cut)];
      const [left, right] = [known.get(pair[0]), known.get(pair[1])];
      if (left !== undefined && right !== undefined) ways.push({ pair, left, right });
    }
    ways.sort((a, b) => b.left - a.left || b.right - a.right);
    for (const { pair } of ways) merges.push({ pair, score });
  }
  return merges.sort((a, b) => b.score - a.score).map(({ pair }) => pair);
}

/** Start and end tokens around a text, where they are wanted. */
function template(
  metadata: GgufMetadata,
  tokens: readonly string[],
  { bos_token: start, eos_token: end }: SpecialTokens,
  addsStart: boolean,
): object | null {
  const before = start !== undefined && metadata.boolean("tokenizer.ggml.add_bos_token", addsStart) ? [start] : [];
  const after = end !== undefined && metadata.boolean("tokenizer.ggml.add_eos_token", false) ? [end] : [];
  const around = (text: "A" | "B", type_id: number): object[] => [
    ...before.map((id) => ({ SpecialToken: { id, type_id } })),
    { Sequence: { id: text, type_id } },
    ...after.map((id) => ({ SpecialToken: { id, type_id } })),
  ];
  if (before.length + after.length === 0) return null;
  const used = [...before, ...after].map((id) => [id, { id, ids: [tokens.indexOf(id)], tokens: [id] }]);
  return {
    type: "TemplateProcessing",
    single: around("A", 0),
    pair: [...around("A", 0), ...around("B", 1)],
    special_tokens: Object.fromEntries(used),
  };
}

/** Tokens that are found in a text before it is cut. */
function addedTokens({ tokens, types }: Vocabulary): object[] {
  const kinds: readonly number[] = [TokenType.unknown, TokenType.control, TokenType.userDefined];
  return tokens.flatMap((content, id) => {
    const type = types[id] ?? TokenType.normal;
    if (!kinds.includes(type) || content === "") return [];
    const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
    return [{ id, content, ...plain, special: type !== TokenType.userDefined }];
  });
}

function endTokens({ metadata, tokens, types }: Vocabulary): number[] {
  const given = ["eos_token_id", "eot_token_id", "eom_token_id"].flatMap(
    (key) => metadata.optional(`tokenizer.ggml.${key}`) ?? [],
  );
  const named = tokens.flatMap((token, id) => (ENDINGS.has(token) && types[id] === TokenType.control ? [id] : []));
  return [...new Set([...given, ...named])];
}
