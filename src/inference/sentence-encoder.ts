import { check, LecternError, ownEntry } from "../common/index.ts";
import type { Encoding, Tokenizer } from "../tokenizers/index.ts";
import type { BatchRunOptions } from "./length-bucketing.ts";
import type { SentenceModules } from "./sentence-modules.ts";

/** Options of `Model.embed`. */
export interface EmbedOptions extends Omit<BatchRunOptions, "forward"> {
  /** The name of one of the prompts of `config_sentence_transformers.json`; default the one that it names. */
  readonly promptName?: string | undefined;
  /** A text to put before each text, in place of a prompt of the model's. */
  readonly prompt?: string | undefined;
  /** False if a text that is longer than the model reads is an error instead of being cut; default true. */
  readonly truncate?: boolean | undefined;
  /** The number of leading dimensions to keep, of models trained for it (Matryoshka; Kusupati et al., 2022); default all. */
  readonly dimensions?: number | undefined;
}

/** Encodes texts with a prompt before them; `skipped` is the number of tokens at the start that are not pooled. */
export function sentenceEncoder(
  tokenizer: Tokenizer,
  modules: SentenceModules,
  options: Pick<EmbedOptions, "promptName" | "prompt" | "truncate"> & { readonly maxLength: number },
): { readonly text: (text: string) => Encoding; readonly skipped: number } {
  const { maxLength, truncate = true } = options;
  const prompt = promptOf(modules, options);
  const encode = (text: string): Encoding => {
    const read = modules.lowercase ? lowercase(text) : text;
    if (truncate) return tokenizer.encode(read, { maxLength });
    const encoding = tokenizer.encode(read);
    const { length } = encoding.ids;
    check(
      length <= maxLength,
      "input",
      () => `embed: a text has ${length} tokens, the model reads ${maxLength}: ${length - maxLength} too many`,
    );
    return encoding;
  };
  const skipped = modules.includePrompt || prompt === "" ? 0 : promptLength(tokenizer, encode(prompt).ids);
  return { text: (text) => encode(prompt + text), skipped };
}

function promptOf(
  { prompts, defaultPromptName }: SentenceModules,
  { promptName, prompt }: Pick<EmbedOptions, "promptName" | "prompt">,
): string {
  if (prompt !== undefined) return prompt;
  const name = promptName ?? defaultPromptName;
  if (name === undefined) return "";
  const own = ownEntry(prompts, name);
  if (own !== undefined) return own;
  const known = Object.keys(prompts).join(", ") || "none";
  throw new LecternError("usage", `embed: the model has no prompt ${JSON.stringify(name)}; it has ${known}`);
}

/** The tokens of a prompt with those before it, but without one that ends a text. */
function promptLength(tokenizer: Tokenizer, ids: readonly number[]): number {
  const endsWithSpecial = tokenizer.specialIds.has(ids.at(-1) ?? -1);
  return endsWithSpecial ? ids.length - 1 : ids.length;
}

/** Character by character, as the tokenizers library does. */
const lowercase = (text: string): string =>
  Array.from(text, (character) => (character === "Σ" ? "σ" : character.toLowerCase())).join("");
