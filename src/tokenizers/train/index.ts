import { check, LecternError, suggestion } from "../../common/index.ts";
import { trainBpe } from "./bpe.ts";
import { trainUnigram } from "./unigram.ts";
import {
  bertWords,
  byteCharacters,
  byteLevel,
  countWords,
  marked,
  type Splitting,
  type WordCounts,
  whitespace,
  wordEnds,
} from "./words.ts";

/** The kinds of tokenizers that can be trained. */
export const tokenizerKinds = [
  "byte-level-bpe",
  "whitespace-bpe",
  "word-end-bpe",
  "wordpiece",
  "unigram",
  "word-level",
  "character",
] as const;
/** The kind of a trained tokenizer. */
export type TokenizerKind = (typeof tokenizerKinds)[number];

/** Options of training a tokenizer. */
export interface TokenizerOptions {
  /** The kind of tokenizer. */
  readonly kind: TokenizerKind;
  /** Special tokens among them. */
  readonly vocabularySize: number;
  /** Words, or pairs of tokens, that stand less often are left out; default 2. */
  readonly minFrequency?: number;
  /** Have the first ids, in order. */
  readonly specialTokens?: readonly string[];
  /** The number of sentinel tokens `<extra_id_0>`, … behind them, their ids counting down: what T5's span corruption writes. */
  readonly sentinels?: number;
  /** The maximum number of characters, where the kind begins with characters; the rarest are left out. */
  readonly limitAlphabet?: number;
  /** The token for text that the vocabulary lacks; must be a special token. */
  readonly unknownToken?: string | null;
  /** The normalisation of a unigram tokenizer; default NFKD, as the reference's trainer. What decodes is normalised so. */
  readonly normalization?: "NFC" | "NFKC" | "NFKD" | undefined;
  /** Puts special tokens around texts: `[CLS] A [SEP] B [SEP]` as BERT does, or `A </s>` as T5 does; default none. */
  readonly template?: "bert" | "t5" | undefined;
}

interface Parts {
  readonly splitting: Splitting;
  /** The first special tokens, and which of them is the unknown one. */
  readonly special: readonly string[];
  readonly unknown: string | null;
}

const parts: Readonly<Record<TokenizerKind, Parts>> = {
  "byte-level-bpe": { splitting: byteLevel, special: ["<|endoftext|>"], unknown: null },
  "whitespace-bpe": { splitting: whitespace, special: ["[UNK]", "[PAD]"], unknown: "[UNK]" },
  "word-end-bpe": { splitting: wordEnds, special: ["<unk>"], unknown: "<unk>" },
  wordpiece: { splitting: bertWords, special: ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], unknown: "[UNK]" },
  unigram: { splitting: marked(), special: ["<pad>", "</s>", "<unk>"], unknown: "<unk>" },
  "word-level": { splitting: whitespace, special: ["[UNK]"], unknown: "[UNK]" },
  character: {
    splitting: {
      normalizer: null,
      preTokenizer: null,
      decoder: { type: "Fuse" },
      normalize: (text) => text,
      split: (text) => (text === "" ? [] : [text]),
    },
    special: ["<unk>"],
    unknown: "<unk>",
  },
};

/**
 * Learns a tokenizer from texts; the result is a `tokenizer.json`. The same texts give the same one.
 * Merges, vocabularies and scores are those of Hugging Face's trainers with the same settings.
 */
export async function trainTokenizer(
  texts: Iterable<string> | AsyncIterable<string>,
  options: TokenizerOptions,
): Promise<object> {
  const { kind, vocabularySize } = options;
  if (!tokenizerKinds.includes(kind))
    throw new LecternError("usage", `tokenizer: there is no kind ${kind}${suggestion(String(kind), tokenizerKinds)}`);
  const { special, unknown } = parts[kind];
  const { normalization } = options;
  check(
    normalization === undefined || kind === "unigram",
    "usage",
    () => `tokenizer: normalization is for unigram; ${kind} has its own`,
  );
  const splitting = normalization === undefined ? parts[kind].splitting : marked(normalization);
  const { sentinels = 0 } = options;
  const marks = Array.from({ length: sentinels }, (_, i) => `<extra_id_${sentinels - 1 - i}>`);
  const specialTokens = [...(options.specialTokens ?? special), ...marks];
  const unknownToken = options.unknownToken === undefined ? unknown : options.unknownToken;
  const twice = specialTokens.find((token, i) => specialTokens.indexOf(token) !== i);
  check(twice === undefined, "usage", () => `tokenizer: the special token ${twice} is given twice`);
  check(
    unknownToken === null || specialTokens.includes(unknownToken),
    "usage",
    () => `tokenizer: unknownToken ${unknownToken} must be one of specialTokens ${specialTokens.join(" ")}`,
  );
  const words = await countWords(texts, splitting);
  check(words.size > 0, "input", () => "tokenizer: the text has no word to learn from");
  const model = modelOf(words, { minFrequency: 2, limitAlphabet: Infinity, ...options, specialTokens, unknownToken });
  const size = Array.isArray(model.vocab) ? model.vocab.length : Object.keys(model.vocab).length;
  check(
    size <= vocabularySize,
    "usage",
    () =>
      `tokenizer: ${size} special tokens and characters are more than vocabularySize ${vocabularySize}: give a larger one, or limitAlphabet`,
  );
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: splitting.normalizer,
    pre_tokenizer: splitting.preTokenizer,
    post_processor: templateOf(options.template, specialTokens),
    decoder: splitting.decoder,
    model,
  };
}

