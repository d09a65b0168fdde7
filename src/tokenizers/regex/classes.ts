import { ownEntry } from "../../common/index.ts";
/** White space as Unicode has it, for use within a character class; JavaScript's `\s` differs at U+0085 and U+FEFF. */
export const WHITE_SPACE = "\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

const ONE_SPACE = new RegExp(`^[${WHITE_SPACE}]$`, "u");

export function isWhiteSpace(character: string | undefined): boolean {
  return character !== undefined && ONE_SPACE.test(character);
}

export function escapeLiteral(text: string): string {
  return text.replace(/[\^$\\.*+?()[\]{}|/&\-!#%,:;<=>@`~]/g, escapeOne);
}

export function escapeOne(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

/** The meaning of short escapes, as the inside of a class. */
export const CLASSES: Readonly<Record<string, string>> = {
  s: WHITE_SPACE,
  d: "\\p{Nd}",
  w: "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\xb2\\xb3\\xb9\\xbc-\\xbe",
  h: "0-9a-fA-F",
};

export const POSIX: Readonly<Record<string, string>> = {
  alpha: "\\p{Alphabetic}",
  digit: "\\p{Nd}",
  alnum: "\\p{Alphabetic}\\p{Nd}",
  space: WHITE_SPACE,
  upper: "\\p{Uppercase}",
  lower: "\\p{Lowercase}",
  punct: "\\p{P}$+<=>^`\\|~",
  cntrl: "\\p{Cc}",
};

/** The same letter in both cases, and the two signs that fold to ASCII letters. */
export function caseVariants(character: string): string[] {
  const variants = new Set([character, character.toLowerCase(), character.toUpperCase()]);
  if (variants.has("s")) variants.add("ſ");
  if (variants.has("k")) variants.add("\u212a");
  return [...variants].filter((variant) => [...variant].length === 1);
}

/** Scripts stand by their bare names in Oniguruma's language. */
export function knownProperty(name: string): string {
  for (const property of [
    name,
    `Script=${name}`,
    ownEntry(POSIX, name.toLowerCase())?.replace(/^\\p\{(\w+)\}$/, "$1"),
  ]) {
    if (property === undefined) continue;
    try {
      new RegExp(`\\p{${property}}`, "v");
      return property;
    } catch {}
  }
  throw new Error(`\\p{${name}} is not supported`);
}
