import { check } from "../common/index.ts";
import type { GenerationOptions } from "./options.ts";

/** New tokens without a limit from the caller or the checkpoint; transformers has 20 in all, too few to read. */
const DEFAULT_NEW_TOKENS = 128;

/** The options that count a prompt's tokens, too, each with the one that takes precedence over it, as in transformers. */
const overruled = [
  ["maxLength", "maxNewTokens"],
  ["minLength", "minNewTokens"],
] as const;

/** The names of options that have no effect beside others. */
export function idleLengths(options: GenerationOptions): string[] {
  return overruled
    .filter(([whole, own]) => options[whole] !== undefined && options[own] !== undefined)
    .map(([whole]) => whole);
}

/** The options without those that have no effect beside others. */
export function settleLengths(options: GenerationOptions): GenerationOptions {
  const idle = idleLengths(options);
  return Object.fromEntries(Object.entries(options).filter(([name]) => !idle.includes(name)));
}

/** Options of a call that have no effect, as sentences. */
export function overruledLengths(options: GenerationOptions, checkpoint: GenerationOptions): string[] {
  return overruled.flatMap(([whole, own]) => {
    if (options[whole] === undefined) return [];
    const sentence = `generation: ${whole} has no effect beside ${own}`;
    if (options[own] !== undefined) return [`${sentence}; leave one of them out`];
    if (checkpoint[own] === undefined) return [];
    return [`${sentence}, which is ${checkpoint[own]} in the checkpoint's generation_config.json; give ${own}`];
  });
}

/** The number of new tokens that the options ask for at most; undefined where they do not say. */
function askedNewTokens({ maxNewTokens, maxLength }: GenerationOptions, promptLength: number): number | undefined {
  return maxNewTokens ?? (maxLength === undefined ? undefined : maxLength - promptLength);
}

/** The new tokens that a window has room for: the last one is not read, so it needs no place. */
function roomFor(promptLength: number, contextWindow: number): number {
  return contextWindow - promptLength + 1;
}

/** The number of new tokens that fit in the context window, where the options ask for more; undefined where they do not. */
export function fittingNewTokens(
  options: GenerationOptions,
  promptLength: number,
  contextWindow: number,
): number | undefined {
  const room = roomFor(promptLength, contextWindow);
  return (askedNewTokens(options, promptLength) ?? 0) > room ? room : undefined;
}

/** The number of new tokens that a prompt may get, 0 where it may get none. */
export function plannedNewTokens(options: GenerationOptions, promptLength: number, contextWindow: number): number {
  const asked = askedNewTokens(options, promptLength) ?? DEFAULT_NEW_TOKENS;
  return Math.max(0, Math.min(asked, roomFor(promptLength, contextWindow)));
}

/** The number of new tokens that a prompt may get. */
export function newTokenLimit(options: GenerationOptions, promptLength: number, contextWindow: number): number {
  const [asked, room] = [askedNewTokens(options, promptLength), roomFor(promptLength, contextWindow)];
  const limit = Math.min(asked ?? DEFAULT_NEW_TOKENS, room);
  const { maxNewTokens, maxLength, minNewTokens, minLength = 0 } = options;
  check(
    limit > 0,
    "usage",
    () => `generation: maxLength ${maxLength} leaves no room after a prompt of ${promptLength} tokens`,
  );
  const least = minNewTokens ?? minLength - promptLength;
  const asks = minNewTokens === undefined ? `minLength ${minLength}` : `minNewTokens ${minNewTokens}`;
  const most = (): string => {
    if (limit === room) return `the context window of ${contextWindow} has room for ${room}`;
    if (maxNewTokens !== undefined) return `maxNewTokens is ${maxNewTokens}`;
    if (maxLength !== undefined) return `maxLength is ${maxLength}`;
    return `maxNewTokens is ${DEFAULT_NEW_TOKENS} where nothing says more`;
  };
  check(
    least <= limit,
    "usage",
    () =>
      `generation: ${asks} asks for at least ${least} new tokens after a prompt of ${promptLength}, but ${most()}; ` +
      "give another of the two",
  );
  return limit;
}
