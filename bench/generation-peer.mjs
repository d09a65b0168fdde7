/**
 * One measurement of a peer for bench/generation.mjs, as `lectern bench --json` prints its own:
 *   node bench/generation-peer.mjs node-llama-cpp FILE.gguf THREADS RUNS
 *   node bench/generation-peer.mjs transformers.js EXPORT DTYPE RUNS
 */
import { basename, dirname, resolve } from "node:path";

const [name, path, setting, runs] = process.argv.slice(2);

/** As in `lectern bench`: lengths, steps, and the ids of a prompt. */
const LENGTHS = [128, 512];
const STEPS = 32;
const prompt = (length) => Array.from({ length }, (_, i) => 1 + ((7 * i) % 1023));

/** Each opens a model and returns a function that generates `STEPS` + 1 tokens and calls back at each of them. */
const peers = {
  async "node-llama-cpp"() {
    const { getLlama } = await import("node-llama-cpp");
    // Without a bound of its own, the number of threads is the one that a context asks for.
    const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: 0 });
    const model = await llama.loadModel({ modelPath: resolve(path) });
    return async (ids) => {
      const context = await model.createContext({ contextSize: ids.length + STEPS + 8, threads: Number(setting) });
      const times = [performance.now()];
      const tokens = context.getSequence().evaluate(ids, { temperature: 0, yieldEogToken: true });
      for await (const _ of tokens) if (times.push(performance.now()) === STEPS + 2) break;
      await context.dispose();
      return times;
    };
  },
  async "transformers.js"() {
    const { AutoModelForCausalLM, BaseStreamer, env, Tensor } = await import("@huggingface/transformers");
    env.allowRemoteModels = false;
    env.localModelPath = `${dirname(resolve(path))}/`;
    const model = await AutoModelForCausalLM.from_pretrained(basename(resolve(path)), { dtype: setting });
    class Clock extends BaseStreamer {
      times = [];
      put() {
        this.times.push(performance.now()); // first the prompt, then each token
      }
      end() {}
    }
    return async (ids) => {
      const tensor = (values) => new Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
      const streamer = new Clock();
      const length = { max_new_tokens: STEPS + 1, min_new_tokens: STEPS + 1 };
      const inputs = { inputs: tensor(ids), attention_mask: tensor(ids.map(() => 1)) };
      await model.generate({ ...inputs, ...length, do_sample: false, num_beams: 1, streamer });
      return streamer.times;
    };
  },
};

const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

const generate = await peers[name]();
const speeds = LENGTHS.map((length) => ({ length, prefill: [], decode: [] }));
for (let run = 0; run <= Number(runs); run++)
  for (const { length, prefill, decode } of speeds) {
    const times = await generate(prompt(length));
    if (times.length !== STEPS + 2) throw new Error(`${name} ended after ${times.length - 1} tokens`);
    if (run === 0) continue;
    prefill.push((1000 * length) / (times[1] - times[0]));
    decode.push((1000 * STEPS) / (times[STEPS + 1] - times[1]));
  }
const medians = (phase) => Object.fromEntries(speeds.map((each) => [each.length, median(each[phase])]));
const peakMemoryMB = (1024 * process.resourceUsage().maxRSS) / 1e6;
console.log(JSON.stringify({ prefill: medians("prefill"), decode: medians("decode"), peakMemoryMB }));
process.exit(0); // node-llama-cpp keeps the process alive
