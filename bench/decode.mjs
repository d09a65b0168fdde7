/**
 * Decoding speed in float32 beside the Python reference, in the same run:
 *   node bench/decode.mjs DIRECTORY [PYTHON]
 * DIRECTORY is a checkpoint such as bench/make-checkpoint.py writes; PYTHON has torch and transformers, else only
 * Lectern is measured. Rounds alternate; the medians and their ratio are printed.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { loadModel } from "../dist/index.js";

const [directory, python] = process.argv.slice(2);
if (!directory) throw new Error("usage: node bench/decode.mjs DIRECTORY [PYTHON]");
const ROUNDS = 3;
const NEW_TOKENS = 32;
const prompt = Array.from({ length: 16 }, (_, i) => 5 + i * 7);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const model = await loadModel(directory, { prefixCacheBytes: 0 });
const options = { doSample: false, maxNewTokens: NEW_TOKENS, eosTokenId: null };
await model.generate({ inputIds: [prompt] }, options);
const [ours, theirs, outside] = [[], [], []];
for (let round = 0; round < ROUNDS; round++) {
  const { timing } = await model.generate({ inputIds: [prompt] }, options);
  ours.push(timing.tokensPerSecond);
  outside.push(1 - timing.engineMs / timing.totalMs);
  if (python) theirs.push(reference());
}
console.log(
  `lectern       ${median(ours).toFixed(1)} tokens/s, ${(100 * median(outside)).toFixed(1)} % of the time outside the engine`,
);
if (python)
  console.log(
    `transformers  ${median(theirs).toFixed(1)} tokens/s, ratio ${(median(ours) / median(theirs)).toFixed(2)}`,
  );
else console.log("transformers  not measured: no PYTHON given");
await model.dispose();

function reference() {
  const script = fileURLToPath(new URL("decode-reference.py", import.meta.url));
  return Number(execFileSync(python, [script, directory, String(NEW_TOKENS), prompt.join(",")], { encoding: "utf8" }));
}
