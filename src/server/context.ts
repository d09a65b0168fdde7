import type { Model } from "../inference/index.ts";
import type { ChatOptions, Message } from "../tokenizers/index.ts";
import { TokenTexts } from "./choices.ts";
import { ApiError } from "./errors.ts";
import type { FeedbackDesk } from "./feedback.ts";
import type { Metrics } from "./metrics.ts";
import type { ModelLease, ModelPool } from "./models.ts";
import type { LogEntry, ServerLimits } from "./options.ts";

/** The parts of a server that its routes use. */
export interface ServerParts {
  readonly models: ModelPool;
  readonly limits: ServerLimits;
  readonly metrics: Metrics;
  /** Undefined for a server that keeps no feedback. */
  readonly feedback: FeedbackDesk | undefined;
  readonly onLog: (entry: LogEntry) => void;
}

/** One request on its way. */
export interface RequestContext extends ServerParts {
  /** A name for the request, which its response and its log entry have too. */
  readonly id: string;
  /** Fires when the client is gone or the server ends the request. */
  readonly signal: AbortSignal;
  /** True once the server stops. */
  readonly isDraining: () => boolean;
  /** Calls a function once the response is sent or the client is gone. */
  readonly onEnd: (action: () => void) => void;
  /** Adds fields to the request's log entry. */
  readonly note: (fields: LogEntry) => void;
}

const texts = new WeakMap<Model, TokenTexts>();

/** The texts of a model's tokens. */
export function tokenTexts(model: Model): TokenTexts {
  const known = texts.get(model) ?? new TokenTexts(tokenizerOf(model));
  texts.set(model, known);
  return known;
}

/** The tokenizer of a model. */
export function tokenizerOf(model: Model): NonNullable<Model["tokenizer"]> {
  if (model.tokenizer) return model.tokenizer;
  throw new ApiError(400, "this model has no tokenizer: send prompts as token ids", { code: "unsupported" });
}

/** The token ids of a text prompt; an empty one is the start token, where the model has one. */
export function encodePrompt(model: Model, text: string, addSpecialTokens = true): readonly number[] {
  const { ids } = tokenizerOf(model).encode(text, { addSpecialTokens });
  const start = model.generationConfig.bos_token_id ?? model.config.bos_token_id;
  return ids.length === 0 && typeof start === "number" ? [start] : ids;
}

/** The token ids of a conversation, by the model's chat template. */
export function encodeChat(model: Model, messages: readonly Message[], chat: ChatOptions): readonly number[] {
  const tokenizer = tokenizerOf(model);
  if (!tokenizer.hasChatTemplate)
    throw new ApiError(400, "messages: this model has no chat template: send its prompt to /v1/completions", {
      param: "messages",
      code: "unsupported",
    });
  return tokenizer.encode(tokenizer.applyChatTemplate(messages, chat), { addSpecialTokens: false }).ids;
}

/** Checks that a model generates text. */
export function checkGenerates({ model, name }: ModelLease): void {
  if (model.isEncoder)
    throw new ApiError(400, `model: ${name} is an encoder, which generates no text`, {
      param: "model",
      code: "unsupported",
    });
}

/** The number of new tokens that fit behind a prompt. */
function roomFor({ contextWindow, isEncoderDecoder }: Model, length: number): number {
  return isEncoderDecoder ? contextWindow : contextWindow - length + 1; // the last token needs no place
}

/** The bounds of one answer's length. */
interface LengthRequest {
  /** As the request has it; undefined where it does not say. */
  readonly asked: number | undefined;
  /** The field's name. */
  readonly field: string;
  /** The number where the request does not say; the rest of the window where that is smaller. */
  readonly preset: number;
  readonly limits: ServerLimits;
}

/**
 * The number of new tokens of an answer.
 *
 * @throws ApiError 400 with the numbers for a prompt that is too long, or new tokens that do not fit
 */
export function newTokensFor(model: Model, rows: readonly (readonly number[])[], request: LengthRequest): number {
  const { asked, field, preset, limits } = request;
  const { contextWindow: window } = model;
  for (const [i, { length }] of rows.entries()) {
    const which = rows.length > 1 ? `prompt ${i}` : "the prompt";
    if (length === 0) throw new ApiError(400, `${which} has no token`, { param: "prompt", code: "invalid_value" });
    if (length > window)
      throw new ApiError(
        400,
        `${which} has ${length} tokens, the context window ${window}: ${length - window} too many`,
        {
          param: "prompt",
          code: "context_length_exceeded",
        },
      );
  }
  const longest = Math.max(...rows.map(({ length }) => length));
  const room = roomFor(model, longest);
  if (asked === undefined) return Math.min(preset, room, limits.newTokens);
  if (asked > limits.newTokens)
    throw new ApiError(400, `${field}: ${asked} is more than this server's limit of ${limits.newTokens}`, {
      param: field,
      code: "limit_exceeded",
    });
  if (asked > room)
    throw new ApiError(
      400,
      `${field}: ${asked} new tokens do not fit: the prompt has ${longest} tokens, the context window ${window}, so there is room for ${room}`,
      { param: field, code: "context_length_exceeded" },
    );
  return asked;
}
