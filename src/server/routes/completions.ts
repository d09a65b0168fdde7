import type { TokenScore } from "../../inference/index.ts";
import { type Choice, type ChoicesRequest, type ChoiceToken, generateChoices, type TokenCounts } from "../choices.ts";
import { checkGenerates, encodePrompt, type RequestContext, tokenizerOf, tokenTexts } from "../context.ts";
import { ApiError, badField } from "../errors.ts";
import { eventStream } from "../event-stream.ts";
import { finite } from "../log-probs.ts";
import type { ModelLease } from "../models.ts";
import { countTokens, now, prepare } from "../prepare.ts";
import type { CompletionLogProbs, CompletionRequest, CompletionResponse } from "../schemas/completions.ts";
import { refusedOfCompletions } from "../schemas/completions.ts";
import { refuseFields } from "../schemas/parse.ts";
import { usageOf } from "../usage.ts";
import { withLease } from "../with-lease.ts";

/** As with OpenAI. */
const DEFAULT_TOKENS = 16;

/** A prompt: its token ids, and its text where it is returned. */
interface Prompt {
  readonly ids: readonly number[];
  readonly text: string;
}

/** The prompts of a request. */
function promptsOf({ prompt, echo, add_special_tokens: special }: CompletionRequest, { model }: ModelLease): Prompt[] {
  const isRow = Array.isArray(prompt) && typeof prompt[0] === "number";
  const list = (Array.isArray(prompt) && !isRow ? prompt : [prompt]) as readonly (string | readonly number[])[];
  return list.map((one) => {
    if (typeof one === "string") return { ids: encodePrompt(model, one, special ?? true), text: one };
    return { ids: one, text: echo ? tokenizerOf(model).decode(one) : "" };
  });
}

/** The log-probabilities of tokens in OpenAI's form. */
class LogProbLists {
  readonly #texts: { of(id: number): string };
  readonly lists: { -readonly [K in keyof CompletionLogProbs]: CompletionLogProbs[K] } = {
    tokens: [],
    token_logprobs: [],
    top_logprobs: [],
    text_offset: [],
  };

  constructor(texts: { of(id: number): string }) {
    this.#texts = texts;
  }

  add(id: number, score: Pick<TokenScore, "logProb" | "top"> | null, offset: number): void {
    const { tokens, token_logprobs, top_logprobs, text_offset } = this.lists;
    const own = this.#texts.of(id);
    tokens.push(own);
    token_logprobs.push(score && finite(score.logProb));
    text_offset.push(offset);
    if (!score) {
      top_logprobs.push(null);
      return;
    }
    const best: Record<string, number> = {};
    for (const token of [...(score.top ?? []), { id, logProb: score.logProb }]) {
      const text = this.#texts.of(token.id); // several tokens may read alike: the most probable one counts
      best[text] = Math.max(best[text] ?? Number.NEGATIVE_INFINITY, finite(token.logProb));
    }
    top_logprobs.push(best);
  }
}

/** One run of POST /v1/completions. */
class Completions {
  readonly #body: CompletionRequest;
  readonly #lease: ModelLease;
  readonly #context: RequestContext;
  readonly #prompts: readonly Prompt[];
  readonly #head: Pick<CompletionResponse, "id" | "object" | "created" | "model">;

  constructor(body: CompletionRequest, lease: ModelLease, context: RequestContext) {
    this.#body = body;
    this.#lease = lease;
    this.#context = context;
    this.#prompts = promptsOf(body, lease);
    this.#head = { id: `cmpl-${context.id}`, object: "text_completion", created: now(), model: body.model };
  }

