/**
 * One side of bench/concurrent.mjs: opens a model, and for each message generates sequences at once and answers with the
 * times of their tokens, in milliseconds from the start.
 *   concurrent-side.mjs lectern DIRECTORY PRECISION | node-llama-cpp FILE.gguf THREADS
 */
import { resolve } from "node:path";

const [name, path, setting] = process.argv.slice(2);

/** Ids that differ from sequence to sequence, and that every vocabulary has. */
const promptOf = (sequence, length) =>
  Array.from({ length }, (_, i) => 3 + ((7 * i + 131 * sequence + i * i * (sequence + 1)) % 1000));

/** Each opens a model and returns a function that generates from prompts and calls back with each token's sequence. */
const sides = {
  async lectern() {
    const { loadModel } = await import("../dist/index.js");
    const model = await loadModel(path, { precision: setting, prefixCacheBytes: 0 });
    return (prompts, tokens, onToken) => {
      const options = { doSample: false, numBeams: 1, eosTokenId: null, maxNewTokens: tokens };
      return Promise.all(
        prompts.map((inputIds, i) => model.generate({ inputIds }, { ...options, onToken: () => onToken(i) })),
      );
    };
  },
  async "node-llama-cpp"() {
    const { getLlama } = await import("node-llama-cpp");
    const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: 0 });
    const model = await llama.loadModel({ modelPath: resolve(path) });
    return async (prompts, tokens, onToken) => {
      const contextSize = Math.max(...prompts.map(({ length }) => length)) + tokens + 8;
      const context = await model.createContext({ sequences: prompts.length, contextSize, threads: Number(setting) });
      const begun = performance.now();
      await Promise.all(
        prompts.map(async (ids, i) => {
          let count = 0;
          for await (const _ of context.getSequence().evaluate(ids, { temperature: 0, yieldEogToken: true })) {
            onToken(i, begun);
            if (++count === tokens) break;
          }
        }),
      );
      await context.dispose();
    };
  },
};

const generate = await sides[name]();
process.on("message", async ({ sequences, prompt, tokens }) => {
  const prompts = Array.from({ length: sequences }, (_, i) => promptOf(i, prompt));
  const times = prompts.map(() => []);
  const started = performance.now();
  await generate(prompts, tokens, (i, begun = started) => times[i].push(performance.now() - begun));
  if (times.some((all) => all.length !== tokens)) throw new Error(`${name}: a sequence ended too early`);
  process.send(times);
});
