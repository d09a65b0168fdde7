/** The splitting of text into words before a vocabulary is learned, and its form in the tokenizer's JSON. */
export interface Splitting {
  readonly normalizer: object | null;
  readonly preTokenizer: object | null;
  readonly decoder: object | null;
  normalize(text: string): string;
  split(text: string): readonly string[];
  /** The treatment of a word once it is counted. */
  spell?(word: string): string;
}

const WORD = String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]`;

const gpt2Pattern = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
const wordPattern = new RegExp(
  String.raw`${WORD}+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+`,
  "gu",
);
const bertPattern = /[!-/:-@[-`{-~]|\p{P}|[^\s!-/:-@[-`{-~\p{P}]+/gu;

/** The character for each byte: itself where it can be seen, one beyond Latin-1 else (GPT-2). */
export const byteCharacters: readonly string[] = (() => {
  const seen = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let hidden = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(seen(byte) ? byte : 256 + hidden++));
})();

const matches = (text: string, pattern: RegExp): readonly string[] => text.match(pattern) ?? [];
const same = (text: string): string => text;
const encoder = new TextEncoder();

export const byteLevel: Splitting = {
  normalizer: null,
  preTokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
  decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  normalize: same,
  split: (text) => matches(text, gpt2Pattern),
  spell: (word) => Array.from(encoder.encode(word), (byte) => byteCharacters[byte]).join(""),
};

export const whitespace: Splitting = {
  normalizer: null,
  preTokenizer: { type: "Whitespace" },
  decoder: null,
  normalize: same,
  split: (text) => matches(text, wordPattern),
};

export const wordEnds: Splitting = {
  normalizer: { type: "NFC" },
  preTokenizer: { type: "WhitespaceSplit" },
  decoder: { type: "BPEDecoder", suffix: "</w>" },
  normalize: (text) => text.normalize("NFC"),
  split: (text) => matches(text, /\P{White_Space}+/gu),
};

/** BERT's: control characters out, ideographs apart, accents off, small letters. */
export const bertWords: Splitting = {
  normalizer: {
    type: "BertNormalizer",
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  preTokenizer: { type: "BertPreTokenizer" },
  decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  normalize(text) {
    const clean = text.replace(/[\t\n\r]/g, " ").replace(/[\0\uFFFD\p{C}]/gu, "");
    const apart = clean.replace(
      /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu,
      " $& ",
    );
    const bare = apart.normalize("NFD").replace(/\p{Mn}/gu, "");
    return Array.from(bare, (character) => character.toLowerCase()).join("");
  },
  split: (text) => matches(text, bertPattern),
};

/** SentencePiece's: spaces are a mark that begins a word. Decomposed text (NFKD) is what the reference's trainer takes. */
export const marked = (form: "NFC" | "NFKC" | "NFKD" = "NFKD"): Splitting => ({
  normalizer: {
    type: "Sequence",
    normalizers: [{ type: form }, { type: "Replace", pattern: { Regex: " {2,}" }, content: " " }],
  },
  preTokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
  decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
  normalize: (text) => text.normalize(form).replace(/ {2,}/g, " "),
  split(text) {
    if (text === "") return [];
    const spaced = text.replaceAll(" ", "▁");
    return matches(spaced.startsWith("▁") ? spaced : `▁${spaced}`, /▁[^▁]*/gu);
  },
});

/** A word and how often it stands in the text, the first seen first. */
export type WordCounts = ReadonlyMap<string, number>;

/** Counts the words of texts. */
export async function countWords(
  texts: Iterable<string> | AsyncIterable<string>,
  { normalize, split, spell = same }: Splitting,
): Promise<WordCounts> {
  const counts = new Map<string, number>();
  for await (const text of texts)
    for (const word of split(normalize(text.toWellFormed()))) counts.set(word, (counts.get(word) ?? 0) + 1);
  return new Map([...counts].map(([word, count]) => [spell(word), count]));
}
