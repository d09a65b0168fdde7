/** How byte-level text is cut before merges, as a tokenizer of this kind has it in `tokenizer.json`. */
export interface PreTokenizer {
  /** The steps before bytes become characters: a pattern of words, single digits, or GPT-2's own pattern. */
  readonly steps: readonly (string | "digits" | "gpt-2")[];
  /** Whether a word that is a token is taken whole, without merges. */
  readonly ignoreMerges?: boolean;
  readonly normalizer?: "NFC";
  /** Whether the start token is added where the metadata do not say. */
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
const qwen2: PreTokenizer = { steps: [words("\\p{N}")], normalizer: "NFC" };

/** By `tokenizer.ggml.pre`. The first name of a kind is the one that is written. */
export const preTokenizers: Readonly<Record<string, PreTokenizer>> = {
  "gpt-2": gpt2,
  "phi-2": gpt2,
  mpt: gpt2,
  olmo: gpt2,
  "llama-bpe": llama3,
  "llama-v3": llama3,
  llama3,
  dbrx: { steps: [words("\\p{N}{1,3}")] },
  qwen2,
  "deepseek-r1-qwen": qwen2,
  smollm: digitsApart,
  starcoder: digitsApart,
  refact: digitsApart,
  "command-r": digitsApart,
  tekken: { steps: [cased("\\p{N}", "")], ignoreMerges: true, addsStart: true },
  "gpt-4o": { steps: [cased("\\p{N}{1,3}", `${english}?`)] },
  default: {
    steps: [
      "[\\p{P}\\$\\+<=>\\^~\\|]+",
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)",
      "\\p{N}+",
      "[0-9][0-9][0-9]",
    ],
  },
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
