import type { Random } from "../../common/index.ts";
import { capitalized, randomLetters } from "./words.ts";

/** A function of a word. */
export type StringFunction = (word: string) => string;

const VOWEL = /[aeiou]/i;
const VOWELS = /[aeiou]/gi;

/** Moves each letter along the alphabet, within its case. */
function shifted(word: string, by: number): string {
  return word.replace(/[a-z]/gi, (letter) => {
    const first = letter < "a" ? 65 : 97;
    return String.fromCharCode(((letter.charCodeAt(0) - first + by + 26) % 26) + first);
  });
}

function swappedCase(word: string): string {
  return word.replace(/[a-z]/gi, (letter) => (letter < "a" ? letter.toLowerCase() : letter.toUpperCase()));
}

/** The functions without parameters, by name. */
export const primitives = {
  copy: (word) => word,
  reverse: (word) => [...word].reverse().join(""),
  upper: (word) => word.toUpperCase(),
  lower: (word) => word.toLowerCase(),
  swapCase: swappedCase,
  capitalize: capitalized,
  capitalizeLast: (word) => word.slice(0, -1) + word.slice(-1).toUpperCase(),
  withoutFirst: (word) => word.slice(1),
  withoutLast: (word) => word.slice(0, -1),
  first: (word) => word.slice(0, 1),
  second: (word) => word.slice(1, 2),
  last: (word) => word.slice(-1),
  firstTwo: (word) => word.slice(0, 2),
  lastTwo: (word) => word.slice(-2),
  double: (word) => word + word,
  doubleFirst: (word) => word.slice(0, 1) + word,
  doubleLast: (word) => word + word.slice(-1),
  rotateLeft: (word) => word.slice(1) + word.slice(0, 1),
  rotateRight: (word) => word.slice(-1) + word.slice(0, -1),
  sort: (word) => [...word].sort().join(""),
  vowels: (word) => (word.match(VOWELS) ?? []).join(""),
  consonants: (word) => word.replace(VOWELS, ""),
  length: (word) => `${word.length}`,
  hyphenate: (word) => [...word].join("-"),
  next: (word) => shifted(word, 1),
  nextButOne: (word) => shifted(word, 2),
  previous: (word) => shifted(word, -1),
} satisfies Readonly<Record<string, StringFunction>>;

/** The letters that are appended: none of them makes an English plural. */
const APPENDED = "abcdefghijklmnopqrtuvwxyz";

/** The families of functions with random letters, by name. */
export const families = {
  append: (random) => {
    const end = randomLetters(random, undefined, APPENDED);
    return (word) => word + end;
  },
  prepend: (random) => {
    const start = randomLetters(random);
    return (word) => start + word;
  },
  replaceVowels: (random) => {
    const letter = randomLetters(random, 1);
    return (word) => word.replace(VOWELS, letter);
  },
  replaceLetter: (random) => {
    const from = randomLetters(random, 1, "aeioulnrt");
    const to = randomLetters(random, 1);
    return (word) => word.replaceAll(from, to);
  },
} satisfies Readonly<Record<string, (random: Random) => StringFunction>>;

/** The properties by which words are put into two classes, by name. */
export const properties = {
  beginsWithVowel: (word) => VOWEL.test(word.slice(0, 1)),
  endsWithVowel: (word) => VOWEL.test(word.slice(-1)),
  isLong: (word) => word.length > 5,
  hasE: (word) => /e/i.test(word),
  beginsBeforeM: (word) => word.slice(0, 1).toLowerCase() < "m",
  endsBeforeN: (word) => word.slice(-1).toLowerCase() < "n",
} satisfies Readonly<Record<string, (word: string) => boolean>>;

/** The name of a function, or of a family of them. */
export type FunctionName = keyof typeof primitives | keyof typeof families;

/** The names of all functions. */
export const functionNames: readonly FunctionName[] = [
  ...(Object.keys(primitives) as (keyof typeof primitives)[]),
  ...(Object.keys(families) as (keyof typeof families)[]),
];

/** A function by its name; the letters of a family are drawn. */
export function drawFunction(name: FunctionName, random: Random): StringFunction {
  return name in primitives
    ? primitives[name as keyof typeof primitives]
    : families[name as keyof typeof families](random);
}
