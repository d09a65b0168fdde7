import type { FeedbackEntry } from "./entry.ts";

/** A row of data for `finetune --task preference`. */
export interface PreferencePair {
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string;
}

/** Pairs made of feedback, and the judgements of which none could be made. */
export interface FeedbackPairs {
  readonly pairs: readonly PreferencePair[];
  /** Judgements without a better answer, and without an opposite one of another answer to the same prompt. */
  readonly alone: number;
  /** Answers that have both thumbs, which say nothing. */
  readonly contradictory: number;
}

/**
 * Pairs of answers, one of them preferred: each better answer over the one that it corrects, and each answer with a thumb up
 * over each with a thumb down to the same prompt.
 *
 * A better answer gets the white space that the model's own begins with. Otherwise training would learn that space.
 */
export function preferencePairs(entries: readonly FeedbackEntry[]): FeedbackPairs {
  const pairs = new Map<string, PreferencePair>();
  const used = new Set<FeedbackEntry>();
  const add = (pair: PreferencePair, ...of: FeedbackEntry[]): void => {
    if (pair.chosen === pair.rejected) return;
    pairs.set(JSON.stringify(pair), pair);
    for (const entry of of) used.add(entry);
  };
  const byPrompt = new Map<string, FeedbackEntry[]>();
  for (const entry of entries) {
    const { prompt, answer, better } = entry;
    if (better !== undefined) add({ prompt, chosen: beginningLike(answer, better), rejected: answer }, entry);
    if (entry.rating) byPrompt.set(prompt, [...(byPrompt.get(prompt) ?? []), entry]);
  }
  let contradictory = 0;
  for (const [prompt, judged] of byPrompt) {
    const answers = (rating: "up" | "down") =>
      new Set(judged.filter((each) => each.rating === rating).map((each) => each.answer));
    const [up, down] = [answers("up"), answers("down")];
    const both = [...up].filter((answer) => down.has(answer));
    contradictory += both.length;
    const [liked, disliked] = [up, down].map((all) => [...all].filter((answer) => !both.includes(answer)));
    for (const chosen of liked ?? [])
      for (const rejected of disliked ?? [])
        add({ prompt, chosen, rejected }, ...judged.filter(({ answer }) => answer === chosen || answer === rejected));
    for (const entry of judged) if (both.includes(entry.answer)) used.add(entry);
  }
  return { pairs: [...pairs.values()], alone: entries.filter((entry) => !used.has(entry)).length, contradictory };
}

function beginningLike(answer: string, better: string): string {
  const [space = ""] = /^\s*/.exec(answer) ?? [];
  return space + better.trimStart();
}
