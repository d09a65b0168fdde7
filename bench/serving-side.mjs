/**
 * One side of bench/serving.mjs, a server in a process of its own:
 *   serving-side.mjs lectern MODEL PRECISION SEQUENCES | node-llama-cpp FILE.gguf - SEQUENCES | transformers.js EXPORT DTYPE SEQUENCES
 */

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";

const [name, path, setting, sequences] = process.argv.slice(2);
/** Threads that wait for each other in a loop, as llama.cpp's do, hardly get on where there are more of them than cores. */
const threads = availableParallelism();

/**
 * A peer behind the routes that the clients use: completions, greedy, streamed.
 * @param generate writes each token's text, which resolves to false once the client has left
 */
async function shell(generate) {
  const app = new Hono();
  let next = 0;
  app.post("/v1/completions", async (c) => {
    const { prompt, max_tokens: tokens } = await c.req.json();
    const id = `cmpl-${next++}`;
    return streamSSE(c, async (stream) => {
      const write = async (text) => {
        if (!stream.aborted) await stream.writeSSE({ data: JSON.stringify({ id, choices: [{ index: 0, text }] }) });
        return !stream.aborted;
      };
      await generate(prompt, tokens, write, () => stream.aborted);
      await stream.writeSSE({ data: "[DONE]" });
    });
  });
  const server = createAdaptorServer({ fetch: app.fetch });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}` };
}

/** The scheduler without HTTP: so many requests at once, for so many seconds. */
async function bare({ prompts, tokens, seconds, at }) {
  const { loadModel } = await import("../dist/index.js");
  const model = await loadModel(path, { precision: setting, maxSequences: Number(sequences) });
  const options = { doSample: false, numBeams: 1, eosTokenId: null, maxNewTokens: tokens };
  await model.generate({ prompt: prompts[0] }, options);
  let answers = 0;
  const began = performance.now();
  const one = async (own) => {
    for (let i = own; performance.now() < began + 1000 * seconds; i += at, answers++)
      await model.generate({ prompt: prompts[i % prompts.length] }, options);
  };
  await Promise.all(Array.from({ length: at }, (_, i) => one(i)));
  const tokensPerSecond = (answers * tokens) / ((performance.now() - began) / 1000);
  await model.dispose();
  return { tokensPerSecond };
}

const sides = {
  async lectern() {
    const { serve } = await import("../dist/server/index.js");
    const limits = { sequences: Number(sequences), requests: 4096 };
    const served = { name: "m", location: path, load: { precision: setting } };
    return serve({ models: [served], port: 0, limits });
  },
  async "node-llama-cpp"() {
    const { getLlama } = await import("node-llama-cpp");
    const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: 0 });
    const model = await llama.loadModel({ modelPath: resolve(path) });
    const count = Number(sequences);
    const context = await model.createContext({ sequences: count, contextSize: 128, threads });
    const free = Array.from({ length: count }, () => context.getSequence());
    const waiting = [];
    return shell(async (prompt, tokens, write) => {
      const sequence = free.pop() ?? (await new Promise((done) => waiting.push(done)));
      await sequence.clearHistory();
      let left = tokens;
      for await (const id of sequence.evaluate(model.tokenize(prompt), { temperature: 0, yieldEogToken: true })) {
        if (!(await write(model.detokenize([id]))) || --left === 0) break;
      }
      const taker = waiting.shift();
      if (taker) taker(sequence);
      else free.push(sequence);
    });
  },
  async "transformers.js"() {
    const { AutoModelForCausalLM, PreTrainedTokenizer, env, TextStreamer } = await import("@huggingface/transformers");
    env.allowRemoteModels = false;
    env.localModelPath = `${dirname(resolve(path))}/`;
    const model = await AutoModelForCausalLM.from_pretrained(basename(resolve(path)), {
      dtype: setting,
      session_options: { intraOpNumThreads: threads },
    });
    const tokenizer = new PreTrainedTokenizer(JSON.parse(readFileSync(join(path, "tokenizer.json"), "utf8")), {});
    let last = Promise.resolve();
    return shell((prompt, tokens, write, hasLeft) => {
      const run = last.then(async () => {
        if (hasLeft()) return;
        const streamer = new TextStreamer(tokenizer, { skip_prompt: true, callback_function: write });
        const length = { max_new_tokens: tokens, min_new_tokens: tokens };
        await model.generate({ ...tokenizer(prompt), ...length, do_sample: false, streamer });
      });
      last = run.catch(() => {}); // it computes one request at a time
      return run;
    });
  },
};

/** The reason why a side does not start, with the remedy where its package is missing. */
const reasonOf = ({ code, message }) =>
  code === "ERR_MODULE_NOT_FOUND" ? `${message.split(" imported")[0]}: run npm ci --prefix bench` : message;

const { url } = await sides[name]().catch((error) => {
  process.send({ failure: reasonOf(error) });
  return new Promise(() => {}); // the caller ends this process
});
const delay = monitorEventLoopDelay({ resolution: 10 });
let atHalf = 0;
process.on("message", async (message) => {
  if (message === "half") {
    atHalf = process.memoryUsage().rss;
  } else if (message === "reset") {
    delay.enable();
    delay.reset();
    process.send("ready");
  } else if (message === "state") {
    process.send({ delayP99: delay.percentile(99) / 1e6, memory: [atHalf, process.memoryUsage().rss] });
  } else process.send(await bare(message));
});
process.send({ url });
