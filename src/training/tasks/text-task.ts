import { check, Random } from "../../common/index.ts";
import { IGNORED_LABEL } from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import {
  corruptSpans,
  drawInfillings,
  drawSpans,
  infillText,
  maskTokens,
  padRows,
  spanSizes,
} from "../data/collators.ts";
import { hashOf } from "../run/run-fingerprint.ts";
import type { Batch, StepResult } from "../run/step-graph.ts";
import { byLabels, countedLabels, type Evaluation, type TrainingTask } from "./task.ts";

/** A text as tokens and the number of bytes they stand for. */
export interface TokenizedText {
  /** The token ids. */
  readonly ids: Int32Array;
  /** The length of the text in UTF-8 bytes. */
  readonly bytes: number;
}

/** The objective on plain text. */
export type TextObjective =
  | {
      readonly name: "next-token" /** Rows go on from one window to the next, and so does what a recurrent model remembers. */;
      readonly stateful?: boolean;
    }
  | { readonly name: "masked-words"; readonly share?: number; readonly wholeWords?: boolean }
  | { readonly name: "span-corruption"; readonly density?: number; readonly meanLength?: number }
  | { readonly name: "text-infilling"; readonly density?: number; readonly meanLength?: number };

/** The tokens that an objective writes, and what it must know of others. */
export interface ObjectiveTokens {
  /** The id of the padding token. */
  readonly padTokenId: number;
  /** The id of the end token. */
  readonly eosTokenId: number;
  /** The number of ids. */
  readonly vocabularySize: number;
  /** The id of the mask token. */
  readonly maskTokenId?: number | undefined;
  /** The highest of the sentinels, which count down. */
  readonly firstSentinelId?: number | undefined;
  /** The number of them, one below the other. */
  readonly sentinels?: number | undefined;
  /** Stand before and behind each window, as [CLS] and [SEP] or <s> and </s>. */
  readonly ends?: readonly [number, number] | undefined;
  /** No text, so they are never masked. */
  readonly specialIds?: ReadonlySet<number>;
  /** True if a token continues the word of the token before it. */
  readonly continues?: ((id: number) => boolean) | undefined;
}

/** Options of a task on plain text. */
export interface TextTaskOptions {
  /** The number of rows of a batch. */
  readonly batchSize: number;
  /** The number of tokens of a row. */
  readonly length: number;
  /** The seed of order and masks. */
  readonly seed: number;
  /** The number of batches that make a step. */
  readonly gradientAccumulationSteps: number;
  /** The objective. */
  readonly objective: TextObjective;
  /** The special tokens that the objective uses. */
  readonly tokens: ObjectiveTokens;
  /** States of zeros, for a stateful recurrent model. */
  readonly firstStates?: Record<string, HostTensor<"float32">> | undefined;
}

