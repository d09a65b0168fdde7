/** The pre-tokenizer of byte-level text, as a tokenizer of this kind has it in `tokenizer.json`. */
export interface PreTokenizer {
  /** The steps before bytes become characters: a pattern of words, single digits, or GPT-2's own pattern. */
  readonly steps: readonly (string | "digits" | "gpt-2")[];
  /** True if a word that is a token is taken whole, without merges. */
  readonly ignoreMerges?: boolean;
  readonly normalizer?: "NFC";
  /** True if the start token is added where the metadata do not say. */
  readonly addsStart?: boolean;
}

const english = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const tail = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const words = (digits: string): string => `${english}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}${tail}`;
/** Words that begin with capitals or hold none (tiktoken's o200k). */
const cased = (digits: string, contraction: string): string => {
  const [upper, lower] = ["[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]", "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"];
  const before = "[^\\r\\n\\p{L}\\p{N}]?";
  const end = tail.replace("[\\r\\n]*", "[\\r\\n/]*");
  return `${before}${upper}*${lower}+${contraction}|${before}${upper}+${lower}*${contraction}|${digits}${end}`;
};

const gpt2: PreTokenizer = { steps: ["gpt-2"] };
const digitsApart: PreTokenizer = { steps: ["digits", "gpt-2"] };
const llama3: PreTokenizer = { steps: [words("\\p{N}{1,3}")], ignoreMerges: true, addsStart: true };
const threeDigits: PreTokenizer = { steps: [words("\\p{N}{1,3}")] };
const qwen2: PreTokenizer = { steps: [words("\\p{N}")], normalizer: "NFC" };
const oneDigit: PreTokenizer = { steps: [words("\\p{N}")] };
const gpt4o: PreTokenizer = { steps: [cased("\\p{N}{1,3}", `${english}?`)] };
const bloom = " ?[^(\\s|.,!?…。，、।۔،)]+";
const gpt2Words = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)";
const ideographs = "[一-龥\\u0800-一가-\\ud7ff]+";
const kana = "[一-龥\\u3040-ゟ゠-ヿ]+";
const ascii = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+";
/** Letters with marks, and runs of punctuation and symbols (DeepSeek V3). */
const deepseek3: PreTokenizer = {
  steps: [
    "\\p{N}{1,3}",
    kana,
    `${ascii}|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
  ],
};
/** Letters of alphabets with two cases, as DeepSeek's first models have them. */
const casedLetters =
  "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝ\\u1f5f-\\u1f7d\\u1f80-\\u1fb4ᾶ-ᾼ\\u1fbeῂ-ῄῆ-ῌῐ-\\u1fd3ῖ-\\u1fdbῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝ\\u2124\\u2126\\u2128\\u212a-\\u212dℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃";
const bailing: PreTokenizer = {
  steps: [
    `'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+`,
  ],
};

const named = (entry: PreTokenizer, ...names: readonly string[]): Record<string, PreTokenizer> =>
  Object.fromEntries(names.map((name) => [name, entry]));

/** By `tokenizer.ggml.pre`. The first name of a kind is the one that is written. */
export const preTokenizers: Readonly<Record<string, PreTokenizer>> = {
  ...named(gpt2, "gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4", "gigachat"),
  ...named(gpt2, "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "a.x-4.0", "mellum", "modern-bert"),
  ...named(llama3, "llama-bpe", "llama-v3", "llama3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"),
  ...named(llama3, "jina-v5-nano"),
  ...named(threeDigits, "dbrx", "smaug-bpe", "glm4", "chatglm-bpe"),
  ...named(qwen2, "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez"),
  ...named(oneDigit, "stablelm2", "hunyuan", "solar-open", "grok-2"),
  qwen35: {
    steps: [
      `${english}|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
    ],
    normalizer: "NFC",
  },
  ...named(digitsApart, "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"),
  tekken: { steps: [cased("\\p{N}", "")], ignoreMerges: true, addsStart: true },
  ...named(gpt4o, "gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"),
  "deepseek-llm": {
    steps: [
      "[\\r\\n]",
      `\\s?[${casedLetters}]+`,
      "\\s?[!-/:-~！-／：-～‘-‟\\u3000-。]+",
      "\\s+$",
      ideographs,
      "\\p{N}+",
    ],
  },
  "deepseek-coder": { steps: ["[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", ideographs, "\\p{N}"] },
  ...named(deepseek3, "deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"),
  falcon: { steps: ["[\\p{P}\\$\\+<=>\\^~\\|`]+", gpt2Words, "[0-9][0-9][0-9]"] },
  ...named({ steps: [bloom] }, "bloom", "poro-chat", "gpt3-finnish"),
  viking: { steps: [bloom, "\\p{N}"] },
  ...named(bailing, "bailingmoe", "bailingmoe2", "llada-moe"),
  "seed-coder": {
    steps: [
      `${english}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
    ],
  },
  superbpe: { steps: ["\\p{N}+", "(?=(?:\\d{3})+(?!\\d))"] },
  minicpm5: { steps: ["\\p{N}{1,3}", words("\\p{N}+")], ignoreMerges: true },
  default: { steps: ["[\\p{P}\\$\\+<=>\\^~\\|]+", gpt2Words, "\\p{N}+", "[0-9][0-9][0-9]"] },
};

interface Step {
  readonly type: string;
  readonly pretokenizers?: readonly Step[];
  readonly pattern?: { readonly Regex?: string };
  readonly behavior?: string;
  readonly individual_digits?: boolean;
  readonly use_regex?: boolean;
  readonly add_prefix_space?: boolean;
}

/** The `pre_tokenizer` of a `tokenizer.json`. */
export function preTokenizerJson({ steps }: PreTokenizer): object {
  const byteLevel = {
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: steps.includes("gpt-2"),
  };
  const before = steps.flatMap((step): Step[] => {
    if (step === "gpt-2") return [];
    if (step === "digits") return [{ type: "Digits", individual_digits: true }];
    return [{ type: "Split", pattern: { Regex: step }, behavior: "Isolated" }];
  });
  if (before.length === 0) return byteLevel;
  const splits = before.map((step) => (step.type === "Split" ? { ...step, invert: false } : step));
  return { type: "Sequence", pretokenizers: [...splits, byteLevel] };
}

/** The name of the kind that cuts as a `tokenizer.json` does; undefined where llama.cpp knows none. */
export function preTokenizerName(json: {
  readonly pre_tokenizer?: unknown;
  readonly normalizer?: unknown;
  readonly model: { readonly ignore_merges?: boolean };
}): string | undefined {
  const flat = (step: Step): readonly Step[] => step.pretokenizers?.flatMap(flat) ?? [step];
  const all = json.pre_tokenizer ? flat(json.pre_tokenizer as Step) : [];
  if (all.some((step) => step.add_prefix_space === true)) return undefined;
  const steps = all.flatMap((step) => {
    if (step.type === "ByteLevel") return step.use_regex === false ? [] : ["gpt-2"];
    if (step.type === "Digits") return step.individual_digits ? ["digits"] : ["digits together"];
    return [step.type === "Split" && step.behavior === "Isolated" ? (step.pattern?.Regex ?? "") : step.type];
  });
  const normalizer = (json.normalizer as Step | null | undefined)?.type;
  const ignoreMerges = json.model.ignore_merges ?? false;
  const alike = Object.entries(preTokenizers).filter(([, entry]) => entry.steps.join("\n") === steps.join("\n"));
  const same = alike.find(
    ([, entry]) => (entry.ignoreMerges ?? false) === ignoreMerges && entry.normalizer === normalizer,
  );
  return same?.[0];
}