  get #n(): number {
    return this.#body.n ?? 1;
  }

  /** Answers computed for each prompt. */
  get #count(): number {
    return Math.max(this.#n, this.#body.best_of ?? 1);
  }

  request(): ChoicesRequest {
    const { model } = this.#lease;
    const { limits } = this.#context;
    const body = this.#body;
    const isRanked = this.#count > this.#n;
    if (body.best_of && body.best_of < this.#n)
      throw badField("best_of", `must be at least n; got best_of ${body.best_of}, n ${this.#n}`);
    if (isRanked && body.stream)
      throw badField("best_of", "the best answers are known at their end only: leave out stream");
    if (body.echo && model.isEncoderDecoder) throw badField("echo", "an encoder–decoder answers its prompt apart");
    if (this.#prompts.length > limits.inputs)
      throw badField("prompt", `at most ${limits.inputs} prompts; got ${this.#prompts.length}`);
    const rows = this.#prompts.map(({ ids }) => ids);
    const asked = body.max_tokens ?? undefined;
    if (asked === 0 && !body.echo) throw badField("max_tokens", "0 needs echo: otherwise there is nothing to return");
    const preset = Number(model.generationConfig.max_new_tokens ?? DEFAULT_TOKENS);
    const length = { asked: asked === 0 ? undefined : asked, field: "max_tokens", preset };
    const logProbs = body.logprobs ?? (isRanked ? 0 : undefined);
    return prepare(this.#lease, this.#context, {
      body,
      rows,
      count: this.#count,
      countField: isRanked ? "best_of" : "n",
      length,
      logProbs,
      isReordered: isRanked,
    });
  }

  /** The log-probabilities of each prompt's tokens, where they are asked for. */
  async promptScores(): Promise<(TokenScore | null)[][]> {
    const { echo, logprobs } = this.#body;
    if (!echo || typeof logprobs !== "number") return [];
    const { model, adapter } = this.#lease;
    return model.scoreTokens(
      this.#prompts.map(({ ids }) => ids),
      { top: logprobs, adapter },
    );
  }

  #logProbs(
    scores: readonly (TokenScore | null)[] | undefined,
    index: number,
    tokens: readonly ChoiceToken[],
  ): CompletionLogProbs | null {
    if (typeof this.#body.logprobs !== "number") return null;
    const texts = tokenTexts(this.#lease.model);
    const lists = new LogProbLists(texts);
    const { ids, text } = this.#prompts[Math.floor(index / this.#count)] as Prompt;
    let offset = 0;
    for (const [i, score] of (scores ?? []).entries()) {
      const id = ids[i] as number;
      lists.add(id, score, Math.min(offset, text.length));
      offset += texts.of(id).length;
    }
    const start = this.#body.echo ? text.length : 0;
    for (const { id, offset: at, logProbs } of tokens) if (logProbs) lists.add(id, logProbs, start + at);
    return lists.lists;
  }

  /** The echoed prompt before an answer. */
  #echoed(index: number): string {
    return this.#body.echo ? (this.#prompts[Math.floor(index / this.#count)] as Prompt).text : "";
  }

  /** The n best of each prompt's answers, numbered anew. */
  #chosen(choices: readonly Choice[]): readonly Choice[] {
    if (this.#count === this.#n) return choices;
    const merit = ({ tokens }: Choice): number =>
      tokens.reduce((sum, { logProbs }) => sum + (logProbs?.logProb ?? 0), 0) / Math.max(1, tokens.length);
    return this.#prompts.flatMap((_, i) =>
      choices
        .slice(i * this.#count, (i + 1) * this.#count)
        .sort((a, b) => merit(b) - merit(a))
        .slice(0, this.#n),
    );
  }

  #usage(counts: TokenCounts): NonNullable<CompletionResponse["usage"]> {
    countTokens(this.#body.model, counts, this.#context);
    return usageOf(counts);
  }

  async answer(): Promise<CompletionResponse> {
    const request = this.request();
    const scores = await this.promptScores();
    const onlyEcho = this.#body.max_tokens === 0;
    const { choices, counts } = onlyEcho ? this.#nothing(request) : await generateChoices(request);
    return {
      ...this.#head,
      choices: this.#chosen(choices).map(({ index, text, tokens, finishReason }, i) => ({
        index: i,
        text: this.#echoed(index) + text,
        logprobs: this.#logProbs(scores[Math.floor(index / this.#count)], index, tokens),
        finish_reason: finishReason,
      })),
      usage: this.#usage(counts),
    };
  }

  /** Empty answers, of a request for the prompt alone. */
  #nothing({ rows, count }: ChoicesRequest): { choices: Choice[]; counts: TokenCounts } {
    const choices = Array.from(
      { length: rows.length * count },
      (_, index): Choice => ({ index, text: "", tokens: [], finishReason: "length", stop: undefined }),
    );
    return { choices, counts: { prompt: rows.reduce((sum, row) => sum + row.length, 0), cached: 0, completion: 0 } };
  }

  stream(): Promise<Response> {
    const request = this.request();
    return eventStream(
      this.#context,
      async (send) => {
        const scores = await this.promptScores();
        const chunk = (
          index: number,
          text: string,
          tokens: readonly ChoiceToken[],
          finish: "stop" | "length" | null,
          isFirst = false,
        ): void => {
          const own = isFirst ? scores[Math.floor(index / this.#count)] : undefined;
          const choice = { index, text, logprobs: this.#logProbs(own, index, tokens), finish_reason: finish };
          send({ ...this.#head, choices: [choice] } satisfies CompletionResponse);
        };
        if (this.#body.echo)
          for (let i = 0; i < request.rows.length * request.count; i++) chunk(i, this.#echoed(i), [], null, true);
        const onPiece: ChoicesRequest["onPiece"] = ({ index, text, tokens }) => {
          if (text !== "" || request.logProbs !== undefined) chunk(index, text, tokens, null);
        };
        const onlyEcho = this.#body.max_tokens === 0;
        const { choices, counts } = onlyEcho ? this.#nothing(request) : await generateChoices({ ...request, onPiece });
        for (const { index, finishReason } of choices) chunk(index, "", [], finishReason);
        const usage = this.#usage(counts);
        if (this.#body.stream_options?.include_usage)
          send({ ...this.#head, choices: [], usage } satisfies CompletionResponse);
      },
      { end: "[DONE]" },
    );
  }
}

/** POST /v1/completions */
export async function completions(body: CompletionRequest, context: RequestContext): Promise<object> {
  refuseFields(body, refusedOfCompletions);
  if (body.stream_options && !body.stream)
    throw new ApiError(400, "stream_options: they are for streams; set stream", {
      param: "stream_options",
      code: "invalid_value",
    });
  return withLease(body.model, context, async (lease) => {
    checkGenerates(lease);
    const run = new Completions(body, lease, context);
    return body.stream ? run.stream() : run.answer();
  });
}
