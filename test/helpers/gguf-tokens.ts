import type { GgufEntry } from "../../src/formats/index.ts";

/** The parts of a `tokenizer.json` that llama.cpp's converter reads. */
interface TokenizerJson {
  readonly model: {
    readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[];
    readonly unk_id?: number;
  };
  readonly added_tokens: readonly { readonly id: number; readonly content: string; readonly special: boolean }[];
}

const control = 3;
const plain = 1;

function typesOf({ added_tokens: added }: TokenizerJson, count: number): number[] {
  const special = new Set(added.filter((token) => token.special).map(({ id }) => id));
  return Array.from({ length: count }, (_, id) => (special.has(id) ? control : plain));
}

/** WordPiece's tokens as the converter writes them: the beginnings of words have a phantom space, other pieces no mark. */
function wordPieces(json: TokenizerJson): GgufEntry[] {
  const vocab = json.model.vocab as Readonly<Record<string, number>>;
  const tokens = Object.keys(vocab).sort((a, b) => (vocab[a] as number) - (vocab[b] as number));
  const types = typesOf(json, tokens.length);
  const phantom = tokens.map((token, id) =>
    types[id] === control ? token : token.startsWith("##") ? token.slice(2) : `▁${token}`,
  );
  const id = (token: string): number => vocab[token] as number;
  return [
    ["tokenizer.ggml.model", "string", "bert"],
    ["tokenizer.ggml.pre", "string", "jina-v2-en"],
    ["tokenizer.ggml.tokens", "strings", phantom],
    ["tokenizer.ggml.token_type", "i32s", types],
    ["tokenizer.ggml.bos_token_id", "u32", id("[CLS]")],
    ["tokenizer.ggml.unknown_token_id", "u32", id("[UNK]")],
    ["tokenizer.ggml.seperator_token_id", "u32", id("[SEP]")],
    ["tokenizer.ggml.padding_token_id", "u32", id("[PAD]")],
    ["tokenizer.ggml.mask_token_id", "u32", id("[MASK]")],
  ];
}

/** Unigram's tokens with their scores; those behind them were added. */
function unigram(json: TokenizerJson): GgufEntry[] {
  const vocab = json.model.vocab as readonly (readonly [string, number])[];
  const unknown = json.model.unk_id as number;
  const behind = json.added_tokens.filter(({ id }) => id >= vocab.length).sort((a, b) => a.id - b.id);
  const tokens = [...vocab.map(([token]) => token), ...behind.map(({ content }) => content)];
  const types = typesOf(json, vocab.length).map((type, id) => (id === unknown ? 2 : type));
  return [
    ["tokenizer.ggml.model", "string", "t5"],
    ["tokenizer.ggml.pre", "string", "default"],
    ["tokenizer.ggml.tokens", "strings", tokens],
    ["tokenizer.ggml.scores", "f32s", [...vocab.map(([, score]) => score), ...behind.map(() => -1000)]],
    ["tokenizer.ggml.token_type", "i32s", [...types, ...behind.map(() => 4)]],
    ["tokenizer.ggml.add_space_prefix", "bool", true],
    ["tokenizer.ggml.remove_extra_whitespaces", "bool", true],
    ["tokenizer.ggml.eos_token_id", "u32", tokens.indexOf("</s>")],
    ["tokenizer.ggml.unknown_token_id", "u32", unknown],
    ["tokenizer.ggml.padding_token_id", "u32", tokens.indexOf("<pad>")],
    ["tokenizer.ggml.add_bos_token", "bool", false],
    ["tokenizer.ggml.add_eos_token", "bool", true],
  ];
}

/** The `tokenizer.*` metadata that llama.cpp's converter makes of a `tokenizer.json` of this kind. */
export function tokenEntries(json: TokenizerJson): GgufEntry[] {
  return Array.isArray(json.model.vocab) ? unigram(json) : wordPieces(json);
}

/** Texts with capitals, accents, ideographs, digits, punctuation, spaces, and what no token holds. */
export const texts: readonly string[] = [
  "The wolf said: don't go there!",
  "  two   spaces, and a line\nor two ",
  "Café NAÏVE 12345",
  "上海 and 😀",
  "unbelievably long-winded",
];