/** A `TemplateProcessing` of the tokenizers library. */
function templateOf(template: TokenizerOptions["template"], specialTokens: readonly string[]): object | null {
  if (template === undefined) return null;
  const pieces = {
    bert: [
      ["[CLS]", "A", "[SEP]"],
      ["B", "[SEP]"],
    ],
    t5: [
      ["A", "</s>"],
      ["B", "</s>"],
    ],
  }[template];
  const missing = pieces.flat().find((piece) => piece.length > 1 && !specialTokens.includes(piece));
  check(missing === undefined, "usage", () => `tokenizer: template ${template} needs the special token ${missing}`);
  const written = (part: readonly string[], type_id: number): object[] =>
    part.map((id) => (id.length === 1 ? { Sequence: { id, type_id } } : { SpecialToken: { id, type_id } }));
  const [first, second] = pieces as [string[], string[]];
  const used = [...new Set(pieces.flat().filter((piece) => piece.length > 1))];
  return {
    type: "TemplateProcessing",
    single: written(first, 0),
    pair: [...written(first, 0), ...written(second, template === "bert" ? 1 : 0)],
    special_tokens: Object.fromEntries(
      used.map((id) => [id, { id, ids: [specialTokens.indexOf(id)], tokens: [id] }] as const),
    ),
  };
}

type Settings = TokenizerOptions & {
  readonly minFrequency: number;
  readonly limitAlphabet: number;
  readonly specialTokens: readonly string[];
  readonly unknownToken: string | null;
};

type Model = Record<string, unknown> & { readonly vocab: Readonly<Record<string, number>> | readonly unknown[] };

function modelOf(words: WordCounts, settings: Settings): Model {
  const { kind, specialTokens, unknownToken, vocabularySize, minFrequency } = settings;
  if (kind === "unigram") {
    const pieces = trainUnigram(words, { vocabularySize, reserved: specialTokens.length });
    const vocab = [...specialTokens.map((token) => [token, 0] as const), ...pieces];
    const unknownId = unknownToken === null ? null : specialTokens.indexOf(unknownToken);
    return { type: "Unigram", unk_id: unknownId, vocab, byte_fallback: false };
  }
  if (kind === "word-level") {
    const frequent = [...words].filter(([, count]) => count >= minFrequency);
    frequent.sort(([a, x], [b, y]) => (x === y ? (a < b ? -1 : 1) : y - x));
    const room = vocabularySize - specialTokens.length;
    const tokens = [...specialTokens, ...frequent.slice(0, room).map(([word]) => word)];
    return { type: "WordLevel", vocab: numbered(tokens), unk_token: unknownToken };
  }
  const { tokens, merges } = trainBpe(words, {
    ...settings,
    vocabularySize: kind === "character" ? 0 : vocabularySize,
    initialAlphabet: kind === "byte-level-bpe" ? byteCharacters : [],
    prefix: kind === "wordpiece" ? "##" : "",
    suffix: kind === "word-end-bpe" ? "</w>" : "",
  });
  if (kind === "wordpiece")
    return {
      type: "WordPiece",
      unk_token: unknownToken,
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: numbered(tokens),
    };
  return {
    type: "BPE",
    dropout: null,
    unk_token: unknownToken,
    continuing_subword_prefix: null,
    end_of_word_suffix: kind === "word-end-bpe" ? "</w>" : null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab: numbered(tokens),
    merges,
  };
}

const numbered = (tokens: readonly string[]): Record<string, number> =>
  Object.fromEntries(tokens.map((token, id) => [token, id]));
