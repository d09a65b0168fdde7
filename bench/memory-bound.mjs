/**
 * How much of a decoding step is the reading of weights: the steps of a checkpoint beside those of the same checkpoint
 * whose layers are all copies of its first. ONNX Runtime keeps matrices of equal content once, so the copies stay in the
 * processor's cache; the work is the same.
 *   node bench/memory-bound.mjs DIRECTORY [int4|int8|float32]
 * DIRECTORY holds one model.safetensors with names such as model.layers.0.…. Runs alternate in processes of their own.
 */
import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "./suite/shared.mjs";

const [directory, precision = "int4"] = process.argv.slice(2);
if (!directory) throw new Error("usage: node bench/memory-bound.mjs DIRECTORY [int4|int8|float32]");
const ROUNDS = 5;
const WORK = { task: "generate", lengths: [128], steps: 48, precision };
const side = fileURLToPath(new URL("suite/lectern.mjs", import.meta.url));

const copy = await mkdtemp(join(tmpdir(), "lectern-"));
process.env.LECTERN_CACHE = join(copy, "cache");
try {
  for (const name of ["config.json", "tokenizer.json"]) await copyFile(join(directory, name), join(copy, name));
  await writeFile(
    join(copy, "model.safetensors"),
    withEqualLayers(await readFile(join(directory, "model.safetensors"))),
  );
  const models = { "as it is": directory, "equal layers": copy };
  const steps = Object.fromEntries(Object.keys(models).map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++)
    for (const [name, model] of Object.entries(models)) {
      const printed = execFileSync(process.execPath, [side, JSON.stringify({ ...WORK, model })], { encoding: "utf8" });
      if (round > 0) steps[name].push(1000 / JSON.parse(printed.trim().split("\n").at(-1)).decode128); // the first quantizes
    }
  for (const [name, ms] of Object.entries(steps))
    console.log(
      `${name}: ${median(ms).toFixed(2)} ms a step (${Math.min(...ms).toFixed(2)}–${Math.max(...ms).toFixed(2)})`,
    );
  const share = 1 - median(steps["equal layers"]) / median(steps["as it is"]);
  console.log(`waiting for memory: ${(100 * share).toFixed(0)} % of a step`);
} finally {
  await rm(copy, { recursive: true });
}

/** A file of safetensors in which each layer's tensors are those of the first. */
function withEqualLayers(bytes) {
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, start));
  for (const [name, { data_offsets: place }] of Object.entries(header).filter(([name]) => name.includes(".layers."))) {
    const first = header[name.replace(/\.layers\.\d+\./, ".layers.0.")].data_offsets;
    bytes.copy(bytes, start + place[0], start + first[0], start + first[1]);
  }
  return bytes;
}
