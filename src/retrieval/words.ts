/** Scripts that are written without spaces, or that glue endings to words: compared by pairs of characters. */
const PAIRED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

/**
 * The terms of a text for BM25: runs of letters and digits in lower case. Chinese, Japanese and Korean runs become
 * overlapping pairs of characters, as in Lucene's CJK analyzer. There is no list of stop words and no stemming.
 */
export function termsOf(text: string): string[] {
  const words =
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}_]+/gu) ?? [];
  return words.flatMap((word) => (PAIRED.test(word) ? pairsOf([...word]) : [word]));
}

function pairsOf(characters: readonly string[]): string[] {
  if (characters.length === 1) return [...characters];
  return characters.slice(1).map((character, i) => `${characters[i]}${character}`);
}
