import { computed } from "@preact/signals";
import { language } from "../state.ts";
import { en, type Messages } from "./en.ts";
import { ko } from "./ko.ts";

export const languages = ["en", "ko"] as const;

export type LanguageName = (typeof languages)[number];

const texts: Readonly<Record<LanguageName, Messages>> = { en, ko };

/** The texts in the chosen language. */
export const say = computed<Messages>(() => texts[language.value]);

/** A text with its places filled. */
export function fill(text: string, ...values: readonly (string | number)[]): string {
  return text.replace(/\{(\d)\}/g, (_, place: string) => String(values[Number(place)] ?? ""));
}

/** A share as a percentage. */
export function percent(share: number): string {
  const digits = share > 0 && share < 0.1 ? 1 : 0;
  const rounded = (100 * share).toFixed(digits);
  return share > 0 && Number(rounded) === 0 ? "< 0.1 %" : `${rounded} %`;
}
