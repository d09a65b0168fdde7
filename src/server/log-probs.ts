import type { ChoiceToken } from "./choices.ts";
import type { ChatLogProbs } from "./schemas/chat.ts";

/** The least log-probability in JSON, which has no infinity; OpenAI's own. */
const LEAST = -9999;

/** A log-probability that JSON can hold. */
export function finite(logProb: number): number {
  return Math.max(LEAST, logProb);
}

const encoder = new TextEncoder();

type TokenLogProb = Omit<ChatLogProbs["content"][number], "top_logprobs">;

/** The log-probabilities of an answer's tokens in the form of chats. */
export function chatLogProbs(tokens: readonly ChoiceToken[], texts: { of(id: number): string }): ChatLogProbs {
  const one = (id: number, logProb: number): TokenLogProb => {
    const token = texts.of(id);
    const isPart = token.includes("\uFFFD"); // the bytes of a part of a character are not known
    return { token, logprob: finite(logProb), bytes: isPart ? null : [...encoder.encode(token)] };
  };
  const content = tokens.flatMap(({ id, logProbs }) =>
    logProbs
      ? [{ ...one(id, logProbs.logProb), top_logprobs: logProbs.top.map((top) => one(top.id, top.logProb)) }]
      : [],
  );
  return { content, refusal: null };
}
