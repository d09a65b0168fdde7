/** A range of a text, in code points. */
export type Span = readonly [start: number, end: number];

/** The word of its text that each token belongs to, counted from 0. */
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

/** The beginnings of words for byte-level tokenizers, as GPT-2 splits text, in code points. */
function gpt2WordStarts(text: string): Set<number> {
  const starts = new Set<number>();
  for (const { 0: match, index } of text.matchAll(/'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+/gu))
    starts.add([...text.slice(0, index)].length + (match.startsWith(" ") ? 1 : 0));
  return starts;
}
