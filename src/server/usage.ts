import type { TokenCounts } from "./choices.ts";
import type { CompletionResponse } from "./schemas/completions.ts";

/** Token counts in OpenAI's form. */
export function usageOf({ prompt, cached, completion }: TokenCounts): NonNullable<CompletionResponse["usage"]> {
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached },
  };
}
