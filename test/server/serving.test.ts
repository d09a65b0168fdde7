import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { safetensorsChunks } from "../../src/formats/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { fixture, readTensors } from "../helpers/fixtures.ts";
import { chatModel, checkSchema, events, get, post, started } from "./server.ts";

const stories = { model: "stories", prompt: "Once upon a time", temperature: 0 };

/** Waits until a condition holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe("keys, hosts and origins", () => {
  test("every route but /health and /ready needs a key", async () => {
    await using server = await started({ models: ["stories"], apiKeys: ["first-key-1", "second-key-2"] });
    for (const path of ["/v1/models", "/metrics", "/openapi.json", "/tokenizer_info", "/nothing"]) {
      expect((await get(`${server.url}${path}`)).status, path).toBe(401);
      expect((await get(`${server.url}${path}`, { authorization: "Bearer first-key-2" })).status, path).toBe(401);
    }
    expect((await get(`${server.url}/health`)).status).toBe(200);
    expect((await get(`${server.url}/ready`)).status).toBe(200);
    expect((await get(`${server.url}/v1/models`, { authorization: "Bearer second-key-2" })).status).toBe(200);
    expect((await get(`${server.url}/v1/models`, { "x-api-key": "first-key-1" })).status).toBe(200);
    expect(JSON.stringify(server.logs)).not.toContain("first-key");
    await expect(started({ models: ["stories"], apiKeys: ["short"] })).rejects.toThrow("8 characters");
  });

  test("a page of another origin or host is refused without a key", async () => {
    await using server = await started({ models: ["stories"] });
    const rebound = await new Promise<string>((resolve) => {
      const socket = connect(Number(new URL(server.url).port), "127.0.0.1", () =>
        socket.write("GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
      );
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk;
      });
      socket.on("close", () => resolve(text));
    });
    expect(rebound).toContain("403");
    expect(
      (await get(`${server.url}/v1/models`, { origin: "https://evil.example" })).headers.get(
        "access-control-allow-origin",
      ),
    ).toBeNull();
    await using open = await started({ models: ["stories"], corsOrigins: ["https://own.example"] });
    expect(
      (await get(`${open.url}/v1/models`, { origin: "https://own.example" })).headers.get(
        "access-control-allow-origin",
      ),
    ).toBe("https://own.example");
  });
});

describe("load and time", () => {
  test("requests beyond the limit get 429 with Retry-After; the others are answered", async () => {
    await using server = await started({ models: ["stories"], limits: { requests: 2 } });
    await post(`${server.url}/v1/completions`, { ...stories, max_tokens: 1 });
    const all = await Promise.all(
      Array.from({ length: 6 }, () => post(`${server.url}/v1/completions`, { ...stories, max_tokens: 20 })),
    );
    const refused = all.filter(({ status }) => status === 429);
    expect(all.filter(({ status }) => status === 200).length + refused.length).toBe(6);
    expect(refused.length).toBeGreaterThan(0);
    for (const { headers, body } of refused) {
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
      checkSchema("ErrorResponse", body);
    }
    expect((await post(`${server.url}/v1/completions`, { ...stories, max_tokens: 1 })).status).toBe(200);
  });

  test("a client that leaves ends its generation", async () => {
    await using server = await started({ models: ["stories"] });
    const leave = new AbortController();
    const body = JSON.stringify({ ...stories, max_tokens: 400, eos_token_id: null, stream: true });
    const response = await fetch(`${server.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      signal: leave.signal,
    });
    await response.body?.getReader().read();
    leave.abort();
    await until(() => server.logs.some(({ event }) => event === "request"));
    expect(server.logs.find(({ event }) => event === "request")).toMatchObject({
      gone: true,
      route: "/v1/completions",
    });
    await until(() => server.logs.length > 1);
    const { body: counts } = await get(`${server.url}/metrics`);
    expect(counts).toContain("lectern_requests_running 0");
    expect(counts).not.toMatch(/kind="completion"\} 400/);
  });

  test("a request's time is bounded", async () => {
    await using server = await started({ models: ["stories"], limits: { seconds: 0.05 } });
    await post(`${server.url}/v1/models/load`, { model: "stories" });
    const { body } = await post(`${server.url}/v1/completions`, { ...stories, max_tokens: 450, eos_token_id: null });
    expect(body.choices[0].finish_reason).toBe("length");
    expect(body.usage.completion_tokens).toBeLessThan(450);
  });

  test("traces and names of requests come back, and the log holds no prompt", async () => {
    await using server = await started({ models: ["stories"] });
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const { headers } = await post(
      `${server.url}/v1/completions`,
      { ...stories, prompt: "A secret prompt", max_tokens: 1 },
      { traceparent: `00-${trace}-b7ad6b7169203331-01` },
    );
    expect(headers.get("traceparent")).toMatch(new RegExp(`^00-${trace}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`));
    await until(() => server.logs.some(({ event }) => event === "request"));
    expect(server.logs.find(({ event }) => event === "request")).toMatchObject({
      trace,
      id: headers.get("x-request-id"),
      status: 200,
      promptTokens: expect.any(Number),
    });
    expect(JSON.stringify(server.logs)).not.toContain("secret");
  });
});

describe("models", () => {
  test("are loaded on first request, unloaded by memory, and pinned ones stay", async () => {
    await using server = await started({
      models: [
        { name: "stories", location: "stories", pinned: true },
        "sentiment",
        { name: "chat", location: chatModel },
      ],
      modelBytes: 1,
    });
    await server.ready;
    const loaded = async (): Promise<string[]> =>
      (await get(`${server.url}/v1/models`)).body.data
        .filter(({ loaded }: { loaded: boolean }) => loaded)
        .map(({ id }: { id: string }) => id);
    expect(await loaded()).toEqual(["stories"]);
    await post(`${server.url}/v1/classify`, { model: "sentiment", input: "a joy" });
    expect(await loaded()).toEqual(["stories", "sentiment"]);
    await post(`${server.url}/v1/models/load`, { model: "chat" });
    expect(await loaded()).toEqual(["stories", "chat"]);
    expect((await post(`${server.url}/v1/models/unload`, { model: "chat" })).body).toMatchObject({
      id: "chat",
      loaded: false,
    });
  });

  test("adapters are models of their own, and the base stays as it was", async () => {
    const folder = await mkdtemp(join(tmpdir(), "lectern-"));
    const size = 64;
    const factor = (rows: number, columns: number): HostTensor<"float32"> => ({
      dtype: "float32",
      shape: [rows, columns],
      data: Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i + 1)),
    });
    const layers = [0, 1, 2].map((layer) => `base_model.model.model.layers.${layer}.self_attn.q_proj`);
    const tensors = Object.fromEntries(
      layers.flatMap((path) => [
        [`${path}.lora_A.weight`, factor(2, size)],
        [`${path}.lora_B.weight`, factor(size, 2)],
      ]),
    );
    await writeFile(
      join(folder, "adapter_config.json"),
      JSON.stringify({ peft_type: "LORA", r: 2, lora_alpha: 16, target_modules: ["q_proj"] }),
    );
    await writeFile(join(folder, "adapter_model.safetensors"), Buffer.concat(safetensorsChunks(tensors)));
    await using server = await started({ models: [{ name: "chat", location: chatModel, adapters: { own: folder } }] });
    const logProbs = async (model: string): Promise<number[]> => {
      const echo = { model, prompt: "Hello Paris", echo: true, logprobs: 0, max_tokens: 0 };
      const { status, body } = await post(`${server.url}/v1/completions`, echo);
      expect(status, JSON.stringify([body, server.logs])).toBe(200);
      return body.choices[0].logprobs.token_logprobs.slice(1);
    };
    const base = await logProbs("chat");
    expect(await logProbs("chat:own")).not.toEqual(base);
    expect(await logProbs("chat")).toEqual(base);
    const { body } = await get(`${server.url}/v1/models/chat:own`);
    expect(body).toMatchObject({ id: "chat:own", parent: "chat" });
    await rm(folder, { recursive: true });
  });

  test("two servers cannot share a port", async () => {
    await using server = await started({ models: ["stories"] });
    await expect(started({ models: ["stories"], port: Number(new URL(server.url).port) })).rejects.toThrow("is in use");
  });
});

describe("encoders and tokenizers", () => {
  test("embeddings as numbers and in base64 are the same, and of one size", async () => {
    await using server = await started({ models: [{ name: "bert", location: fixture("models/bert") }] });
    const url = `${server.url}/v1/embeddings`;
    const floats = await post(url, { model: "bert", input: ["hello", "there"] });
    checkSchema("CreateEmbeddingResponse", floats.body);
    const { body } = await post(url, { model: "bert", input: "hello", encoding_format: "base64" });
    const bytes = Buffer.from(body.data[0].embedding, "base64");
    const values = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(floats.body.data[0].embedding[i], 5);
    expect((await post(url, { model: "bert", input: "hello", dimensions: 8 })).body.error.param).toBe("dimensions");
    const long = await post(url, { model: "bert", input: "hello ".repeat(400) });
    expect(long.body.error).toMatchObject({
      code: "context_length_exceeded",
      message: expect.stringMatching(/too many/),
    });
    expect((await post(url, { model: "bert", input: "hello ".repeat(400), truncate: true })).status).toBe(200);
    const ranked = await post(`${server.url}/v1/rerank`, { model: "bert", query: "a", documents: ["b"] });
    expect(ranked.body.error.message).toContain("one label");
  });

  test("rerank orders documents by an encoder with one label", async () => {
    const folder = await mkdtemp(join(tmpdir(), "lectern-"));
    const from = fixture("models/bert_cls");
    for (const name of ["tokenizer.json", "tokenizer_config.json"])
      await copyFile(join(from, name), join(folder, name));
    const config = JSON.parse(await readFile(join(from, "config.json"), "utf8"));
    await writeFile(
      join(folder, "config.json"),
      JSON.stringify({ ...config, id2label: { 0: "relevance" }, label2id: { relevance: 0 } }),
    );
    const weights = await readTensors(from, "model.safetensors");
    for (const name of ["classifier.weight", "classifier.bias"]) {
      const { shape, data, dtype } = weights[name] as HostTensor;
      const width = shape[1] ?? 1;
      weights[name] = { dtype, shape: [1, ...shape.slice(1)], data: data.slice(0, width) } as HostTensor;
    }
    await writeFile(join(folder, "model.safetensors"), Buffer.concat(safetensorsChunks(weights)));
    await using server = await started({ models: [{ name: "cross", location: folder }] });
    const documents = ["one", { text: "two words" }, "three words here"];
    const { body } = await post(`${server.url}/v1/rerank`, { model: "cross", query: "words", documents });
    const scores = body.results.map((result: { relevance_score: number }) => result.relevance_score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(body.results.map(({ index }: { index: number }) => index).sort()).toEqual([0, 1, 2]);
    const single = await post(`${server.url}/v1/rerank`, {
      model: "cross",
      query: "words",
      documents: ["two words"],
      top_n: 1,
    });
    expect(single.body.results[0].relevance_score).toBeCloseTo(
      body.results.find(({ index }: { index: number }) => index === 1).relevance_score,
      5,
    );
    await rm(folder, { recursive: true });
  });

  test("classify gives every label, the best first", async () => {
    await using server = await started({ models: ["sentiment", "stories"] });
    const { body } = await post(`${server.url}/v1/classify`, {
      model: "sentiment",
      input: ["a joy to read", "a waste of paper"],
    });
    expect(body.data.map(({ label }: { label: string }) => label)).toEqual(["positive", "negative"]);
    expect(body.data[0].scores).toHaveLength(2);
    expect((await post(`${server.url}/v1/classify`, { model: "stories", input: "x" })).status).toBe(400);
  });

  test("tokenize, detokenize and tokenizer_info answer as lm-evaluation-harness asks", async () => {
    await using server = await started({ models: [{ name: "chat", location: chatModel }] });
    const { body } = await post(`${server.url}/tokenize`, { prompt: "Hello Paris", add_special_tokens: false });
    expect(body).toMatchObject({ count: body.tokens.length, max_model_len: 1024 });
    expect((await post(`${server.url}/detokenize`, { tokens: body.tokens })).body).toEqual({ prompt: "Hello Paris" });
    const info = await get(`${server.url}/tokenizer_info`);
    expect(info.body).toMatchObject({
      eos_token: "<|im_end|>",
      pad_token: "<|endoftext|>",
      bos_token: null,
      chat_template: expect.stringContaining("tool_call"),
    });
    const chat = await post(`${server.url}/tokenize`, {
      messages: [{ role: "user", content: "Hello" }],
      return_token_strs: true,
    });
    expect(chat.body.token_strs.join("")).toBe("<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n");
    const chunks = await events(`${server.url}/v1/chat/completions`, {
      model: "chat",
      messages: [{ role: "user", content: "Hello" }],
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(chunks.at(-1).usage.prompt_tokens).toBe(chat.body.count);
  });

  test("the OpenAPI document names every route and the fields of requests", async () => {
    await using server = await started({ models: ["stories"] });
    const { body } = await get(`${server.url}/openapi.json`);
    expect(body.openapi).toBe("3.1.0");
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining(["/v1/completions", "/v1/messages", "/v1/responses", "/metrics"]),
    );
    const { properties } = body.paths["/v1/completions"].post.requestBody.content["application/json"].schema;
    expect(properties.repetition_penalty.description).toContain("Above 1");
  });
});

describe("lectern serve", () => {
  const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

  test("serves, answers with a key from a file, and lets requests end after SIGTERM", async () => {
    const folder = await mkdtemp(join(tmpdir(), "lectern-"));
    await writeFile(join(folder, "keys"), "# keys\nkey-of-the-test\n");
    const child = spawn(
      process.execPath,
      [main, "serve", "stories", `chat=${chatModel}`, "--port", "0", "--json", "--api-key-file", join(folder, "keys")],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const { url, models } = JSON.parse(String(line)) as { url: string; models: string[] };
    expect(models).toEqual(["stories", "chat"]);
    const running = post(
      `${url}/v1/completions`,
      { ...stories, max_tokens: 300, eos_token_id: null },
      { authorization: "Bearer key-of-the-test" },
    );
    await once(child.stderr, "data"); // the model is loaded
    child.kill("SIGTERM");
    const exit = once(child, "exit");
    const { status, body } = await running;
    expect(status).toBe(200);
    expect(body.usage.completion_tokens).toBe(300);
    expect((await exit)[0]).toBe(0);
    await rm(folder, { recursive: true });
  });

  test("without a key on an address that others reach, it warns", async () => {
    const child = spawn(process.execPath, [main, "serve", "--port", "0", "--host", "0.0.0.0"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const warned = once(child.stderr, "data"); // by another pipe, before or after the lines
    const lines = createInterface(child.stdout);
    const printed: string[] = [];
    for await (const line of lines) if (printed.push(line) === 2) break;
    expect(printed[0]).toMatch(/^export OPENAI_BASE_URL=http:\/\/0\.0\.0\.0:\d+\/v1 OPENAI_API_KEY=none$/);
    expect(printed[1]).toMatch(/^models: icl-large, icl-medium, icl-small, masked, sentiment, stories/);
    expect(String((await warned)[0])).toContain("WARNING");
    child.kill("SIGTERM");
    expect((await once(child, "exit"))[0]).toBe(0);
  });
});
