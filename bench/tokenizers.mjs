/**
 * Megabytes of text a second that tokenizers turn into ids, beside @huggingface/tokenizers in the same run. Texts: a
 * book, lines of Korean, and one line without a space. The peer gets the first 50,000 characters only: some of its
 * tokenizers slow down with the length of a text.
 * Run: npm run build && node bench/tokenizers.mjs TOKENIZERS TEXTS [KOREAN], where TOKENIZERS holds gpt2/, llama/,
 * bert/ and t5/ with their tokenizer.json, and TEXTS is a file or a folder of .txt files.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer as Peer } from "@huggingface/tokenizers";
import { Tokenizer } from "../dist/tokenizers/index.js";

const [tokenizers, texts, korean] = process.argv.slice(2);
if (!tokenizers || !texts) throw new Error("usage: node bench/tokenizers.mjs TOKENIZERS TEXTS [KOREAN]");

const LENGTH = 2_000_000;
const PEER_LENGTH = 50_000;
const RUNS = 3;

const read = (path) => {
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => name.endsWith(".txt"))
        .map((name) => join(path, name))
    : [path];
  let text = "";
  for (const file of files.sort()) if (text.length < LENGTH) text += readFileSync(file, "utf8");
  return text.slice(0, LENGTH);
};

const megabytes = (text) => new TextEncoder().encode(text).length / 1e6;

/** The best of some runs, in megabytes a second; the first warms up. */
const speed = (encode, text) => {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run <= RUNS; run++) {
    const start = performance.now();
    encode(text);
    if (run > 0) best = Math.min(best, performance.now() - start);
  }
  return megabytes(text) / (best / 1000);
};

const book = read(texts);
const cases = [
  ["book", book],
  ...(korean ? [["korean", read(korean)]] : []),
  ["no spaces", book.replace(/\s+/g, "").slice(0, 1_000_000)],
];
for (const name of ["gpt2", "llama", "bert", "t5"]) {
  const json = JSON.parse(readFileSync(join(tokenizers, name, "tokenizer.json"), "utf8"));
  const [own, peer] = [new Tokenizer(json, {}, undefined), new Peer(json, {})];
  for (const [label, text] of cases) {
    const ours = speed((one) => own.encode(one), text);
    const withOffsets = speed((one) => own.encode(one, { offsets: true }), text);
    const theirs = speed((one) => peer.encode(one), text.slice(0, PEER_LENGTH));
    console.log(
      `${name.padEnd(6)}${label.padEnd(10)} ${ours.toFixed(1)} MB/s (${withOffsets.toFixed(1)} with offsets), @huggingface/tokenizers ${theirs.toFixed(2)}: ${(ours / theirs).toFixed(1)} times`,
    );
  }
}
