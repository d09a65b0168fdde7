/** Parts of a `tokenizer.json` that several families share. */

export const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true };

/** Words between white space, each with ▁ before it. */
export const splitAtSpaces = { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, metaspace] };

export const manySpaces = { type: "Replace", pattern: { Regex: " {2,}" }, content: " " };

export const replace = (from: string, to: string): object => ({
  type: "Replace",
  pattern: { String: from },
  content: to,
});

/** Qwen's pattern of words. @param letters what counts as a letter, as the inside of a class */
export const splitWords = (letters: string): string => {
  const letter = letters === "\\p{L}" ? letters : `[${letters}]`;
  return `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?${letter}+|\\p{N}| ?[^\\s${letters}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
};
