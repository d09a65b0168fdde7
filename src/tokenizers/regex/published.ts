const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const spaces = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const marks = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";
const letters = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
const gpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)";
const [upper, lower] = ["[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]", "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"];
const before = "[^\\r\\n\\p{L}\\p{N}]?";
const cased = (end: string): string => `${before}${upper}*${lower}+${end}|${before}${upper}+${lower}*${end}`;
const ascii = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+";
const deepseek = `${ascii}|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+`;

/**
 * Patterns of published tokenizers that JavaScript's own engine matches in linear time, though not for a reason that
 * `isLinear` sees: what one alternative reads for nothing, a later one takes. Their worst texts were measured.
 */
export const publishedPatterns: ReadonlySet<string> = new Set([
  gpt2,
  `${gpt2}|\\s+`,
  `'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+`,
  // Qwen, LLaMA 3, GPT-4 (cl100k) and others: single digits, or up to three together
  ...["\\p{N}", "\\p{N}{1,3}"].map((digits) => `${contractions}|${letters}|${digits}|${marks}|${spaces}`),
  `'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|${spaces}`,
  `'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+`,
  // Qwen 3.5: combining marks belong to letters
  `${contractions}|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|${spaces}`,
  // Mistral's Tekken and GPT-4o (o200k)
  `${cased("")}|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${spaces}`,
  `${cased(`${contractions}?`)}|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${spaces}`,
  // DeepSeek V3, with line ends as they are and as escapes
  `${deepseek}[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+`,
  `${deepseek.replace("\r\n", "\\r\\n")}[\\r\\n]*|${spaces}`,
]);
