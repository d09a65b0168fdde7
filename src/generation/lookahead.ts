import { check } from "../common/index.ts";
import { argmax } from "../tensor/index.ts";
import { candidatesOf, highest } from "./candidates.ts";
import type { ScoringDecoder } from "./decoder.ts";
import type { Drafter } from "./drafters.ts";
import { GrowingSequence } from "./generate.ts";
import type { GenerationOptions } from "./options.ts";
import { processorsOf } from "./processors.ts";
import { checkNamedIds, checkPrompt, type GenerateContext, type Sequence } from "./sequence.ts";

/** A contrastive search computes each candidate as a row of its own. */
const MOST_CANDIDATES = 1024;

function begin(
  option: string,
  decoder: Pick<ScoringDecoder, "vocabularySize" | "contextWindow">,
  prompt: readonly number[],
  index: number,
  options: GenerationOptions,
  context: GenerateContext,
): GrowingSequence {
  check(
    (options.numReturnSequences ?? 1) === 1 && (options.numBeams ?? 1) === 1,
    "usage",
    () => `generation: ${option} follows one sequence: leave out numBeams and numReturnSequences`,
  );
  checkPrompt(prompt, decoder);
  checkNamedIds(options, decoder.vocabularySize);
  const encoderIds = context.encoderIds?.[index] ?? prompt;
  const processors = processorsOf(options, 1, context);
  const healing = context.healings?.[index];
  return new GrowingSequence({ prompt, encoderIds, index, options, processors, decoder, context, healing });
}

/** True once the caller or the deadline has stopped it. */
function noteStop(sequence: GrowingSequence, { signal }: GenerateContext, deadline: number): void {
  if (signal?.aborted) sequence.finishReason ??= "abort";
  if (performance.now() > deadline) sequence.finishReason ??= "time";
}

function deadlineOf({ maxTime }: GenerationOptions): number {
  return maxTime === undefined ? Number.POSITIVE_INFINITY : performance.now() + 1000 * maxTime;
}

/**
 * Computes a guess of the next tokens all at once. Each token is chosen from the scores it would have had anyway, so the
 * text is the same, drawn or not, only sooner.
 */
export async function speculate(
  decoder: ScoringDecoder,
  drafter: Drafter,
  prompt: readonly number[],
  index: number,
  options: GenerationOptions,
  context: GenerateContext,
): Promise<Sequence> {
  const sequence = begin(drafter.option, decoder, prompt, index, options, context);
  if (context.signal?.aborted) return sequence.result();
  const deadline = deadlineOf(options);
  const [first] = await decoder.extend([prompt]);
  noteStop(sequence, context, Number.POSITIVE_INFINITY);
  if (!sequence.finishReason) await sequence.extend(first?.scores.at(-1) as Float32Array);
  noteStop(sequence, context, deadline);
  while (!sequence.finishReason) {
    const { ids, step } = sequence;
    const room = Math.min(decoder.contextWindow - ids.length, step.maxLength - ids.length - 1);
    const guess = await drafter.draft(sequence, Math.max(0, room));
    const [result] = await decoder.extend([[sequence.last, ...guess]]);
    let used = 0;
    for (const scores of result?.scores ?? []) {
      await sequence.extend(scores);
      used++;
      if (sequence.finishReason || sequence.last !== guess[used - 1]) break;
    }
    drafter.onVerified(guess.length, sequence.last === guess[used - 1] ? used : used - 1);
    decoder.rewind(1 + guess.length - used);
    noteStop(sequence, context, deadline);
  }
  return sequence.result();
}

/**
 * Of the `topK` most probable tokens, takes the one that is probable and whose state is unlike all before, weighed by
 * `penaltyAlpha` (Su et al., 2022).
 */
export async function contrastiveSearch(
  decoder: ScoringDecoder,
  prompt: readonly number[],
  index: number,
  options: GenerationOptions,
  context: GenerateContext,
): Promise<Sequence> {
  const { penaltyAlpha: alpha = 0, topK = 50 } = options;
  check(
    !options.doSample,
    "usage",
    () => "generation: contrastive search draws nothing: leave out doSample or penaltyAlpha",
  );
  check(
    topK > 1 && topK <= MOST_CANDIDATES,
    "usage",
    () => `generation: contrastive search chooses among 2 to ${MOST_CANDIDATES} tokens; got topK ${topK}`,
  );
  // Every new token is read before it is chosen, the last one too, so all must have a place in the window.
  const { vocabularySize, contextWindow } = decoder;
  const window = { vocabularySize, contextWindow: contextWindow - 1 };
  const sequence = begin("penaltyAlpha", window, prompt, index, options, context);
  if (context.signal?.aborted) return sequence.result();
  const deadline = deadlineOf(options);
  const [first] = await decoder.extend([prompt]);
  noteStop(sequence, context, Number.POSITIVE_INFINITY);
  const states = [...(first?.states ?? [])];
  let scores = first?.scores.at(-1) as Float32Array;
  while (!sequence.finishReason) {
    await sequence.process(scores);
    const { ids, probabilities } = candidatesOf(scores);
    const candidates = highest(probabilities, topK).map((i) => ({
      id: ids[i] as number,
      probability: probabilities[i] as number,
    }));
    decoder.select(candidates.map(() => 0));
    const results = await decoder.extend(candidates.map(({ id }) => [id]));
    const merits = results.map(({ states: [own] }, i) => {
      const likeness = Math.max(...states.map((state) => cosine(own as Float32Array, state)));
      return (1 - alpha) * (candidates[i]?.probability ?? 0) - alpha * likeness;
    });
    const best = argmax(merits);
    decoder.select([best]);
    await sequence.append((candidates[best] as (typeof candidates)[number]).id);
    states.push(results[best]?.states[0] as Float32Array);
    scores = results[best]?.scores[0] as Float32Array;
    noteStop(sequence, context, deadline);
  }
  return sequence.result();
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return dot / Math.max(Math.sqrt(aa * bb), 1e-8);
}
