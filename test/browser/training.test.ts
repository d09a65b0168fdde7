import { mkdtemp } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModel, loadTokenizer } from "../../src/inference/index.ts";
import type { Tokenizer } from "../../src/tokenizers/index.ts";
import { parseRecipe, trainRecipe, trainTokenizer, writeFiles } from "../../src/training/index.ts";
import { hasChromium, launchChromium, serve } from "../helpers/chromium.ts";

/** The largest difference of a loss in the page, whose engine adds in another order than Node's. */
const TOLERANCE = 1e-5;

const texts = {
  "a.txt": "the wolf and the seven little goats ".repeat(60),
  "b.txt": "the fox and the geese ".repeat(40),
};
const kind = { kind: "character", vocabularySize: 64 } as const;
const recipe = {
  heldOut: ["b.txt"],
  seed: 5,
  batchSize: 4,
  length: 24,
  steps: 30,
  optimizer: { name: "adamw" },
  schedule: { name: "linear", learningRate: 0.01, warmupSteps: 4 },
  maxGradNorm: 1,
  checkpointEvery: 10,
  evaluateEvery: 15,
};
const common = { vocab_size: 32, eos_token_id: 0 };
const models = {
  "char-rnn": {
    ...recipe,
    config: { ...common, model_type: "char_rnn", cell: "gru", embedding_size: 16, hidden_size: 32, num_layers: 1 },
    objective: { name: "next-token", stateful: true },
  },
  gpt2: {
    ...recipe,
    config: { ...common, model_type: "gpt2", n_embd: 32, n_layer: 2, n_head: 2, n_positions: 64 },
  },
};
const generation = { doSample: false, maxNewTokens: 16, minNewTokens: 16 };

interface Trained {
  readonly losses: readonly number[];
  readonly evaluation: { readonly loss: number; readonly metrics: Readonly<Record<string, number>> };
  readonly text: string;
}

async function inNode(json: object): Promise<Trained> {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  const [data, tokens, out] = [join(folder, "texts"), join(folder, "tokens"), join(folder, "out")];
  await writeFiles(data, texts);
  await writeFiles(tokens, { "tokenizer.json": JSON.stringify(await trainTokenizer(Object.values(texts), kind)) });
  const losses: number[] = [];
  const { evaluation } = await trainRecipe(parseRecipe(json), {
    data,
    tokenizer: (await loadTokenizer(tokens)) as Tokenizer,
    tokenizerDirectory: tokens,
    out,
    onReport: ({ loss }) => losses.push(loss),
  });
  await using model = await loadModel(out);
  const { text } = await model.generate({ prompt: "the " }, generation);
  return { losses, evaluation: evaluation as Trained["evaluation"], text };
}

