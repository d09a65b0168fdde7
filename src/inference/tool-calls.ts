import type { Sequence } from "../generation/index.ts";
import { readToolCalls, type Tokenizer } from "../tokenizers/index.ts";
import type { GeneratedSequence, GenerateInput } from "./generate-call.ts";

/** The parts of a model that calls are read with. */
interface CallingModel {
  readonly tokenizer: Tokenizer | undefined;
  readonly config: Readonly<Record<string, unknown>>;
  readonly generationConfig: Readonly<Record<string, unknown>>;
}

/** Sequences with the calls of tools that they hold, where the conversation has tools and its template a form for calls. */
export function withToolCalls(
  sequences: readonly Sequence[],
  { messages, chat }: GenerateInput,
  { tokenizer, config, generationConfig }: CallingModel,
): readonly GeneratedSequence[] {
  if (!messages || !chat?.tools?.length || !tokenizer) return sequences;
  const form = tokenizer.toolCallForm(chat);
  if (!form) return sequences;
  const ends = [generationConfig.eos_token_id ?? config.eos_token_id ?? []].flat();
  return sequences.map((sequence) => {
    const ids = sequence.outputIds.filter((id) => !ends.includes(id));
    const { text, calls } = readToolCalls(form, tokenizer.decode(ids)); // marks may be special tokens
    return { ...sequence, ...(calls.length > 0 && { text }), toolCalls: calls };
  });
}
