import type { Encoding, Tokenizer } from "../tokenizers/index.ts";

/** Where something stands in a text, in code points. */
export type Span = readonly [start: number, end: number];

/** Letters as most tokenizers see them: decomposed, without marks, in lower case. */
function plain(text: string): string[] {
  return [...text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()];
}

/**
 * Where each token of a text stands, in code points: as the tokenizer says, or, for tokenizers that rewrite their text
 * and cannot say, by reading text and tokens side by side.
 */
export function offsetsOf(text: string, { ids, tokens, offsets }: Encoding, tokenizer: Tokenizer): readonly Span[] {
  if (offsets) return offsets;
  const unknown = tokenizer.specialId("unk_token");
  const letters = [...text].flatMap((point, at) => plain(point).map((letter) => ({ letter, at })));
  let next = 0;
  const skip = (): void => {
    while (next < letters.length && /\s/.test(letters[next]?.letter as string)) next++;
  };
  return tokens.map((token, i): Span => {
    skip();
    const start = letters[next]?.at ?? letters.at(-1)?.at ?? 0;
    let last = start - 1;
    const isUnknown = ids[i] === unknown;
    const wanted = isUnknown ? [] : plain(token.replace(/^##/, "").replaceAll("▁", ""));
    if (isUnknown)
      while (next < letters.length && /[^\s\p{P}]/u.test(letters[next]?.letter as string))
        last = letters[next++]?.at ?? last;
    if (isUnknown && last < start && next < letters.length) last = letters[next++]?.at ?? last;
    for (const letter of wanted) if (letters[next]?.letter === letter) last = letters[next++]?.at ?? last;
    return [start, last + 1];
  });
}

/** Which word of its text each token belongs to, counted from 0. */
export function wordsOf(text: string, tokens: readonly string[], spans: readonly Span[]): number[] {
  const isByteLevel = tokens.some((token) => token.startsWith("Ġ"));
  const starts = isByteLevel ? gpt2WordStarts(text) : undefined;
  let word = -1;
  return tokens.map((token, i) => {
    const [start] = spans[i] as Span;
    const begins = starts
      ? token.startsWith("Ġ") || starts.has(start)
      : tokens.some((other) => other.startsWith("▁"))
        ? token.startsWith("▁")
        : !token.startsWith("##");
    if (begins || i === 0) word++;
    return word;
  });
}

/** Where words begin for byte-level tokenizers, as GPT-2 splits text, in code points. */
function gpt2WordStarts(text: string): Set<number> {
  const starts = new Set<number>();
  for (const { 0: match, index } of text.matchAll(/'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+/gu))
    starts.add([...text.slice(0, index)].length + (match.startsWith(" ") ? 1 : 0));
  return starts;
}
