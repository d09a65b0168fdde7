import { promptText } from "../feedback/index.ts";
import type { JsonSchema, Priority } from "../inference/index.ts";
import type { Choice, ChoicesRequest, TokenCounts } from "./choices.ts";
import { newTokensFor, type RequestContext } from "./context.ts";
import { badField } from "./errors.ts";
import type { ModelLease } from "./models.ts";
import { beamsOf, generationOptions, isRepeatable, type SamplingBody, stopsOf } from "./schemas/sampling.ts";

/** The fields of a request that every protocol has in some form. */
export interface CommonBody extends SamplingBody {
  readonly model: string;
  readonly stream?: boolean | null | undefined;
  readonly priority?: Priority | null | undefined;
}

/** The request for answers to rows of token ids. */
interface Preparation {
  readonly body: CommonBody;
  readonly rows: readonly (readonly number[])[];
  /** Answers to each prompt, and the field that asks for them; default n. */
  readonly count: number;
  readonly countField?: string;
  /** New tokens, as the request has them and under the name of its field. */
  readonly length: { readonly asked: number | undefined; readonly field: string; readonly preset: number };
  readonly logProbs: number | undefined;
  /** The schema that every answer must fit. */
  readonly schema?: JsonSchema | undefined;
  /** True if the answers are numbered anew behind this, so that feedback could not name them. */
  readonly isReordered?: boolean | undefined;
}

/** The generation of a request, checked as far as it can be before it runs. */
export function prepare(
  { model, adapter }: ModelLease,
  { id, limits, signal, feedback }: RequestContext,
  { body, rows, count, countField = "n", length, logProbs, schema, isReordered = false }: Preparation,
): ChoicesRequest {
  const { isEncoderDecoder, generationConfig } = model;
  const sampled = { isEncoderDecoder, generationConfig, isStreamed: body.stream ?? false };
  const options = generationOptions(body, sampled);
  const remember = (choices: readonly Choice[]): void => {
    const { tokenizer } = model;
    if (!tokenizer) return;
    const prompts = rows.map((row) => promptText(tokenizer, row));
    const answers = choices.map(({ index, text: answer }) => {
      return { model: body.model, prompt: prompts[Math.floor(index / count)] as string, answer };
    });
    feedback?.remember(id, answers);
  };
  const isBeams = beamsOf(options, sampled) > 1;
  const canRepeat = count > 1 && !isBeams && isRepeatable(options, sampled);
  const sequences = rows.length * (canRepeat ? 1 : count);
  if (count > 1 && !isBeams && sequences > limits.sequences)
    throw badField(
      countField,
      `${count} answers to ${rows.length === 1 ? "a prompt" : `each of ${rows.length} prompts`} are ${sequences} sequences; this server computes at most ${limits.sequences} at once`,
    );
  return {
    model,
    adapter,
    rows,
    options: {
      ...options,
      maxNewTokens: newTokensFor(model, rows, { ...length, limits }),
      maxTime: Math.min(options.maxTime ?? limits.seconds, limits.seconds),
    },
    count,
    isRepeatable: canRepeat,
    stops: stopsOf(body),
    logProbs,
    schema,
    priority: body.priority ?? undefined,
    signal,
    onChoices: feedback && !isReordered ? remember : undefined,
  };
}

/** Reports the tokens of a request to metrics and log. */
export function countTokens(name: string, counts: TokenCounts, { metrics, note }: RequestContext): void {
  metrics.tokens(name, { ...counts });
  note({ promptTokens: counts.prompt, completionTokens: counts.completion, cachedTokens: counts.cached });
}

/** The time of a response, in seconds since 1970. */
export function now(): number {
  return Math.floor(Date.now() / 1000);
}