/** Joins documents into one run of tokens, an end token after each. */
export function joinDocuments(documents: readonly TokenizedText[], endToken: number): TokenizedText {
  const ids = new Int32Array(documents.reduce((sum, { ids }) => sum + ids.length + 1, 0));
  let at = 0;
  for (const document of documents) {
    ids.set(document.ids, at);
    ids[at + document.ids.length] = endToken;
    at += document.ids.length + 1;
  }
  return { ids, bytes: documents.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/**
 * Full windows of a text. Each epoch cuts it at a random offset and takes its windows in a random order, both drawn
 * from (seed, epoch); what is masked is drawn anew for each row of each step.
 */
export class TextTask implements TrainingTask {
  /** The number of steps in an epoch. */
  readonly stepsPerEpoch: number;
  readonly #text: TokenizedText;
  readonly #heldOut: TokenizedText;
  readonly #options: TextTaskOptions;
  readonly #size: number;
  #epoch = -1;
  #starts = new Int32Array(0);

  constructor(text: TokenizedText, heldOut: TokenizedText, options: TextTaskOptions) {
    const { batchSize, length, gradientAccumulationSteps, objective, tokens } = options;
    this.#text = text;
    this.#heldOut = heldOut;
    this.#options = options;
    this.#size = objective.name === "next-token" ? length : length - (tokens.ends ? 2 : 0);
    this.stepsPerEpoch = Math.floor(
      (text.ids.length - this.#size - 1) / this.#size / batchSize / gradientAccumulationSteps,
    );
    check(
      this.stepsPerEpoch > 0,
      "input",
      () =>
        `training: ${text.ids.length} tokens are too few for one step of ${batchSize} × ${length} × ${gradientAccumulationSteps}`,
    );
    const needs = {
      "masked-words": "maskTokenId",
      "text-infilling": "maskTokenId",
      "span-corruption": "firstSentinelId",
    };
    const needed = needs[objective.name as keyof typeof needs] as keyof ObjectiveTokens | undefined;
    check(
      needed === undefined || tokens[needed] !== undefined,
      "config",
      () => `training: ${objective.name} needs ${needed}, and the tokenizer has no such token`,
    );
    const marks = objective.name === "span-corruption" ? spanSizes(length, objective).count + 1 : 0; // one ends the labels
    const { sentinels = marks } = tokens;
    check(
      marks <= sentinels,
      "config",
      () =>
        `training: a window of ${length} tokens needs ${marks} sentinels, and the tokenizer has ${sentinels} whose ids count down from <extra_id_0>: shorten length, or train a tokenizer with --sentinels ${marks}`,
    );
  }

  batches(step: number) {
    const { batchSize, gradientAccumulationSteps } = this.#options;
    const batches = Array.from({ length: gradientAccumulationSteps }, (_, part) => {
      const starts = this.#isStateful ? this.#streams(step, part) : this.#shuffled(step, part);
      return this.#batch(
        this.#text.ids,
        starts,
        (row) => new Random(this.#options.seed, step, part * batchSize + row, 1),
      );
    });
    return byLabels(batches, ({ targets, labels }) => countedLabels((targets ?? labels) as number[][]));
  }

  restart(step: number): Record<string, HostTensor<"float32">> | undefined {
    return this.#isStateful && step % this.stepsPerEpoch === 0 ? this.#options.firstStates : undefined;
  }

  /** The settings that distinguish this task from others. */
  get identity(): Readonly<Record<string, unknown>> {
    const { length, objective } = this.#options;
    const data = { "the training data": hashOf([this.#text.ids]), "the held-out data": hashOf([this.#heldOut.ids]) };
    return { length, objective, ...data };
  }

  /** Over whole windows of the held-out text, each read from its start without what came before. */
  evaluate = async (compute: (batch: Batch) => Promise<StepResult>): Promise<Evaluation> => {
    const { batchSize, objective } = this.#options;
    const { ids, bytes } = this.#heldOut;
    const count = Math.floor((ids.length - 1) / (batchSize * this.#size));
    check(count > 0, "input", () => `training: the held-out text has ${ids.length} tokens, too few for one batch`);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const starts = Array.from({ length: batchSize }, (_, row) => (i * batchSize + row) * this.#size);
      const batch = this.#batch(ids, starts, (row) => new Random(this.#options.seed, i, row, 2));
      sum += (await compute(batch)).loss;
    }
    const loss = sum / count;
    const metrics = objective.name === "next-token" ? { bitsPerByte: ((loss / Math.LN2) * ids.length) / bytes } : {};
    return { loss, metrics: { ...metrics, perplexity: Math.exp(loss) } };
  };

  get #isStateful(): boolean {
    const { objective } = this.#options;
    return objective.name === "next-token" && objective.stateful === true;
  }

  /** The next position of each row: rows are equal parts of the text, read in order. */
  #streams(step: number, part: number): number[] {
    const { batchSize, gradientAccumulationSteps } = this.#options;
    const at = (step % this.stepsPerEpoch) * gradientAccumulationSteps + part;
    const width = Math.floor((this.#text.ids.length - 1) / batchSize);
    return Array.from({ length: batchSize }, (_, row) => row * width + at * this.#size);
  }

  #shuffled(step: number, part: number): number[] {
    const { batchSize, gradientAccumulationSteps, seed } = this.#options;
    const epoch = Math.floor(step / this.stepsPerEpoch);
    if (epoch !== this.#epoch) {
      const random = new Random(seed, epoch);
      const offset = random.nextInt(this.#size);
      const count = this.stepsPerEpoch * batchSize * gradientAccumulationSteps;
      this.#starts = random.shuffle(Int32Array.from({ length: count }, (_, i) => offset + i * this.#size));
      this.#epoch = epoch;
    }
    const first = ((step % this.stepsPerEpoch) * gradientAccumulationSteps + part) * batchSize;
    return [...this.#starts.subarray(first, first + batchSize)];
  }

  #batch(ids: Int32Array, starts: readonly number[], randomOf: (row: number) => Random): Batch {
    const { objective, length, tokens } = this.#options;
    const window = (start: number, shift = 0): number[] => [...ids.subarray(start + shift, start + shift + this.#size)];
    if (objective.name === "next-token")
      return { inputIds: starts.map((start) => window(start)), targets: starts.map((start) => window(start, 1)) };
    const [first, last] = tokens.ends ?? [];
    const whole = starts.map((start) => [...[first ?? []].flat(), ...window(start), ...[last ?? []].flat()]);
    const pairs = whole.map((row, i) => corrupt(row, objective, tokens, randomOf(i)));
    const steps = Math.max(labelLength(objective, length), ...pairs.map(({ labels }) => labels.length));
    const { inputIds, attentionMask } = padRows(
      pairs.map((pair) => pair.inputIds),
      { padTokenId: tokens.padTokenId, length: Math.max(length, ...pairs.map((pair) => pair.inputIds.length)) },
    );
    const labels = padRows(
      pairs.map((pair) => pair.labels),
      { padTokenId: IGNORED_LABEL, length: objective.name === "masked-words" ? length : steps },
    );
    return { inputIds, attentionMask, labels: labels.inputIds };
  }
}

type Corrupting = Exclude<TextObjective, { name: "next-token" }>;

function corrupt(
  row: readonly number[],
  objective: Corrupting,
  tokens: ObjectiveTokens,
  random: Random,
): { inputIds: number[]; labels: number[] } {
  const { maskTokenId = 0, vocabularySize, ends, eosTokenId, firstSentinelId = 0, continues, specialIds } = tokens;
  if (objective.name === "masked-words")
    return maskTokens(
      row,
      (id) => specialIds?.has(id) || (ends?.includes(id) ?? false),
      {
        maskTokenId,
        vocabularySize,
        ...(objective.share !== undefined && { share: objective.share }),
        ...(objective.wholeWords && continues && { continues }),
      },
      random,
    );
  if (objective.name === "span-corruption")
    return corruptSpans(row, drawSpans(row.length, objective, random), { firstSentinelId, eosTokenId });
  const inner = ends ? row.slice(1, -1) : row;
  const infilled = infillText(inner, drawInfillings(inner.length, objective, random), maskTokenId);
  return { inputIds: ends ? [ends[0], ...infilled, ends[1]] : infilled, labels: [...row] };
}

/** The maximum length of labels, so that all batches have one shape. */
function labelLength(objective: Corrupting, length: number): number {
  if (objective.name !== "span-corruption") return length;
  const { noise, count } = spanSizes(length, objective);
  return noise + count + 2;
}
