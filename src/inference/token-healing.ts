import { check, LecternError } from "../common/index.ts";
import type { GenerationOptions, TokenHealing } from "../generation/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import type { Strategy } from "./strategy.ts";

interface HealingContext {
  readonly options: GenerationOptions;
  readonly strategy: Strategy;
  readonly tokenizer: Tokenizer | undefined;
  readonly isEncoderDecoder: boolean;
}

/** Takes back the last token of each prompt where another begins with its text. */
export function healPrompts(
  inputIds: readonly (readonly number[])[],
  { options: { tokenHealing }, strategy, tokenizer, isEncoderDecoder }: HealingContext,
): { rows: readonly (readonly number[])[]; healings?: (TokenHealing | undefined)[] } {
  if (!tokenHealing) return { rows: inputIds };
  if (isEncoderDecoder)
    throw new LecternError(
      "unsupported",
      "generation: tokenHealing needs a decoder; an encoder–decoder does not continue its prompt",
    );
  check(tokenizer, "input", () => "generation: tokenHealing needs the model's tokenizer");
  check(
    !strategy.endsWith("beams") && strategy !== "contrastive",
    "usage",
    () => `generation: tokenHealing and ${strategy} do not go together: leave one out`,
  );
  const vocabulary = Array.from({ length: tokenizer.vocabularySize }, (_, id) => tokenizer.token(id) ?? "");
  const healings = inputIds.map((row): TokenHealing | undefined => {
    const last = row.at(-1) as number;
    const token = vocabulary[last] ?? "";
    const stream = tokenizer.stream({ skipSpecialTokens: true });
    const text = stream.push(last) + stream.end();
    const allowed = vocabulary.flatMap((other, id) => (token !== "" && other.startsWith(token) ? [id] : []));
    const isPlain = text !== "" && !text.includes("\uFFFD");
    return row.length > 1 && isPlain && allowed.length > 1 ? { allowed: new Set(allowed), text } : undefined;
  });
  return { rows: inputIds.map((row, i) => (healings[i] ? row.slice(0, -1) : row)), healings };
}
