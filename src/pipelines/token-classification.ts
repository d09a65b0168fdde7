import { check } from "../common/index.ts";
import { forwardRows } from "../inference/index.ts";
import { softmax } from "../tensor/index.ts";
import {
  type AggregationStrategy,
  grouped,
  type Labelled,
  labelled,
  type ScoredToken,
  withoutOverlaps,
} from "./entities.ts";
import type { CallOptions } from "./options.ts";
import { labelsOf } from "./scores.ts";
import { lacksHead, parseText, type Task, type TaskContext, windowOf } from "./task.ts";
import { type Window, type Windows, windowsOf } from "./windows.ts";

/** Options of `token-classification`. */
export interface TokenClassificationOptions extends CallOptions {
  /** The way tokens are joined to words and entities; default none, as in transformers. */
  readonly aggregationStrategy?: AggregationStrategy;
  /** Labels that are left out; default `O`. */
  readonly ignoreLabels?: readonly string[];
  /** The number of tokens by which windows of a long text overlap; without it, a long text is truncated. */
  readonly stride?: number;
}

/** A token with its label. `start` and `end` count code points of the text. */
export interface TokenEntity {
  /** The label. */
  readonly entity: string;
  /** The label's probability. */
  readonly score: number;
  /** The token's index among the tokens of the text. */
  readonly index: number;
  /** The token as the vocabulary writes it. */
  readonly word: string;
  /** The code point at which the token begins. */
  readonly start: number;
  /** The code point after the token. */
  readonly end: number;
}

/** An entity: adjacent tokens with one label. */
export interface EntityGroup {
  /** The label. */
  readonly entity_group: string;
  /** The label's probability. */
  readonly score: number;
  /** The text of the entity. */
  readonly word: string;
  /** The code point at which the entity begins. */
  readonly start: number;
  /** The code point after the entity. */
  readonly end: number;
}

/** The class of each token, such as whether it names a person or a place. */
export const tokenClassification: Task<string, TokenClassificationOptions, (TokenEntity | EntityGroup)[]> = {
  batchSize: 16,
  options: { aggregationStrategy: "aggregation", ignoreLabels: "texts", stride: "size" },
  parse: parseText,
  async run(context, inputs, { aggregationStrategy: strategy = "none", ignoreLabels = ["O"], stride }) {
    const { task } = context;
    check(
      stride === undefined || strategy !== "none",
      "usage",
      () => `${task}: parts that overlap (stride) need an aggregationStrategy other than none`,
    );
    const maxLength = windowOf(context);
    const texts = inputs.map((input) => windowsOf(context, input, { maxLength, stride }));
    const parts = texts.flatMap((text, i) =>
      text.windows.map((window) => ({ input: inputs[i] as string, text, window })),
    );
    const rows = parts.map(({ window }) => window);
    const found = await forwardRows(
      context.model,
      rows,
      context,
      ({ logits }, { row, at: first }, index) => {
        if (logits?.shape.length !== 3 || isWords(context)) throw lacksHead(context, "token classification");
        const [, width, size] = logits.shape as [number, number, number];
        const { input, text, window } = parts[index] as (typeof parts)[number];
        const scores = Array.from({ length: window.count }, (_, i) => {
          const at = (row * width + first + window.begin + i) * size;
          return Array.from(softmax(logits.data.subarray(at, at + size)));
        });
        return entitiesOf(context, scoredTokens(context, input, text, window, scores), strategy, size);
      },
      { ofTokens: true },
    );
    let next = 0;
    return texts.map(({ windows }) => {
      const all = found.slice(next, (next += windows.length)).flat();
      const named = all.filter(({ entity }) => !ignoreLabels.includes(entity));
      return (windows.length > 1 ? withoutOverlaps(named) : named).map((entity) => shown(entity, strategy));
    });
  },
};

function isWords({ model }: TaskContext): boolean {
  return !/TokenClassification$/.test(String((model.config.architectures as string[] | undefined)?.[0]));
}

function entitiesOf(
  { model, tokenizer }: TaskContext,
  tokens: readonly ScoredToken[],
  strategy: AggregationStrategy,
  size: number,
): Labelled[] {
  const naming = { labels: labelsOf(model, size), join: (words: readonly string[]) => tokenizer.joinTokens(words) };
  const parts = labelled(tokens, strategy, naming);
  return strategy === "none" ? parts : grouped(parts, naming).map((entity) => ({ ...entity, index: 0 }));
}

/** The tokens of a part, and whether each goes on a word: as its length tells, or that no space stands before it. */
function scoredTokens(
  { tokenizer }: TaskContext,
  input: string,
  { ids, tokens, spans }: Windows,
  { begin, from, count }: Window,
  scores: readonly (readonly number[])[],
): ScoredToken[] {
  const points = [...input];
  const unknown = tokenizer.specialId("unk_token");
  return Array.from({ length: count }, (_, i): ScoredToken => {
    const [start, end] = spans[from + i] as [number, number];
    const token = tokens[from + i] as string;
    const text = points.slice(start, end).join("");
    const isUnknown = ids[from + i] === unknown;
    const goesOn =
      tokenizer.continuingPrefix !== undefined
        ? [...token].length !== end - start
        : start > 0 && !points.slice(start - 1, start + 1).includes(" ");
    return {
      token: isUnknown ? text : token,
      scores: scores[i] as readonly number[],
      span: [start, end],
      index: begin + i,
      goesOn: goesOn && !isUnknown,
    };
  });
}

function shown({ entity, score, word, index, span: [start, end] }: Labelled, strategy: AggregationStrategy) {
  if (strategy === "none") return { entity, score, index, word, start, end };
  return { entity_group: entity, score, word, start, end };
}
