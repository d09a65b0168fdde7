/**
 * The figure of a language model's card: bits per byte of the books that its recipe holds out, in windows that are each
 * read from their start, in float32.
 *   node scripts/measure.mjs MODEL DATA [WINDOW]
 * MODEL is a directory with its recipe.json, DATA that of the books, WINDOW 512 tokens by default.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openModelFiles } from "../dist/model/index.js";
import { openFiles } from "../dist/runtime/index.js";
import { loadTokenizer } from "../dist/tokenizers/index.js";
import { joinDocuments, parameterShapes, parseRecipe, readText, StepGraph, TextTask } from "../dist/training/index.js";

const [directory, data, window = "512"] = process.argv.slice(2);
if (data === undefined) throw new Error("usage: node scripts/measure.mjs MODEL DATA [WINDOW]");
const recipe = parseRecipe(JSON.parse(await readFile(join(directory, "recipe.json"), "utf8")));
const files = await openFiles(directory);
const { architecture, weights } = await openModelFiles(files);
const tokenizer = await loadTokenizer(files);
const { eos_token_id: eosTokenId } = recipe.config;
const books = [];
for (const name of recipe.heldOut) {
  const text = await readText(join(data, name));
  const { ids } = tokenizer.encode(text, { addSpecialTokens: false });
  books.push({ ids: Int32Array.from(ids), bytes: Buffer.byteLength(text) });
}
const heldOut = joinDocuments(books, eosTokenId);
const parameters = {};
for (const path of parameterShapes(architecture).keys()) parameters[path] = await weights.read(path);

const sizes = { rows: 8, length: Number(window) };
const tokens = { padTokenId: 0, eosTokenId, vocabularySize: tokenizer.vocabularySize };
const task = new TextTask(heldOut, heldOut, {
  ...sizes,
  tokens,
  seed: 0,
  accumulate: 1,
  objective: { name: "next-token" },
});
const graph = await StepGraph.create(architecture, { ...sizes, gradients: false });
const { loss, metrics } = await task.evaluate((batch) => graph.run(parameters, batch));
await graph.dispose();
console.log(
  `${directory}: ${metrics.bitsPerByte.toFixed(4)} bits per byte, loss ${loss.toFixed(4)}, windows of ${window} tokens, ${Object.values(parameters).reduce((sum, { data }) => sum + data.length, 0)} parameters`,
);
