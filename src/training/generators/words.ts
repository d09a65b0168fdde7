import type { Random } from "../../common/index.ts";

const LETTERS = "abcdefghijklmnopqrstuvwxyz";
const ONSETS =
  "b bl br c ch cl cr d dr f fl fr g gl gr h j k l m n p pl pr qu r s sh sk sl sp st t th tr v w y z".split(" ");
const VOWELS = "a a a e e e e i i o o u ai ea ee ou".split(" ");
const CODAS = ["", "", "", "", ..."b ck d ft g k l ll lt m mp n nd ng nt p r rd rt s ss st t th x".split(" ")];

/** The shortest and the longest word. */
const [SHORTEST, LONGEST] = [2, 9];

const pick = <T>(random: Random, items: readonly T[]): T => items[random.nextInt(items.length)] as T;

/** One to three letters, or as many as asked for, each as likely as the others. */
export function randomLetters(random: Random, length = 1 + random.nextInt(3), letters = LETTERS): string {
  return Array.from({ length }, () => letters[random.nextInt(letters.length)]).join("");
}

/** A word of 2 to 9 lower-case letters: of one to three syllables, or in a quarter of the draws of random letters. */
export function randomWord(random: Random): string {
  if (random.next() < 0.25) return randomLetters(random, 3 + random.nextInt(3));
  for (;;) {
    const syllables = pick(random, [1, 1, 1, 2, 2, 3]);
    let word = "";
    for (let i = 0; i < syllables; i++) word += pick(random, ONSETS) + pick(random, VOWELS) + pick(random, CODAS);
    if (word.length >= SHORTEST && word.length <= LONGEST) return word;
  }
}

/** The cases of the words of a row: alike in three rows of four, else drawn for each word. */
export function randomCase(random: Random): (word: string, random: Random) => string {
  const chosen = random.nextInt(8);
  if (chosen < 4) return (word) => word;
  if (chosen === 4) return (word) => word.toUpperCase();
  if (chosen === 5) return capitalized;
  return mixedCase;
}

/** A word in lower case, with a capital, or in capitals. */
export function mixedCase(word: string, random: Random): string {
  return pick(random, [(same: string) => same, capitalized, (same: string) => same.toUpperCase()])(word);
}

/** The word with its first letter in upper case. */
export function capitalized(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
