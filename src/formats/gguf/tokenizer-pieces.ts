import { check } from "../../common/index.ts";
import { idsOf, type SpecialTokens, TokenType, type Vocabulary } from "./vocabulary.ts";

/** A WordPiece vocabulary as a checkpoint has it: GGUF marks the beginnings of words, a checkpoint the other pieces. */
export function wordPieceTokens(tokens: readonly string[], types: readonly number[]): string[] {
  return tokens.map((token, id) => {
    if (types[id] === TokenType.control) return token;
    return token.startsWith("▁") ? token.slice(1) : `##${token}`;
  });
}

/** BERT's tokenizer; where the metadata do not say otherwise, of lower case and without accents, as llama.cpp has it. */
export function wordPieces({ file, metadata, tokens }: Vocabulary, special: SpecialTokens): object {
  const named = (token: string | undefined, usual: string): string => {
    const found = token ?? usual;
    check(tokens.includes(found), "file", () => `${file}: the tokens lack ${found}, which BERT's tokenizer needs`);
    return found;
  };
  const start = named(special.cls_token ?? special.bos_token, "[CLS]");
  const end = named(special.sep_token ?? special.eos_token, "[SEP]");
  const stripsAccents = "tokenizer.ggml.normalizer.strip_accents";
  return {
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: metadata.has(stripsAccents) ? metadata.boolean(stripsAccents, true) : null,
      lowercase: metadata.boolean("tokenizer.ggml.normalizer.lowercase", true),
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: processing(tokens, {
      single: [[start], [end]],
      pair: [[start], [end], [end]],
      secondType: 1,
    }),
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: named(special.unk_token, "[UNK]"),
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: idsOf(tokens),
    },
  };
}

/** SentencePiece's Unigram, as T5 and XLM-RoBERTa have it. */
export function unigram({ file, metadata, tokens, types }: Vocabulary, special: SpecialTokens): object {
  const scores = metadata.numbers("tokenizer.ggml.scores");
  check(
    scores.length === tokens.length,
    "file",
    () => `${file}: tokenizer.ggml.scores has ${scores.length} entries for ${tokens.length} tokens`,
  );
  const charsmap = "tokenizer.ggml.precompiled_charsmap";
  const precompiled = metadata.has(charsmap)
    ? [{ type: "Precompiled", precompiled_charsmap: base64(metadata.numbers(charsmap)) }]
    : [];
  const squeezed = metadata.boolean("tokenizer.ggml.remove_extra_whitespaces", true)
    ? [
        { type: "Strip", strip_left: false, strip_right: true },
        { type: "Replace", pattern: { Regex: " {2,}" }, content: " " },
      ]
    : [];
  const scheme = metadata.boolean("tokenizer.ggml.add_space_prefix", true) ? "always" : "never";
  const space = { type: "Metaspace", replacement: "▁", prepend_scheme: scheme, split: true };
  const { bos_token: bos, eos_token: eos, unk_token: unknown } = special;
  const start = bos !== undefined && metadata.boolean("tokenizer.ggml.add_bos_token", false) ? [bos] : [];
  const end = eos !== undefined && metadata.boolean("tokenizer.ggml.add_eos_token", true) ? [eos] : [];
  return {
    normalizer: { type: "Sequence", normalizers: [...precompiled, ...squeezed] },
    pre_tokenizer: space,
    post_processor: processing(tokens, {
      single: [start, end],
      pair: [start, start.length > 0 ? [...end, ...end] : end, end], // RoBERTa has two between texts
      secondType: 0,
    }),
    decoder: space,
    model: {
      type: "Unigram",
      vocab: tokens.map((token, id) => [token, scores[id]]),
      unk_id: unknown === undefined ? null : tokens.indexOf(unknown),
      byte_fallback: types.includes(TokenType.byte),
    },
  };
}

/** Special tokens around one text, and around and between two. */
interface Frame {
  readonly single: readonly [before: readonly string[], after: readonly string[]];
  readonly pair: readonly [before: readonly string[], between: readonly string[], after: readonly string[]];
  /** The segment of the second text. */
  readonly secondType: 0 | 1;
}

function processing(tokens: readonly string[], { single, pair, secondType }: Frame): object | null {
  const used = [...new Set([...single, ...pair].flat())];
  if (used.length === 0) return null;
  const special = (ids: readonly string[], type_id: number): object[] =>
    ids.map((id) => ({ SpecialToken: { id, type_id } }));
  const text = (id: "A" | "B", type_id: number): object => ({ Sequence: { id, type_id } });
  return {
    type: "TemplateProcessing",
    single: [...special(single[0], 0), text("A", 0), ...special(single[1], 0)],
    pair: [
      ...special(pair[0], 0),
      text("A", 0),
      ...special(pair[1], 0),
      text("B", secondType),
      ...special(pair[2], secondType),
    ],
    special_tokens: Object.fromEntries(used.map((id) => [id, { id, ids: [tokens.indexOf(id)], tokens: [id] }])),
  };
}

function base64(bytes: readonly number[]): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte & 0xff);
  return btoa(binary);
}
