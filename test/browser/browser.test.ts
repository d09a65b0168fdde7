import { mkdtemp, readFile } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModel, loadTokenizer } from "../../src/inference/index.ts";
import { pipeline } from "../../src/pipelines/index.ts";
import { hasChromium, launchChromium, serve } from "../helpers/chromium.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

const quantizedFile = "test/parity/fixtures/gguf/small-Q4_0.gguf";
const models = [
  "models/stories",
  "test/parity/fixtures/models/gpt2",
  "test/parity/fixtures/models/llama_gqa",
  quantizedFile,
];

describe.skipIf(!hasChromium)("in Debian's chromium (skipped where /usr/bin/chromium is absent)", () => {
  let browser: Browser;
  const servers: Server[] = [];

  beforeAll(async () => {
    process.env.LECTERN_CACHE = await mkdtemp(join(tmpdir(), "lectern-")); // for what Node derives
    servers.push(await serve(), await serve({ isolated: true }));
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    for (const server of servers) server.close();
  });

  async function inPage<T>(isolated: boolean, script: string): Promise<T> {
    const page = await browser.newPage();
    const { port } = (servers[isolated ? 1 : 0] as Server).address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/`);
    expect(await page.evaluate("crossOriginIsolated")).toBe(isolated);
    const result = await page.evaluate(`(async () => {
      const { loadModel, pipeline } = await import("/dist/web/lectern.js");
      ${script}
    })()`);
    await page.close();
    return result as T;
  }

  const options = { doSample: false, maxNewTokens: 24, eosTokenId: null };
  const ids = [[5, 9, 3]];

  test.each(models.flatMap((model) => [false, true].map((isolated) => ({ model, isolated }))))(
    "$model generates the same greedy tokens as in Node, isolated: $isolated",
    async ({ model, isolated }) => {
      const outputIds = await inPage(
        isolated,
        `const model = await loadModel("/${model}", { precision: "float32" });
         return (await model.generate({ inputIds: ${JSON.stringify(ids)} }, ${JSON.stringify(options)})).outputIds;`,
      );
      await using inNode = await loadModel(join(root, model), { precision: "float32" });
      expect(outputIds).toEqual((await inNode.generate({ inputIds: ids }, options)).outputIds);
    },
  );

  test("a schema is compiled in a worker of its own, and gives the text that it gives in Node", async () => {
    const form = {
      type: "object",
      properties: { name: { type: "string", maxLength: 8 }, age: { type: "integer", minimum: 0, maximum: 120 } },
      required: ["name", "age"],
      additionalProperties: false,
    };
    const own = { schema: form, maxNewTokens: 60, doSample: false };
    const refused = { schema: { properties: { a: { $ref: "https://example.com/a" } } } };
    const [text, workers, message] = await inPage<[string, string[], string]>(
      false,
      `const workers = [];
       const Plain = Worker;
       globalThis.Worker = class extends Plain {
         constructor(url, options) {
           super(url, options);
           workers.push(options.name);
         }
       };
       const model = await loadModel("/models/stories", { precision: "float32" });
       const prompt = "The hero: ";
       const { text } = await model.generate({ prompt }, ${JSON.stringify(own)});
       const message = await model.generate({ prompt }, ${JSON.stringify(refused)}).catch(({ message }) => message);
       return [text, workers, message];`,
    );
    await using inNode = await loadModel(join(root, "models/stories"), { precision: "float32" });
    expect(text).toBe((await inNode.generate({ prompt: "The hero: " }, own)).text);
    expect(Object.keys(JSON.parse(text))).toEqual(["name", "age"]);
    expect(workers.filter((name) => name === "lectern-grammar")).toHaveLength(2);
    expect(message).toContain("/properties/a/$ref");
  });

  // Products round their inputs to 8 bits, in another order in the page: scores differ by what a kernel's may.
  test("a quantized file is computed in its few bits, with scores near those in Node", async () => {
    const inputIds = [[5, 9, 3, 17, 4]];
    const [precision, logits] = await inPage<[string, number[]]>(
      false,
      `const model = await loadModel("/${quantizedFile}");
       return [model.precision, [...(await model.forward({ inputIds: ${JSON.stringify(inputIds)} })).logits.data]];`,
    );
    expect(precision).toBe("published");
    await using inNode = await loadModel(join(root, quantizedFile));
    const expected = (await inNode.forward({ inputIds })).logits?.data as Float32Array;
    const norm = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));
    expect(norm(expected.map((value, i) => value - (logits[i] as number))) / norm(expected)).toBeLessThan(2e-2);
  });

  test("a model of the hub is fetched by its address, and one of the page's own server goes before", async () => {
    const page = await browser.newPage();
    const asked: string[] = [];
    await page.context().route("https://huggingface.co/**", async (route) => {
      const { pathname } = new URL(route.request().url());
      asked.push(pathname);
      const name = pathname.replace("/tiny/gpt2/resolve/v1/", "");
      const body = await readFile(join(root, "test/parity/fixtures/models/gpt2", name)).catch(() => undefined);
      const headers = { "access-control-allow-origin": "*" };
      await route.fulfill(body ? { status: 200, headers, body } : { status: 404, headers });
    });
    const { port } = (servers[0] as Server).address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/`);
    const result = await page.evaluate(`(async () => {
      const { loadModel } = await import("/dist/web/lectern.js");
      const model = await loadModel("tiny/gpt2", { revision: "v1" });
      const { outputIds } = await model.generate({ inputIds: ${JSON.stringify(ids)} }, ${JSON.stringify(options)});
      await model.dispose();
      const own = await loadModel("models/stories");
      await own.dispose();
      const refused = await loadModel("tiny/gpt2", { offline: true }).catch((error) => error.code + ": " + error.message);
      return { outputIds, family: own.family, refused };
    })()`);
    await page.close();
    await using inNode = await loadModel(join(root, "test/parity/fixtures/models/gpt2"));
    expect(result).toEqual({
      outputIds: (await inNode.generate({ inputIds: ids }, options)).outputIds,
      family: "LLaMA",
      refused: "unsupported: offline: not in a page, where the browser fetches files",
    });
    expect(asked).toContain("/tiny/gpt2/resolve/v1/model.safetensors");
    expect(asked.every((path) => path.startsWith("/tiny/gpt2/resolve/v1/"))).toBe(true);
  });

  test("the page stays free while a worker computes, and can stop it", async () => {
    const { frames, finishReason, tokens } = await inPage<{ frames: number; finishReason: string; tokens: number }>(
      false,
      `const model = await loadModel("/models/stories");
       let frames = 0;
       const timer = setInterval(() => frames++, 5);
       const stop = new AbortController();
       let tokens = 0;
       const result = await model.generate(
         { prompt: "Once" },
         { maxNewTokens: 400, eosTokenId: null, signal: stop.signal, onToken: () => ++tokens === 20 && stop.abort() },
       );
       clearInterval(timer);
       await model.dispose();
       return { frames, finishReason: result.finishReason, tokens: result.outputIds.length };`,
    );
    expect(finishReason).toBe("abort");
    expect(tokens).toBeGreaterThanOrEqual(20);
    expect(tokens).toBeLessThan(400);
    expect(frames).toBeGreaterThan(3);
  });

  test("a pipeline answers in the page as in Node, a stream in its order", async () => {
    const texts = ["A fox ran.", "She wept and wept and wept.", "No."];
    const inPageScores = await inPage<{ label: string; score: number }[]>(
      false,
      `const classify = await pipeline("text-classification", "/test/parity/fixtures/models/bert_cls");
       async function* lines() { yield* ${JSON.stringify(texts)}; }
       const results = [];
       for await (const result of classify(lines())) results.push(result);
       await classify.dispose();
       return results;`,
    );
    await using classify = await pipeline("text-classification", join(root, "test/parity/fixtures/models/bert_cls"));
    const inNode = await classify(texts);
    for (const [i, { label, score }] of inNode.entries()) {
      expect(inPageScores[i]?.label).toBe(label);
      expect(inPageScores[i]?.score).toBeCloseTo(score, 5);
    }
  });

  test.each(["text/html", "application/json"])(
    "behind a host that answers absent files with a page (as %s), models load and absent ones are reported",
    async (fallback) => {
      const server = await serve({ fallback });
      servers.push(server);
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      const directory = "/test/parity/fixtures/models/bert_cls";
      const result = await page.evaluate(`(async () => {
        const { loadModel, loadTokenizer } = await import("/dist/web/lectern.js");
        const model = await loadModel("models/stories");
        const { outputIds } = await model.generate({ inputIds: ${JSON.stringify(ids)} }, ${JSON.stringify(options)});
        const tokenizer = await loadTokenizer("${directory}");
        const absent = await loadModel("/models/none").catch((error) => error.code + ": " + error.message);
        return { outputIds, tokens: tokenizer.encode("A fox ran.").ids, absent };
      })()`);
      await page.close();
      await using inNode = await loadModel(join(root, "models/stories"));
      const tokenizer = await loadTokenizer(join(root, directory));
      expect(result).toEqual({
        outputIds: (await inNode.generate({ inputIds: ids }, options)).outputIds,
        tokens: tokenizer?.encode("A fox ran.").ids,
        absent: expect.stringMatching(/^file: fetching .*\/models\/none\/config\.json: .*got an HTML page/),
      });
    },
  );

  test("what goes wrong in the worker reaches the page in words", async () => {
    const message = await inPage<string>(
      false,
      `return loadModel("/models/none").then(() => "loaded", (error) => error.code + ": " + error.message);`,
    );
    expect(message).toMatch(/^file: .*models\/none\/config\.json answered 404/);
  });
});
