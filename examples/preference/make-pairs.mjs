/**
 * Pairs that prefer tales whose people speak: after a sentence, one that begins with a quotation mark is preferred to one
 * without any.   node examples/preference/make-pairs.mjs DIRECTORY COUNT > pairs.jsonl
 * DIRECTORY holds tales as .txt files, such as those of Project Gutenberg.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [directory, count = "240"] = process.argv.slice(2);
const sentences = readdirSync(directory)
  .filter((name) => /^(grimms|english|celtic|indian)-fairy-tales\.txt$/.test(name))
  .flatMap((name) =>
    readFileSync(join(directory, name), "utf8")
      .replace(/\s+/g, " ")
      .split(/(?<=[.!?]) /),
  )
  .filter((sentence) => sentence.length > 30 && sentence.length < 110);
const spoken = sentences.filter((sentence) => /^[‘“"]/.test(sentence));
const told = sentences.filter((sentence) => !/[‘“"’]/.test(sentence));
let state = 3;
const draw = (list) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return list[Math.floor((state / 2 ** 32) * list.length)];
};
for (let i = 0; i < Number(count); i++)
  console.log(JSON.stringify({ prompt: draw(told), chosen: ` ${draw(spoken)}`, rejected: ` ${draw(told)}` }));
