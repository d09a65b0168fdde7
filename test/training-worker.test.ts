import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openFiles } from "../src/files/index.ts";
import { loadTokenizer, type Tokenizer } from "../src/tokenizers/index.ts";
import { parseRecipe, trainRecipe } from "../src/training/index.ts";
import { fixture } from "./helpers/fixtures.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "lectern-"));
const data = join(folder, "data");
await mkdir(data);
await writeFile(join(data, "a.txt"), "the wolf and the seven little goats ".repeat(60));
await writeFile(join(data, "b.txt"), "the fox and the geese went out ".repeat(40));
const gpt2 = fixture("models/gpt2");
const recipe = {
  config: { model_type: "gpt2", vocab_size: 400, n_embd: 32, n_layer: 2, n_head: 2, n_positions: 32, eos_token_id: 0 },
  heldOut: ["b.txt"],
  seed: 5,
  batchSize: 4,
  length: 32,
  steps: 40,
  optimizer: { name: "adamw" },
  schedule: { name: "linear", learningRate: 0.003, warmupSteps: 4 },
  maxGradNorm: 1,
  checkpointEvery: 10,
  evaluateEvery: 20,
};

/** Runs a script against the built package, in a process of its own, and returns what it prints as JSON. */
function run<T>(script: string): T {
  const prelude = `
    import { createServer } from "node:http";
    import { loadTokenizer } from "lectern";
    import { evaluateRecipe, finetune, parseRecipe, trainRecipe } from "lectern/training";
    const folder = ${JSON.stringify(folder)};
    const recipe = parseRecipe(${JSON.stringify(recipe)});
    const gpt2 = ${JSON.stringify(gpt2)};
    const tokenizer = await loadTokenizer(gpt2);
    const options = (out) => ({ data: folder + "/data", tokenizer, tokenizerDirectory: gpt2, out: folder + "/" + out });
    const told = (call) => call.then(() => "done", (error) => error.code ?? error.message);
    const print = (value) => console.log(JSON.stringify(value));
  `;
  const out = execFileSync(process.execPath, ["--input-type=module", "-e", prelude + script], {
    cwd: root,
    encoding: "utf8",
    timeout: 60_000,
  });
  return JSON.parse(out) as T;
}

const written = (out: string): Promise<Buffer> => readFile(join(folder, out, "model.safetensors"));

test("while a worker trains, a server of the same process answers; the weights are those of the caller's thread", async () => {
  const result = run<{ answers: number; reports: number; step: number; isOwn: boolean; metrics: object }>(`
    const server = createServer((_, response) => response.end("here"));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    let [answers, reports, isTraining] = [0, 0, true];
    const training = trainRecipe(recipe, { ...options("worker"), onReport: () => reports++ });
    const asking = (async () => {
      while (isTraining) {
        const response = await fetch("http://127.0.0.1:" + server.address().port);
        if (isTraining && reports > 0 && (await response.text()) === "here") answers++;
      }
    })();
    const { step, parameters, evaluation } = await training;
    isTraining = false;
    await asking;
    server.close();
    server.closeAllConnections();
    const { data } = Object.values(parameters)[0];
    print({ answers, reports, step, isOwn: data.buffer.byteLength === data.byteLength, metrics: evaluation });`);
  const { tokenizer, ...rest } = {
    tokenizer: await loadTokenizer(await openFiles(gpt2)),
    data,
    tokenizerDirectory: gpt2,
  };
  const here = await trainRecipe(parseRecipe(recipe), {
    ...rest,
    tokenizer: tokenizer as Tokenizer,
    out: join(folder, "here"),
  });
  expect(result).toMatchObject({ reports: 40, step: 40, isOwn: true, metrics: here.evaluation });
  expect(result.answers).toBeGreaterThan(10);
  expect((await written("worker")).equals(await written("here"))).toBe(true);
});

test("a cancelled training keeps its checkpoint, and ends with the same bits once it is resumed", async () => {
  const result = run<Record<string, unknown>>(`
    const stop = new AbortController();
    const kept = [];
    const onReport = ({ step }) => step === 7 && stop.abort();
    const cancelled = await told(
      trainRecipe(recipe, { ...options("cancelled"), signal: stop.signal, onReport, onStop: (step) => kept.push(step) }),
    );
    const resumed = [];
    await trainRecipe(recipe, { ...options("cancelled"), onResume: ({ step }) => resumed.push(step) });
    const before = await told(trainRecipe(recipe, { ...options("never"), signal: AbortSignal.abort() }));
    print({ cancelled, isSame: kept.join() === resumed.join(), isEarly: kept[0] >= 7 && kept[0] < 40, before });`);
  expect(result).toEqual({ cancelled: "abort", isSame: true, isEarly: true, before: "abort" });
  await run(`await trainRecipe(recipe, options("whole")); print(1);`);
  expect((await written("cancelled")).equals(await written("whole"))).toBe(true);
});

