import { check, Random } from "../../common/index.ts";
import { IGNORED_LABEL } from "../../graph/index.ts";
import type { Tokenizer } from "../../tokenizers/index.ts";
import { compositions, drawComposition, drawTask, examplesOf, type InContextExample } from "../generators/index.ts";
import { hashOf } from "../run/run-fingerprint.ts";
import type { Batch, StepResult } from "../run/step-graph.ts";
import { byLabels, countedLabels, type Evaluation, type SharedBatch, type TrainingTask } from "./task.ts";

/** Options of `InContextTask`. */
export interface InContextTaskOptions {
  /** The number of rows of a batch. */
  readonly batchSize: number;
  /** The number of tokens of a row. */
  readonly length: number;
  /** The seed of the tasks and their examples. */
  readonly seed: number;
  /** The number of batches of a step. */
  readonly gradientAccumulationSteps: number;
  /** The number of steps of the run, which sees no task twice. */
  readonly steps: number;
  /** The tokenizer, which has a token for each character. */
  readonly tokenizer: Tokenizer;
}

/** The streams of random numbers of rows that are learned from, and of those that are held out. */
const [TRAINING, HELD_OUT] = [0, 1];

/** Batches of an evaluation. */
const EVALUATED = 8;

/**
 * Rows of lines `input>output`, each of a task of its own that is drawn from (seed, step, row); the loss counts the
 * outputs and the line breaks after them. What is held out are tasks, not rows.
 */
export class InContextTask implements TrainingTask {
  readonly stepsPerEpoch: number;
  readonly #options: InContextTaskOptions;
  readonly #ids = new Map<string, number>();

  constructor(options: InContextTaskOptions) {
    this.#options = options;
    this.stepsPerEpoch = options.steps;
  }

  /** The settings that distinguish this task from others. */
  get identity(): Readonly<Record<string, unknown>> {
    const rows = (stream: number): unknown[] => Array.from({ length: 32 }, (_, i) => this.#row(stream, 0, i));
    return {
      length: this.#options.length,
      "the training data": hashOf(rows(TRAINING)),
      "the held-out data": hashOf(rows(HELD_OUT)),
    };
  }

  batches(step: number): readonly SharedBatch[] {
    const batches = Array.from({ length: this.#options.gradientAccumulationSteps }, (_, part) =>
      this.#batch(TRAINING, step, part),
    );
    return byLabels(batches, ({ targets }) => countedLabels(targets as number[][]));
  }

  /** On compositions that are held out. */
  evaluate = async (compute: (batch: Batch) => Promise<StepResult>): Promise<Evaluation> => {
    let [sum, count] = [0, 0];
    for (let i = 0; i < EVALUATED; i++) {
      const batch = this.#batch(HELD_OUT, i, 0);
      const labels = countedLabels(batch.targets as number[][]);
      sum += (await compute(batch)).loss * labels;
      count += labels;
    }
    return { loss: sum / count, metrics: {} };
  };

  #batch(stream: number, step: number, part: number): Batch {
    const { batchSize } = this.#options;
    const rows = Array.from({ length: batchSize }, (_, row) => this.#row(stream, step, part * batchSize + row));
    return { inputIds: rows.map(({ ids }) => ids), targets: rows.map(({ targets }) => targets) };
  }

  /** As many lines as a row holds; the last is cut off. */
  #row(stream: number, step: number, row: number): { readonly ids: number[]; readonly targets: number[] } {
    const { length, seed } = this.#options;
    const random = new Random(seed, step, row, stream);
    const isHeldOut = stream === HELD_OUT;
    const task = isHeldOut ? drawComposition(compositions().heldOut, random) : drawTask(random);
    const ids: number[] = [];
    const targets: number[] = [];
    for (const example of examplesOf(task, random, isHeldOut)) {
      this.#append(example, ids, targets);
      if (ids.length > length) break;
    }
    return { ids: ids.slice(0, length), targets: targets.slice(1, length + 1) };
  }

  #append({ input, output }: InContextExample, ids: number[], labels: number[]): void {
    for (const character of `${input}>`) {
      ids.push(this.#id(character));
      labels.push(IGNORED_LABEL);
    }
    for (const character of `${output}\n`) {
      const id = this.#id(character);
      ids.push(id);
      labels.push(id);
    }
  }

  #id(character: string): number {
    const known = this.#ids.get(character);
    if (known !== undefined) return known;
    const { ids } = this.#options.tokenizer.encode(character, { addSpecialTokens: false });
    check(
      ids.length === 1,
      "config",
      () =>
        `recipe: the tokenizer must have one token for ${JSON.stringify(character)}; got ${ids.length}; train one with --kind character`,
    );
    const id = ids[0] as number;
    this.#ids.set(character, id);
    return id;
  }
}
