import { LecternError, ownEntry, suggestion } from "../../common/index.ts";

/** The tokens of a text, as a tokenizer of sacreBLEU splits it. */
type Split = (text: string) => readonly string[];

/** Words between white space. */
export function words(text: string): string[] {
  return text.split(/\p{White_Space}+/u).filter((word) => word !== "");
}

/** The tokens of mteval-v13a, which WMT has used: punctuation apart, but not within numbers. */
function tokenize13a(text: string): string[] {
  const plain = text
    .replaceAll("<skipped>", "")
    .replaceAll("-\n", "")
    .replaceAll("\n", " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">");
  return westernTokens(` ${plain} `);
}

function westernTokens(text: string): string[] {
  return words(
    text
      .replace(/([{-~[-` -&(-+:-@/])/g, " $1 ")
      .replace(/([^0-9])([.,])/gu, "$1 $2 ")
      .replace(/([.,])([^0-9])/gu, " $1 $2")
      .replace(/([0-9])(-)/g, "$1 $2 "),
  );
}

/** The tokens of mteval-v14 with Unicode's punctuation and symbols. */
function internationalTokens(text: string): string[] {
  return words(
    text
      .replace(/(\P{N})(\p{P})/gu, "$1 $2 ")
      .replace(/(\p{P})(\P{N})/gu, " $1 $2")
      .replace(/(\p{S})/gu, " $1 "),
  );
}

/**
 * Characters that stand alone in Chinese text, as sacreBLEU 2.6 has them: its two ranges beyond the basic plane are
 * written with four digits, so that they cover U+2001 to U+2A6D and U+2F81 to U+2FA1 instead.
 */
const CHINESE =
  /[\u3400-\u4db5\u4e00-\u9fbb\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9\u2001-\u2a6d\u2f81-\u2fa1\uff00-\uffef\u2e80-\u2eff\u3000-\u303f\u31c0-\u31ef\u2f00-\u2fdf\u2ff0-\u2fff\u3100-\u312f\u31a0-\u31bf\ufe10-\ufe1f\ufe30-\ufe4f\u2600-\u27bf\u3200-\u33ff]/gu;

const splits = {
  "13a": tokenize13a,
  intl: internationalTokens,
  char: (text) => words([...text].join(" ")),
  zh: (text) => westernTokens(text.trim().replace(CHINESE, " $& ")),
  none: words,
} as const satisfies Readonly<Record<string, Split>>;

/** A tokenizer of BLEU, by its name in sacreBLEU. */
export type BleuTokenizer = keyof typeof splits;

/** Tokenizers of sacreBLEU that need what is not here. */
const REFUSED: Readonly<Record<string, string>> = {
  "ko-mecab": "it needs MeCab's Korean dictionary; char and intl take Korean",
  "ja-mecab": "it needs MeCab's Japanese dictionary; char takes Japanese",
  spm: "it needs a SentencePiece model of FLORES-101",
  flores101: "it needs a SentencePiece model of FLORES-101",
  flores200: "it needs a SentencePiece model of FLORES-200",
  "spBLEU-1K": "it needs a SentencePiece model",
};

/** The tokenizer of a name. @throws LecternError for one that is not here, with the reason */
export function bleuTokenizer(name: string): Split {
  if (Object.hasOwn(splits, name)) return splits[name as BleuTokenizer];
  const reason = ownEntry(REFUSED, name);
  if (reason !== undefined)
    throw new LecternError("unsupported", `bleu: tokenizer ${name} is not available: ${reason}`);
  throw new LecternError("usage", `bleu: there is no tokenizer ${name}${suggestion(name, Object.keys(splits))}`);
}
