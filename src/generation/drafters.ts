import { argmax, softmax } from "../tensor/index.ts";
import type { TokenConstraint } from "./constraint.ts";
import type { RewindableDecoder } from "./decoder.ts";
import { draw, type GrowingSequence } from "./generate.ts";
import type { GenerationOptions } from "./options.ts";
import { processorsOf } from "./processors.ts";

/** Drafts tokens that may follow a sequence, for the model to verify. */
export interface Drafter {
  /** The option that asks for it. */
  readonly option: string;
  /** Tokens that may follow, at most `most`; none where it has no guess. */
  draft(sequence: GrowingSequence, most: number): Promise<readonly number[]>;
  /** Receives how many tokens of the last draft the model accepted. */
  onVerified(drafted: number, accepted: number): void;
}

/** Guesses that what followed the last tokens earlier will follow again (Saxena, 2023). */
export class LookupDrafter implements Drafter {
  readonly option = "promptLookupNumTokens";
  readonly #most: number;
  readonly #size: number;

  constructor({ promptLookupNumTokens = 10, maxMatchingNgramSize = 2 }: GenerationOptions) {
    this.#most = promptLookupNumTokens;
    this.#size = maxMatchingNgramSize;
  }

  async draft({ ids }: GrowingSequence, most: number): Promise<readonly number[]> {
    const count = Math.min(most, this.#most);
    for (let length = Math.min(this.#size, ids.length - 1); length > 0; length--) {
      const last = ids.slice(-length);
      for (let at = 0; at + length < ids.length; at++)
        if (last.every((id, i) => ids[at + i] === id)) return ids.slice(at + length, at + length + count);
    }
    return [];
  }

  onVerified(): void {}
}

/**
 * Lets a smaller model guess (Leviathan et al., 2023). Where tokens are drawn, it draws with the very number that the
 * model itself will draw with, so that like distributions give like tokens.
 */
export class AssistantDrafter implements Drafter {
  readonly option = "assistantModel";
  readonly #decoder: RewindableDecoder;
  readonly #options: GenerationOptions;
  readonly #processors: ReturnType<typeof processorsOf>;
  readonly #ends: ReadonlySet<number>;
  /** The tokens of the decoder's rows. */
  readonly #seen: number[] = [];
  /** The number of tokens that are guessed at most. */
  count: number;

  /** @param count to begin with, where an earlier generation has found it */
  constructor(
    decoder: RewindableDecoder,
    options: GenerationOptions,
    {
      count = options.numAssistantTokens ?? 20,
      constraint,
    }: { readonly count?: number | undefined; readonly constraint?: TokenConstraint | undefined } = {},
  ) {
    this.#decoder = decoder;
    this.#options = options;
    this.#processors = processorsOf(options, 1, { constraint });
    this.#ends = new Set([options.eosTokenId ?? []].flat());
    this.count = count;
  }

  async draft(sequence: GrowingSequence, most: number): Promise<readonly number[]> {
    const { doSample, assistantConfidenceThreshold: threshold = 0.4 } = this.#options;
    const { ids, step } = sequence;
    const count = Math.min(most, this.count, this.#decoder.contextWindow - ids.length);
    if (count <= 0) return [];
    let scores = await this.#read(ids);
    const guess: number[] = [];
    while (true) {
      const soFar = [...ids, ...guess];
      for (const { apply } of this.#processors) await apply(scores, { ...step, ids: soFar });
      const place = soFar.length - step.promptLength;
      const id = doSample ? draw(scores, sequence.uniform(place)) : argmax(scores);
      guess.push(id);
      const isUnsure = (softmax(scores)[id] as number) < threshold;
      if (isUnsure || this.#ends.has(id) || guess.length >= count) return guess;
      scores = await this.#add([id]);
    }
  }

  onVerified(drafted: number, accepted: number): void {
    if ((this.#options.numAssistantTokensSchedule ?? "constant") === "constant" || drafted === 0) return;
    this.count = accepted === drafted ? this.count + 2 : Math.max(1, this.count - 1);
  }

  /** Brings the decoder to these tokens: forgets guesses that were wrong, adds what is new. */
  async #read(ids: readonly number[]): Promise<Float32Array> {
    let same = 0;
    while (same < ids.length - 1 && same < this.#seen.length && ids[same] === this.#seen[same]) same++;
    this.#decoder.rewind(this.#seen.length - same);
    this.#seen.length = same;
    return this.#add(ids.slice(same));
  }

  async #add(ids: readonly number[]): Promise<Float32Array> {
    this.#seen.push(...ids);
    return this.#decoder.extend(ids);
  }
}
