/**
 * Training a byte-level BPE of 8,000 tokens on 5 MB of English, beside Python's tokenizers in the same run:
 *   node bench/tokenizer-training.mjs DIRECTORY [PYTHON]
 * DIRECTORY holds text files. Rounds alternate; the medians and their ratio are printed.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { trainTokenizer } from "../dist/tokenizers/index.js";

const [directory, python] = process.argv.slice(2);
const BYTES = 5_000_000;
const ROUNDS = 3;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const files = readdirSync(directory).filter((name) => name.endsWith(".txt"));
const text = Buffer.concat(files.map((name) => readFileSync(join(directory, name))))
  .subarray(0, BYTES)
  .toString();
const lines = text.split("\n");
const folder = mkdtempSync(join(tmpdir(), "lectern-"));
const corpus = join(folder, "corpus.txt");
writeFileSync(corpus, text);
const script = `
import time, sys
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
lines = open(sys.argv[1], encoding="utf8", newline="").read().split("\\n")
t = Tokenizer(models.BPE()); t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
s = time.time()
t.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=8000, min_frequency=2, special_tokens=["<|endoftext|>"], initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
print(time.time() - s)
`;
const [ours, theirs] = [[], []];
for (let round = 0; round < ROUNDS; round++) {
  const begun = performance.now();
  await trainTokenizer(lines, { kind: "byte-level-bpe", vocabularySize: 8000 });
  ours.push((performance.now() - begun) / 1000);
  if (python) theirs.push(Number(execFileSync(python, ["-c", script, corpus]).toString()));
}
console.log(`lectern     ${median(ours).toFixed(2)} s for ${(text.length / 1e6).toFixed(1)} MB`);
if (python)
  console.log(`tokenizers  ${median(theirs).toFixed(2)} s, ratio ${(median(theirs) / median(ours)).toFixed(2)}`);
else console.log("tokenizers  not measured: no PYTHON given");
rmSync(folder, { recursive: true });
