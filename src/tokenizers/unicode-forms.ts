import type { Change } from "./text.ts";
import { youngMarks } from "./unicode-version-gaps.ts";

export type Form = "NFC" | "NFD" | "NFKC" | "NFKD";

/** Marks, vowels and final consonants (halfwidth and compatibility ones too), as old as the reference's tables. */
const FOLLOWING = `(?![${youngMarks}])[\\p{M}\u1160-\u11ff\u3130-\u318f\uff9e-\uffdc]`;

/** Parts that compose and decompose by themselves: a character and what follows it. */
export const unicodeSegments = new RegExp(`(?:(?!${FOLLOWING})[^])?(?:${FOLLOWING})+|[^\\0-\\x7f]`, "gu");

interface Written {
  character: string;
  change: number;
}

/** The spelling of a part in a form, and the origins of its characters. */
export function changeOfForm(part: string, form: Form): Change {
  const text = part.normalize(form);
  if (text === part) return { text };
  const decomposed = decompose(part, form.includes("K") ? "NFKD" : "NFD");
  const written = form.endsWith("C") ? compose(decomposed) : decomposed;
  return { text: written.map(({ character }) => character).join(""), changes: written.map(({ change }) => change) };
}

/** The characters that each character falls into, the first in its place and the others added; then marks in order. */
function decompose(part: string, form: "NFD" | "NFKD"): Written[] {
  const loose: Written[] = [...part].flatMap((character) =>
    [...character.normalize(form)].map((piece, i) => ({ character: piece, change: i === 0 ? 0 : 1 })),
  );
  const waiting = new Map<string, Written[]>();
  for (const written of loose) {
    const same = waiting.get(written.character);
    if (same) same.push(written);
    else waiting.set(written.character, [written]);
  }
  return [...part.normalize(form)].map((character) => waiting.get(character)?.shift() ?? { character, change: 1 });
}

/** Joins a starter with what follows it, as Unicode's algorithm does; a joined character counts for all its parts. */
function compose(characters: readonly Written[]): Written[] {
  const composed: Written[] = [];
  let starter: Written | undefined;
  let last: string | undefined;
  for (const { character, change } of characters) {
    const joins = starter && (last === undefined || (isMark(character) && comesBefore(last, character)));
    const joined = joins && starter ? compositeOf(starter.character, character) : undefined;
    if (starter && joined !== undefined) {
      starter.character = joined;
      starter.change += change - 1;
      continue;
    }
    const written = { character, change };
    composed.push(written);
    if (!isMark(character)) [starter, last] = [written, undefined];
    else if (starter) last = character;
  }
  return composed;
}

function compositeOf(first: string, second: string): string | undefined {
  const joined = (first + second).normalize("NFC");
  return [...joined].length === 1 ? joined : undefined;
}

const isReordered = (first: string, second: string): boolean => (first + second).normalize("NFD") !== first + second;

/** True if a character has a combining class: then it changes places with one of a low or of a high class. */
function isMark(character: string): boolean {
  return /\p{M}/u.test(character) && (isReordered("\u0301", character) || isReordered(character, "\u0334"));
}

/** True if the class of one mark is below that of another that follows it in canonical order. */
const comesBefore = (first: string, second: string): boolean => isReordered(second, first);