test("errors cross with their codes, and those of the caller's functions as they are; the process ends", () => {
  const result = run<Record<string, unknown>>(`
    const fails = (name) => told(trainRecipe(recipe, { ...options("fails"), [name]: async () => { throw new Error(name); } }));
    const other = parseRecipe({ ...recipe, seed: 6 });
    const [own, another] = [options("fails"), { ...options("fails"), threads: 1 }];
    await trainRecipe(recipe, own);
    print({
      report: await told(trainRecipe(recipe, { ...options("reports"), onReport: () => { throw new Error("own"); } })),
      resume: await fails("onResume"),
      otherRun: await told(trainRecipe(other, another)),
      noData: await told(trainRecipe(recipe, { ...options("none"), data: folder + "/none" })),
      noTokenizer: await told(trainRecipe(recipe, { ...options("none"), tokenizerDirectory: folder + "/absent" })),
      busy: (await Promise.all([1, 2].map(() => told(trainRecipe(recipe, options("busy")))))).sort(),
    });`);
  expect(result).toEqual({
    report: "own",
    resume: "onResume",
    otherRun: "usage",
    noData: "file",
    noTokenizer: "file",
    busy: ["done", "usage"],
  });
});

test("rows, a teacher and what a plan is told to stay with the caller", () => {
  const { plan, same, steps, ...result } = run<Record<string, unknown>>(`
    const model = ${JSON.stringify(fixture("models/bert_cls"))};
    const labels = ["x", "y"];
    const texts = Array.from({ length: 300 }, (_, i) => ({ text: "a fox ran " + i, label: labels[i % 2], other: i }));
    async function* stream() { yield* texts; }
    const settings = { model, task: "text-classification", batchSize: 32, epochs: 1, config: { steps: 3 } };
    const plans = [];
    const tune = (out, data, more) =>
      finetune({ ...settings, data, validation: texts.slice(0, 8), out: folder + "/" + out, onStart: (plan) => plans.push(plan), ...more });
    const one = await tune("streamed", stream());
    const two = await tune("listed", texts);
    const same = JSON.stringify(one.evaluation) === JSON.stringify(two.evaluation);
    let returned = false;
    const broken = { *[Symbol.iterator]() { try { yield texts[0]; yield 5; yield texts[1]; } finally { returned = true; } } };
    print({
      plan: plans[0], same, steps: [one.step, two.plan.steps],
      broken: await told(tune("broken", broken)), returned,
      uncopied: await told(tune("uncopied", [{ text: "a", label: () => {} }])),
      unknown: await told(tune("unknown", texts, { unknown: 1 })),
      refused: await told(tune("refused", texts, { onStart: () => { throw new Error("not this"); } })),
    });`);
  expect(plan).toMatchObject({ training: 300, heldOut: 8, labels: ["x", "y"], steps: 3 });
  expect([same, steps]).toEqual([true, [3, 3]]);
  expect(result).toEqual({
    broken: "input",
    returned: true,
    uncopied: "input",
    unknown: "config",
    refused: "not this",
  });
});

test("a teacher of the caller labels texts for the worker, and a trained model is measured there", async () => {
  const rows = Array.from({ length: 40 }, (_, i) =>
    JSON.stringify({ text: `a fox ran ${i}`, label: i % 2 ? "x" : "y" }),
  );
  await writeFile(join(data, "rows.jsonl"), rows.join("\n"));
  await writeFile(join(data, "held.jsonl"), JSON.stringify({ text: "a wolf", label: "x" }));
  const result = run<Record<string, unknown>>(`
    const { loadModel } = await import("lectern");
    const bert = ${JSON.stringify(fixture("models/bert_cls"))};
    const own = await loadTokenizer(bert);
    const taught = parseRecipe({
      config: { model_type: "bert", architectures: ["BertForSequenceClassification"], vocab_size: own.vocabularySize, hidden_size: 16,
        num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 16, max_position_embeddings: 64, id2label: { 0: "x", 1: "y" } },
      task: "text-classification",
      examples: { training: [{ file: "rows.jsonl" }], validation: [{ file: "held.jsonl" }], test: [{ file: "held.jsonl" }] },
      teacher: { share: 1, spans: 1 },
      seed: 1, batchSize: 8, steps: 3, optimizer: { name: "sgd" }, schedule: { name: "constant", learningRate: 0.01 }, checkpointEvery: 10,
    });
    let asked = 0;
    const teacher = async (texts) => { asked += texts.length; return texts.map(() => ({ x: 0.25, y: 0.75 })); };
    const to = { ...options("taught"), tokenizer: own, tokenizerDirectory: bert };
    const { step, evaluation } = await trainRecipe(taught, { ...to, teacher });
    const model = await loadModel(to.out);
    const [{ metrics }] = await evaluateRecipe(taught, model, { data: to.data });
    const silent = await told(trainRecipe(taught, { ...options("silent"), tokenizer: own, tokenizerDirectory: bert, teacher: async () => [] }));
    print({ step, asked: asked >= 40, isSame: Math.abs(metrics.loss - evaluation.loss) < 1e-6, silent });`);
  expect(result).toEqual({ step: 3, asked: true, isSame: true, silent: "input" });
});
