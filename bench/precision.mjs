/**
 * What a precision costs and gives: perplexity on a text, speed and memory, each precision in a process of its own.
 *   node bench/precision.mjs MODEL TEXT [PRECISION …]
 * TEXT is a file of running text; its first 40 windows of 256 tokens count. Without precisions: float32, int8, int4.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadModel } from "../dist/index.js";

const WINDOW = 256;
const MOST_WINDOWS = 40;
const NEW_TOKENS = 64;
const ROUNDS = 5;
const [model, path, ...given] = process.argv.slice(2);
if (!model || !path) throw new Error("usage: node bench/precision.mjs MODEL TEXT [PRECISION …]");
const precisions = given.length > 0 ? given : ["float32", "int8", "int4"];

if (process.env.BENCH_PRECISION) console.log(JSON.stringify(await measure(process.env.BENCH_PRECISION)));
else {
  const results = precisions.map((precision) => {
    const env = { ...process.env, BENCH_PRECISION: precision };
    const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), model, path], { env });
    return JSON.parse(output.toString());
  });
  for (const { precision, perplexity, tokensPerSecond, peakMiB } of results) {
    const change = ((perplexity / results[0].perplexity - 1) * 100).toFixed(2);
    console.log(
      `${precision.padEnd(8)} perplexity ${perplexity.toFixed(3)} (${change} %), ${tokensPerSecond.toFixed(1)} tokens/s, ${peakMiB} MiB peak`,
    );
  }
}

async function measure(precision) {
  const loaded = await loadModel(model, { precision, prefixCacheBytes: 0 });
  const inputIds = [loaded.tokenizer.encode(readFileSync(path, "utf8").slice(0, 200_000)).ids.slice(0, WINDOW / 8)];
  const options = { doSample: false, eosTokenId: null, maxNewTokens: NEW_TOKENS };
  const speeds = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { timing } = await loaded.generate({ inputIds }, options);
    speeds.push(((NEW_TOKENS - 1) / (timing.totalMs - timing.firstTokenMs)) * 1000);
  }
  const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  const ids = loaded.tokenizer.encode(readFileSync(path, "utf8").slice(0, 200_000)).ids;
  let [loss, windows] = [0, 0];
  for (let at = 0; at + WINDOW <= ids.length && windows < MOST_WINDOWS; at += WINDOW, windows++) {
    const row = ids.slice(at, at + WINDOW);
    loss += (await loaded.forward({ inputIds: [row], labels: [row] })).loss;
  }
  await loaded.dispose();
  const tokensPerSecond = speeds.toSorted((a, b) => a - b)[ROUNDS >> 1];
  return { precision, perplexity: Math.exp(loss / windows), tokensPerSecond, peakMiB };
}
