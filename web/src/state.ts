import { computed, signal } from "@preact/signals";
import type { LanguageName } from "./i18n/index.ts";

/** The views by name, in the order of the navigation: the picture, the options, the lessons and the comparison. */
export const views = [
  "picture",
  "options",
  "memory",
  "words",
  "heads",
  "shapes",
  "translation",
  "sentiment",
  "window",
  "finetuning",
  "lifecycle",
  "compare",
] as const;

export type ViewName = (typeof views)[number];

/** The generation options of the page, at values where they change nothing. */
export const neutralOptions = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  noRepeatNgramSize: 0,
  maxNewTokens: 12,
  seed: 0,
  /** 1: tokens are drawn; 0: the most probable is taken. */
  draws: 1,
  /** 1: the end token ends the text. */
  stops: 1,
};

export type OptionName = keyof typeof neutralOptions;
export type Options = Record<OptionName, number>;

export const defaultOptions: Options = { ...neutralOptions, temperature: 0.8, topP: 0.95, seed: 7 };

export type Theme = "light" | "dark";

/** A prompt that shows something on the shipped model of stories. */
export const DEFAULT_TEXT = "Once upon a time, there was a little girl named Lily. The little";

export const view = signal<ViewName>("picture");
export const modelName = signal("");
/** The second model of the comparison; "" for the first. */
export const otherModel = signal("");
export const text = signal(DEFAULT_TEXT);
/** The second text, of views that compare two. */
export const otherText = signal("");
export const word = signal("");
/** The subjects of the comparison. */
export const comparisons = ["prompts", "models", "layers"] as const;
export type Comparison = (typeof comparisons)[number];
export const comparison = signal<Comparison>("prompts");
/** The right layer of a comparison; null: the last. */
export const otherLayer = signal<number | null>(null);
export const options = signal<Options>(defaultOptions);
/** New tokens that the picture has gone through. */
export const step = signal(0);
export const layer = signal(0);
export const head = signal(0);
export const language = signal<LanguageName>("en");
export const theme = signal<Theme>("light");

/** The token under the pointer or the keyboard's focus, by its position; null: none. */
export const hovered = signal<number | null>(null);
/** The token that a click keeps lit. */
export const pinned = signal<number | null>(null);
export const lit = computed(() => hovered.value ?? pinned.value);

/** The options as the library takes them. */
export function libraryOptions(of: Options): Record<string, unknown> {
  const { draws, stops, temperature, topK, topP, minP, ...rest } = of;
  const drawing = draws === 1 ? { temperature, topK, topP, minP, doSample: true } : { doSample: false };
  return { ...rest, ...drawing, ...(stops === 0 && { eosTokenId: null }) };
}
