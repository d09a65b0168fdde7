import { check } from "../common/index.ts";
import type { GenerationOptions } from "../generation/index.ts";
import type { Message } from "../tokenizers/index.ts";
import { type GeneratingOptions, generateRows, generationOptionNames, generationOptions } from "./generation.ts";
import { describe, type Task, type TaskContext } from "./task.ts";

/** Options of `text-generation`: all generation options, and these. */
export interface TextGenerationOptions extends GeneratingOptions {
  /** True if the result begins with the prompt, or the conversation; default true. */
  readonly returnFullText?: boolean;
  /** True if special tokens are added to a prompt; default as the tokenizer does. */
  readonly addSpecialTokens?: boolean;
  /** True if the conversation's last message is continued; default if it is the assistant's. */
  readonly continueFinalMessage?: boolean;
}

/** A result of `text-generation`. */
export interface GeneratedText {
  /** The text; for a conversation, its messages with the answer. */
  readonly generated_text: string | readonly Message[];
}

/** A text to continue, or a conversation to answer. */
export type Prompt = string | readonly Message[];

/** Text that goes on from a prompt, or an answer in a conversation. */
export const textGeneration: Task<Prompt, TextGenerationOptions, GeneratedText[], keyof GenerationOptions> = {
  defaultModel: "stories",
  batchSize: 8,
  options: {
    returnFullText: "flag",
    addSpecialTokens: "flag",
    continueFinalMessage: "flag",
  },
  otherOptions: generationOptionNames,
  isOne: (input) => !Array.isArray(input) || isMessage(input[0]),
  parse(input, place) {
    if (typeof input === "string") return input;
    check(
      Array.isArray(input) && input.length > 0 && input.every(isMessage),
      "input",
      () => `${place} must be a text or a list of messages with role and content; got ${describe(input)}`,
    );
    return input;
  },
  async run(context, inputs, options) {
    const { model, task } = context;
    check(
      !model.isEncoderDecoder,
      "unsupported",
      () =>
        `${task}: needs a decoder; ${model.location} (${model.family}) is an encoder–decoder: use text2text-generation`,
    );
    const asked = generationOptions(context, options, { maxNewTokens: 256, doSample: true, temperature: 0.7 });
    const rows = inputs.map((input) => promptIds(context, input, options));
    const results = await generateRows(context, rows, asked);
    return results.map((sequences, i) =>
      sequences.map(({ text }) => ({ generated_text: shown(inputs[i] as Prompt, text, options) })),
    );
  },
};

function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null && typeof (value as { role?: unknown }).role === "string";
}

function continues(messages: readonly Message[], { continueFinalMessage }: TextGenerationOptions): boolean {
  return continueFinalMessage ?? messages.at(-1)?.role === "assistant";
}

function promptIds(
  { model, tokenizer }: TaskContext,
  input: Prompt,
  options: TextGenerationOptions,
): readonly number[] {
  if (typeof input !== "string") {
    const goesOn = continues(input, options);
    const text = tokenizer.applyChatTemplate(input, { addGenerationPrompt: !goesOn, continueFinalMessage: goesOn });
    return tokenizer.encode(text, { addSpecialTokens: false }).ids;
  }
  const { addSpecialTokens } = options;
  const { ids } = tokenizer.encode(input, addSpecialTokens === undefined ? {} : { addSpecialTokens });
  const start = (model.generationConfig.bos_token_id ?? model.config.bos_token_id) as number | undefined;
  return ids.length === 0 && typeof start === "number" ? [start] : ids;
}

function shown(input: Prompt, text: string, options: TextGenerationOptions): string | readonly Message[] {
  if (options.returnFullText === false) return text;
  if (typeof input === "string") return input + text;
  const last = input.at(-1) as Message;
  if (!continues(input, options)) return [...input, { role: "assistant", content: text }];
  return [...input.slice(0, -1), { ...last, content: `${textOfContent(last)}${text}` }];
}

/** The words of a message, whose content may be a list of parts. */
function textOfContent({ content }: Message): string {
  if (typeof content === "string") return content;
  return (content ?? []).map((part) => part.text ?? "").join("");
}
