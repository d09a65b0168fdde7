import type { Message, Tokenizer } from "../tokenizers/index.ts";
import type { PromptPart, RenderedPrompt } from "./prompt.ts";

/** The tokens of one part of a prompt. */
export interface PartTokens {
  /** `template` is what the chat template and the tokenizer add. */
  readonly name: PromptPart["name"] | "template";
  /** The number of tokens that begin in the part. */
  readonly tokens: number;
}

/** A prompt as the model reads it. */
export interface EncodedPrompt {
  /** The token ids, as `generate` makes them of the same text or messages. */
  readonly ids: readonly number[];
  /** The tokens of each part; together as many as ids. */
  readonly parts: readonly PartTokens[];
}

/** Encodes a rendered prompt as `generate` does, and counts the tokens of each part: a token belongs to the part in which it begins. */
export function encodePrompt({ text, messages, parts }: RenderedPrompt, tokenizer: Tokenizer): EncodedPrompt {
  const whole = text ?? tokenizer.applyChatTemplate(messages as readonly Message[]);
  const {
    ids,
    offsets = [],
    specialTokensMask,
  } = tokenizer.encode(whole, {
    offsets: true,
    addSpecialTokens: text !== undefined,
  });
  const ranges = rangesOf(whole, parts);
  const counts = new Map<PartTokens["name"], number>();
  for (const [i, [start]] of offsets.entries()) {
    const range = ranges.find(({ from, to }) => start >= from && start < to);
    const name = specialTokensMask[i] === 1 || !range ? "template" : range.name;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const order = ["template", "system", "examples", "question"] as const;
  return {
    ids,
    parts: order.flatMap((name) => (counts.has(name) ? [{ name, tokens: counts.get(name) as number }] : [])),
  };
}

/** The places of the parts in the whole text, in code points; what a chat template writes around them is in none. */
function rangesOf(
  whole: string,
  parts: readonly PromptPart[],
): { name: PromptPart["name"]; from: number; to: number }[] {
  let unit = 0;
  let point = 0;
  const pointAt = (end: number): number => {
    point += [...whole.slice(unit, end)].length;
    unit = end;
    return point;
  };
  return parts.flatMap(({ name, text }) => {
    const own = [text, text.trim()].find((each) => whole.indexOf(each, unit) >= 0);
    if (own === undefined || own === "") return [];
    const at = whole.indexOf(own, unit);
    const from = pointAt(at);
    return [{ name, from, to: pointAt(at + own.length) }];
  });
}