describe.skipIf(!hasChromium)("training in Debian's chromium (skipped where /usr/bin/chromium is absent)", () => {
  let browser: Browser;
  let servers: readonly Server[];

  beforeAll(async () => {
    servers = [await serve(), await serve({ isolated: true })];
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    for (const server of servers) server.close();
  });

  async function inPage<T>(json: object, script: string, isolated = false): Promise<T> {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${((servers[isolated ? 1 : 0] as Server).address() as AddressInfo).port}/`);
    const result = await page.evaluate(`(async () => {
      const { loadModel, loadTokenizer, openFiles } = await import("/dist/web/lectern.js");
      const { finetune, parseRecipe, trainRecipe, trainTokenizer, writeFiles } = await import("/dist/web/training.js");
      const texts = ${JSON.stringify(texts)};
      await writeFiles("memory:texts", texts);
      const vocabulary = await trainTokenizer(Object.values(texts), ${JSON.stringify(kind)});
      await writeFiles("memory:tokens", { "tokenizer.json": JSON.stringify(vocabulary) });
      const recipe = parseRecipe(${JSON.stringify(json)});
      const tokenizer = await loadTokenizer("memory:tokens");
      const options = (out) => ({ data: "memory:texts", tokenizer, tokenizerDirectory: "memory:tokens", out: "memory:" + out });
      const told = (call) => call.then(() => "done", (error) => error.code ?? error.message);
      const weightsOf = async (out) => String(await (await openFiles("memory:" + out)).readBytes("model.safetensors"));
      ${script}
    })()`);
    await page.close();
    return result as T;
  }

  const cases = Object.entries(models).flatMap(([name, json]) =>
    [false, true].map((isolated) => ({ name, json, isolated })),
  );

  test.each(cases)(
    `$name has the losses of Node within ${TOLERANCE}, and generates what it has learned, isolated: $isolated`,
    async ({ json, isolated }) => {
      const { turns, ...page } = await inPage<Trained & { turns: number }>(
        json,
        `const losses = [];
         let turns = 0;
         const timer = setInterval(() => turns++, 1);
         const { evaluation } = await trainRecipe(recipe, { ...options("tiny"), onReport: ({ loss }) => losses.push(loss) });
         clearInterval(timer);
         const model = await loadModel("memory:tiny");
         const { text } = await model.generate({ prompt: "the " }, ${JSON.stringify(generation)});
         await model.dispose();
         return { losses, evaluation, text, turns };`,
        isolated,
      );
      const node = await inNode(json);
      expect(page.losses).toHaveLength(recipe.steps);
      for (const [i, loss] of node.losses.entries())
        expect(Math.abs((page.losses[i] as number) - loss)).toBeLessThan(TOLERANCE);
      expect(Math.abs(page.evaluation.loss - node.evaluation.loss)).toBeLessThan(TOLERANCE);
      expect(page.text).toBe(node.text);
      expect(page.text).toHaveLength(generation.maxNewTokens);
      expect(node.losses.at(-1) as number).toBeLessThan((node.losses[0] as number) - 1);
      expect(turns).toBeGreaterThan(10);
    },
    120_000,
  );

  test("a training that the page cancels keeps its checkpoint, and ends with the same bits once it is resumed", async () => {
    const result = await inPage<Record<string, unknown>>(
      models["char-rnn"],
      `const stop = new AbortController();
       const kept = [];
       const onReport = ({ step }) => step === 5 && stop.abort();
       const cancelled = await told(
         trainRecipe(recipe, { ...options("cancelled"), signal: stop.signal, onReport, onStop: (step) => kept.push(step) }),
       );
       const resumed = [];
       await trainRecipe(recipe, { ...options("cancelled"), onResume: ({ step }) => resumed.push(step) });
       await trainRecipe(recipe, options("whole"));
       const names = (await (await openFiles("memory:whole")).list()).sort();
       return {
         cancelled, names,
         isEarly: kept[0] >= 5 && kept[0] < 30 && kept[0] === resumed[0],
         isSame: (await weightsOf("cancelled")) === (await weightsOf("whole")),
       };`,
    );
    expect(result).toEqual({
      cancelled: "abort",
      names: [
        "best.safetensors",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "training.jsonl",
        "training.safetensors",
        "training.svg",
      ],
      isEarly: true,
      isSame: true,
    });
  }, 120_000);

  test("a model of the page's server is fine-tuned, and its adapter opens with its base", async () => {
    const result = await inPage<Record<string, unknown>>(
      models.gpt2,
      `const data = Array.from({ length: 20 }, (_, i) => ({ text: "a fox ran", label: i % 2 ? "x" : "y" }));
       const model = "/test/parity/fixtures/models/bert_cls";
       const settings = { model, data, task: "text-classification", epochs: 1, maxLength: 16 };
       const { plan } = await finetune({ ...settings, out: "memory:adapter", lora: { r: 2 } });
       const adapted = await loadModel("memory:adapter");
       const { logits } = await adapted.forward({ inputIds: [[1, 2, 3]] });
       await adapted.dispose();
       return { labels: plan.labels, shape: logits.shape };`,
    );
    expect(result).toEqual({ labels: ["x", "y"], shape: [1, 2] });
  }, 120_000);

  test("a model in memory is fine-tuned on rows of the page; errors have the codes that they have in Node", async () => {
    const result = await inPage<Record<string, unknown>>(
      models.gpt2,
      `await trainRecipe(recipe, options("tiny"));
       const data = Array.from({ length: 40 }, () => ({ text: "the geese and the goats" }));
       const settings = { model: "memory:tiny", data, task: "text-generation", out: "memory:tuned", epochs: 1 };
       const { plan, step, evaluation } = await finetune(settings);
       const model = await loadModel("memory:tuned");
       await writeFiles("memory:rows", { "rows.jsonl": data.map((row) => JSON.stringify(row)).join("\\n") });
       const ofFile = await finetune({ ...settings, data: "memory:rows/rows.jsonl", out: "memory:again" });
       const adapted = await finetune({ ...settings, lora: { r: 2 }, out: "memory:adapter" });
       await model.addAdapter("own", "memory:adapter");
       const { text } = await model.generate({ prompt: "the " }, ${JSON.stringify(generation)});
       await model.dispose();
       return {
         training: plan.training, step, learned: adapted.plan.learned < plan.learned, length: text.length,
         isLoss: evaluation.loss > 0,
         isSame: ofFile.evaluation.loss === evaluation.loss,
         disk: await told(trainRecipe(recipe, { ...options("x"), out: "/x" })),
         table: await told(finetune({ ...settings, data: "memory:rows.csv" })),
         absent: await told(trainRecipe(recipe, { ...options("x"), data: "memory:none" })),
         own: await told(trainRecipe(recipe, { ...options("x"), onReport: () => { throw new Error("own"); } })),
         busy: (await Promise.all([told(trainRecipe(recipe, options("y"))), told(trainRecipe(recipe, options("y")))])).sort(),
       };`,
    );
    expect(result).toEqual({
      training: 36,
      step: 3,
      learned: true,
      length: 16,
      isLoss: true,
      isSame: true,
      disk: "unsupported",
      table: "unsupported",
      absent: "file",
      own: "own",
      busy: ["done", "usage"],
    });
  }, 180_000);
});
