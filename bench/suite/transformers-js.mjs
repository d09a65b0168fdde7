/** The side of Transformers.js in a benchmark: the same weights by `lectern export --format transformers.js`. */
import { basename, dirname } from "node:path";
import {
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForSeq2SeqLM,
  BaseStreamer,
  env,
  Tensor,
} from "@huggingface/transformers";
import { mixedLengths, promptOf, report, rowsPerSecond, speedsOf } from "./shared.mjs";

const spec = JSON.parse(process.argv[2]);
env.allowRemoteModels = false;
env.localModelPath = `${dirname(spec.model)}/`;
const dtype = { float32: "fp32", int8: "q8", int4: "q4" }[spec.precision];
const kinds = { encode: AutoModel, translate: AutoModelForSeq2SeqLM };
const model = await (kinds[spec.task] ?? AutoModelForCausalLM).from_pretrained(basename(spec.model), {
  dtype,
  session_options: { intraOpNumThreads: spec.threads },
});

/** Rows filled up on a side to one length, with their mask. */
function inputsOf(rows, side = "left") {
  const width = Math.max(...rows.map((row) => row.length));
  const filled = (row, values) => {
    const rest = new Array(width - row.length).fill(0);
    return side === "left" ? [...rest, ...values] : [...values, ...rest];
  };
  const matrix = (read) =>
    new Tensor(
      "int64",
      BigInt64Array.from(
        rows.flatMap((row) => filled(row, read(row))),
        BigInt,
      ),
      [rows.length, width],
    );
  return { ids: matrix((row) => row), attention_mask: matrix((row) => row.map(() => 1)) };
}

class Clock extends BaseStreamer {
  times = [performance.now()];
  #isPrompt = true;
  put() {
    if (!this.#isPrompt) this.times.push(performance.now());
    this.#isPrompt = false;
  }
  end() {}
}

const greedy = (steps, beams = 1) => ({
  max_new_tokens: steps,
  min_new_tokens: steps,
  do_sample: false,
  num_beams: beams,
});

function generate(rows, steps, options = {}) {
  const { ids, attention_mask } = inputsOf(rows);
  return model.generate({ inputs: ids, attention_mask, ...greedy(steps), ...options });
}

async function timesOf(rows, steps) {
  const streamer = new Clock();
  await generate(rows, steps, { streamer });
  return streamer.times;
}

const rowsOf = (seed) => Array.from({ length: spec.rows }, (_, i) => promptOf(spec.length, seed * 100 + i));

const tasks = {
  async generate() {
    await timesOf([promptOf(16)], 4);
    const metrics = {};
    for (const [seed, length] of spec.lengths.entries()) {
      const { prefill, decode } = speedsOf(length, await timesOf([promptOf(length, seed + 1)], spec.steps + 1));
      Object.assign(metrics, { [`prefill${length}`]: prefill, [`decode${length}`]: decode });
    }
    return metrics;
  },
  "batch-generate": async () => ({
    tokens: await rowsPerSecond(spec.rows * spec.steps, spec.runs, (seed) => generate(rowsOf(seed), spec.steps)),
  }),
  async encode() {
    const encode = (lengths) =>
      rowsPerSecond(lengths.length, spec.runs, async (seed) => {
        const rows = lengths.map((length, i) => promptOf(length, seed * 100 + i));
        const { ids, attention_mask } = inputsOf(rows, "right");
        const token_type_ids = new Tensor("int64", new BigInt64Array(ids.data.length), ids.dims);
        await model({ input_ids: ids, attention_mask, token_type_ids });
      });
    return {
      single: await encode([128]),
      batch: await encode(new Array(32).fill(128)),
      mixed: await encode(mixedLengths),
    };
  },
  async translate() {
    const run = (seed) => generate(rowsOf(seed), spec.steps);
    const metrics = { tokens: await rowsPerSecond(spec.rows * spec.steps, spec.runs, run) };
    if (spec.rows > 1) return metrics;
    const { prefill, decode } = speedsOf(spec.length, await timesOf(rowsOf(99), spec.steps));
    return { ...metrics, prefill, decode };
  },
};

report(await tasks[spec.task]());
